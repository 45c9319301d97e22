"""Keys and enrolment tokens: where they come from, and files that only their owner reads.

They come from files and the environment, never from an argument: everybody on a machine can read
the arguments of a process. Errors name the place and never the text. Nothing here knows which keys
count; that is the farm's to say.
"""

import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

from rushlight.errors import InvalidRequest

KEY, KEY_FILE = "RUSHLIGHT_KEY", "RUSHLIGHT_KEY_FILE"
FILE_MAX_BYTES = 4096
OWNER_ONLY = 0o600
OTHERS = stat.S_IRWXG | stat.S_IRWXO
_FORM = re.compile(r"rl[a-z]_[A-Za-z0-9_-]{8,256}")


@dataclass(frozen=True, slots=True)
class Found:
    """A key or token and where it was; ``warning`` is for whoever gave it, if there is any."""

    text: str = field(repr=False)
    source: str
    warning: str | None = None


def find_key(
    option: Path | None = None, environment: Mapping[str, str] | None = None
) -> Found | None:
    """The key to use: of the file ``option``, else ``RUSHLIGHT_KEY``, else ``RUSHLIGHT_KEY_FILE``.

    Raises:
        InvalidRequest: the file does not read, or what is there is no key.
    """
    environment = os.environ if environment is None else environment
    if option is not None:
        return read_secret(option)
    text, file = environment.get(KEY), environment.get(KEY_FILE)
    if text:
        return secret_of(text, KEY)
    return read_secret(Path(file)) if file else None


def secret_of(text: str, source: str) -> Found:
    """The key or token that ``text`` is.

    Raises:
        InvalidRequest: it has not the form of one, so it is sent to nobody.
    """
    text = text.strip()
    if not _FORM.fullmatch(text):
        raise InvalidRequest(
            f"what {source} holds is no key of Rushlight: one begins with rlk_ and is a single word"
        )
    return Found(text, source)


def authorization(key: str | None) -> dict[str, str]:
    """The header that carries a key; none without one.

    Raises:
        InvalidRequest: it has not the form of a key.
    """
    if key is None:
        return {}
    return {"Authorization": f"Bearer {secret_of(key, 'the argument key').text}"}


def read_secret(file: Path) -> Found:
    """The key or token in ``file``; with a warning if others than its owner may read it.

    Raises:
        InvalidRequest: the file does not read, or holds something else.
    """
    try:
        with file.open("rb") as opened:
            mode = os.fstat(opened.fileno()).st_mode
            text = opened.read(FILE_MAX_BYTES).decode("ascii", errors="replace")
    except OSError as error:
        raise InvalidRequest(f"key file {file} cannot be read: {error.strerror}") from None
    found = secret_of(text, f"key file {file}")
    return Found(found.text, found.source, _warning_of(file, mode))


def _warning_of(file: Path, mode: int) -> str | None:
    # A pipe or a terminal (`--key-file <(…)`) has no mode that says anything.
    if not stat.S_ISREG(mode) or not mode & OTHERS:
        return None
    return f"key file {file} can be read by other users of this machine: chmod 600 {file}"


def write_secret(file: Path, text: str) -> None:
    """Put ``text`` into ``file``, whole or not at all, for its owner alone; folders are made.

    Raises:
        OSError: it cannot be written.
    """
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = file.with_name(f".{file.name}.part")
    part.unlink(missing_ok=True)
    with open_for_owner(part) as opened:
        opened.write(f"{text}\n")
        opened.flush()
        os.fsync(opened.fileno())
    part.replace(file)


def open_for_owner(file: Path) -> IO[str]:
    """A new file that only its owner may read and write.

    Raises:
        FileExistsError: it is there already.
        OSError: it cannot be made.
    """
    opened = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, OWNER_ONLY)
    return os.fdopen(opened, "w", encoding="ascii")


def is_this_machine(host: str) -> bool:
    """Whether a host name or address can only be this machine."""
    if host == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def unencrypted_to(url: str) -> str | None:
    """What is to be said if a key goes to ``url`` in the clear; None: it does not."""
    parsed = urlsplit(url)
    if parsed.scheme == "https" or is_this_machine(parsed.hostname or ""):
        return None
    return (
        f"the key goes to {parsed.hostname} unencrypted, and whoever is on the way can read it;"
        " docs/keys.md says how to give the farm an https address"
    )
