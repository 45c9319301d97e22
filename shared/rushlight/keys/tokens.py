"""How keys and enrolment tokens look, and how one is recognised.

``rlk_<id>_<secret>`` is a key, ``rle_<id>_<secret>`` a token that is changed for a key once. The id
may be shown; the secret is 256 random bits. Only its SHA-256 is kept: nobody can try out so many
secrets, so a slow hash, which protects words that people choose, would only slow requests down.
Both parts are lower-case base32, so a key is one word to double-click and to search leaks for.
"""

import base64
import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass, field

KEY_PREFIX = "rlk"
TOKEN_PREFIX = "rle"  # noqa: S105 - how a token begins
ID_SIGNS = 10
SECRET_BYTES = 32
_ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"
_FORM = re.compile(r"(rlk|rle)_([a-z2-7]{10})_([a-z2-7]{52})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Parsed:
    """A text that has the form of a key or token."""

    prefix: str
    key_id: str
    secret: str = field(repr=False)

    @property
    def digest(self) -> str:
        """What is kept of the secret."""
        return digest(self.secret)


@dataclass(frozen=True, slots=True)
class Minted:
    """A new key or token; ``text`` is shown once and never kept."""

    key_id: str
    text: str = field(repr=False)
    digest: str = field(repr=False)


def mint(prefix: str = KEY_PREFIX) -> Minted:
    """A new one, from the system's randomness."""
    key_id = "".join(secrets.choice(_ALPHABET) for _ in range(ID_SIGNS))
    raw = secrets.token_bytes(SECRET_BYTES)
    secret = base64.b32encode(raw).decode().rstrip("=").lower()
    return Minted(key_id, f"{prefix}_{key_id}_{secret}", digest(secret))


def parse(text: str, prefix: str = KEY_PREFIX) -> Parsed | None:
    """The parts of a key (or token, by its prefix); None: it cannot be one."""
    found = _FORM.fullmatch(text)
    if found is None or found[1] != prefix:
        return None
    return Parsed(found[1], found[2], found[3])


def digest(secret: str) -> str:
    """SHA-256 of a secret, in hex."""
    return hashlib.sha256(secret.encode()).hexdigest()


def same_digest(one: str, other: str) -> bool:
    """Compared without telling by the time taken how much of them is the same."""
    return hmac.compare_digest(one, other)
