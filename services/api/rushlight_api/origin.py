"""Keeps pages of other sites away from a farm that asks for no key.

A browser on this machine reaches loopback addresses for any page that it shows. So requests must
name this machine as their host (a name that points here by a trick does not), and a page that sends
them must come from it.
"""

from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from rushlight.errors import Forbidden, SettingsInvalid
from rushlight_api.reading import Incoming


def is_loopback(host: str) -> bool:
    """Whether a host name or address can only be this machine."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def refuse_public_bind(host: str, *, has_keys: bool, data: Path) -> None:
    """Refuse to listen where others could reach a farm without keys.

    Raises:
        SettingsInvalid: ``host`` is not this machine alone; says what to do.
    """
    if not has_keys and not is_loopback(host):
        raise SettingsInvalid(
            f"host {host}: others reach the farm there, and it has no keys yet. Make the first one"
            f" with `rushlight key create --role admin --data {data}`, or listen on 127.0.0.1"
        )


def refuse_foreign_pages(request: Incoming) -> None:
    """Refuse what a page of another site has a browser send.

    Raises:
        Forbidden: the host or the origin is not this machine.
    """
    host = request.headers.get("host", "")
    if host and not is_loopback(_host_in(f"//{host}")):
        raise Forbidden(f"the farm is at 127.0.0.1 or localhost, not at {host}")
    origin = request.headers.get("origin")
    if origin is not None and not is_loopback(_host_in(origin)):
        raise Forbidden(f"pages of {origin} may not use this farm")
    # Pictures and scripts in a page come without an origin; a link that somebody follows is fine.
    site, mode = (request.headers.get(f"sec-fetch-{name}") for name in ("site", "mode"))
    if site == "cross-site" and mode != "navigate":
        raise Forbidden("pages of other sites may not use this farm")


def _host_in(address: str) -> str:
    """The host of an address; empty where it is none."""
    try:
        return urlsplit(address).hostname or ""
    except ValueError:
        return ""
