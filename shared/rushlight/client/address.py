"""A farm's address and how it is reached: one way for the client and for a worker's own transport.

Nothing here connects.
"""

from typing import Any

import httpx

from rushlight.client.certificates import trusted
from rushlight.client.credentials import is_this_machine
from rushlight.errors import InvalidRequest

CONNECT_S = 5.0


def address_of(url: str) -> httpx.URL:
    """The address of a farm, checked.

    Raises:
        InvalidRequest: it is none, or holds a password.
    """
    try:
        address = httpx.URL(url.rstrip("/"))
    except httpx.InvalidURL as error:
        raise InvalidRequest(f"{url!r} is no address: {error}") from None
    if address.scheme not in ("http", "https") or not address.host:
        raise InvalidRequest(f"{url!r} is no address; give one like http://127.0.0.1:3000")
    if address.userinfo:
        # Addresses stand in errors and logs, and in the arguments of processes.
        raise InvalidRequest("an address must hold no password; give a key (docs/keys.md)")
    return address


def reaching(address: httpx.URL, *, answer_s: float) -> dict[str, Any]:
    """What a client of httpx needs to be told of it; ``answer_s`` is for one answer."""
    return {
        "base_url": address,
        "verify": trusted(address.scheme),
        # A proxy has nothing to do with this machine's own addresses.
        "trust_env": not is_this_machine(address.host),
        "timeout": httpx.Timeout(answer_s, connect=CONNECT_S),
    }
