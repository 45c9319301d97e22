"""Which certificates a client trusts: those of its machine, or of ``SSL_CERT_FILE``."""

import ssl

import httpx

UNTRUSTED = "certificate verify failed"
TRUST = "If it has a certificate of your own authority, name the file of that in SSL_CERT_FILE"


def trusted(scheme: str) -> ssl.SSLContext | bool:
    """What httpx is to verify with; False where there is nothing to verify.

    Made for ``https`` only: to read certificates takes megabytes, and longer than most requests.
    """
    return httpx.create_ssl_context() if scheme == "https" else False
