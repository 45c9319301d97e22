"""Where ``rushlight key`` finds the keys of a farm: in its data folder, or over HTTP.

One rule for all commands about keys: on the folder, unless an address is given. On the folder the
rights are those of the file; over HTTP it takes an admin's key.
"""

import functools
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from pwd import getpwuid
from socket import gethostname
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

import rich_click as click
from click import get_current_context

from rushlight.cli.farm import (
    JSON_KEY,
    default_data,
    key_file_option,
    local_url,
    open_client,
)
from rushlight.cli.output import Json, Output
from rushlight.client.credentials import is_this_machine
from rushlight.clock import SystemClock
from rushlight.errors import InvalidRequest, NotFound

if TYPE_CHECKING:
    from rushlight.client.wire import WireClient
    from rushlight.keys.rows import KeyRow
    from rushlight.keys.store import KeyStore

# These may come before the farm's first start; others would only leave an empty folder behind.
MAKING = ("create", "enroll")


class Keyring(Protocol):
    """The keys of one farm; everything in the API's form."""

    place: str
    begins_to_ask: bool
    """Whether the key just made is the first for which the farm asks."""

    @property
    def url(self) -> str:
        """Where the farm is, as far as is known here."""
        ...

    def create(
        self, name: str, role: str, worker_id: str | None, expires_at: datetime | None
    ) -> Json:
        """Make a key; the answer holds its text as ``key``."""
        ...

    def every_key(self) -> Iterator[Json]:
        """All keys, oldest first; without their texts."""
        ...

    def revoke(self, key_id: str) -> Json:
        """End a key; the key afterwards."""
        ...

    def enrol(self, worker_id: str) -> Json:
        """A ``token`` that a worker changes for a key, once."""
        ...


class FolderKeyring:
    """The keys in a data folder, whether the farm runs or not."""

    def __init__(self, data: Path, store: "KeyStore") -> None:
        """Use ``store``, which is in ``data``."""
        self.place = str(data.absolute())
        self._data = data
        self._store = store
        self.begins_to_ask = False
        self._by = f"local:{_name_of(os.geteuid())}"

    @property
    def url(self) -> str:
        """Of the farm that runs on the folder; or the usual one."""
        return local_url(self._data)

    def create(
        self, name: str, role: str, worker_id: str | None, expires_at: datetime | None
    ) -> Json:
        """Make a key."""
        asked = self._store.any_active()
        row, text = self._store.create(name, role, worker_id, expires_at, created_by=self._by)
        self.begins_to_ask = not asked and self._store.any_active()
        return {**_shown(row), "key": text}

    def every_key(self) -> Iterator[Json]:
        """All keys."""
        return map(_shown, self._store.every())

    def revoke(self, key_id: str) -> Json:
        """End a key."""
        return _shown(self._store.revoke(key_id, self._by))

    def enrol(self, worker_id: str) -> Json:
        """A token."""
        from rushlight.keys.store import ENROLMENT_S  # noqa: PLC0415 - only on a folder
        from rushlight.messages.keys import EnrolmentResource  # noqa: PLC0415

        expires_at = SystemClock().now() + timedelta(seconds=ENROLMENT_S)
        token = self._store.enrol(worker_id, self._by, ENROLMENT_S)
        made = EnrolmentResource(worker_id=worker_id, token=token, expires_at=expires_at)
        return made.model_dump(mode="json", by_alias=True)


class FarmKeyring:
    """The keys of a farm that runs, over HTTP; every method may be refused."""

    def __init__(self, client: "WireClient") -> None:
        """Ask through ``client``."""
        self.place = self.url = client.url
        self.begins_to_ask = False
        self._client = client

    def create(
        self, name: str, role: str, worker_id: str | None, expires_at: datetime | None
    ) -> Json:
        """Make a key."""
        expires = None if expires_at is None else expires_at.isoformat()
        body = {"name": name, "role": role, "workerId": worker_id, "expiresAt": expires}
        asked = self._client.whoami()["keyId"] is not None
        made = self._client.create_key(
            {field: value for field, value in body.items() if value is not None}
        )
        self.begins_to_ask = not asked and role != "worker"
        return made

    def every_key(self) -> Iterator[Json]:
        """All keys."""
        return self._client.keys()

    def revoke(self, key_id: str) -> Json:
        """End a key."""
        return self._client.revoke_key(key_id)

    def enrol(self, worker_id: str) -> Json:
        """A token."""
        return self._client.enrol(worker_id)


def address_from_elsewhere(url: str) -> str:
    """The address with this machine's name, if it is one that only this machine can use."""
    parts = urlsplit(url)
    if not is_this_machine(parts.hostname or ""):
        return url
    port = "" if parts.port is None else f":{parts.port}"
    return f"{parts.scheme}://{gethostname()}{port}"


@dataclass(frozen=True)
class Keys:
    """The keys that a command works on, and where its data goes."""

    ring: Keyring
    out: Output


def on_keys(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say where the keys are; the first argument is ``Keys``."""

    @key_file_option
    @click.option(
        "--url",
        envvar="RUSHLIGHT_URL",
        show_envvar=True,
        metavar="URL",
        help="Over HTTP, at this address, with a key that may.",
    )
    @click.option(
        "--data",
        type=click.Path(file_okay=False, path_type=Path),
        metavar="DIR",
        help="On this data folder. Without --data and --url: ./rushlight-data.",
    )
    @click.option("--json", "as_json", is_flag=True, help="Print JSON.")
    @functools.wraps(command)
    def with_keys(
        *args: Any,
        url: str | None,
        data: Path | None,
        key_file: Path | None,
        as_json: bool,
        **rest: Any,
    ) -> Any:
        get_current_context().meta[JSON_KEY] = as_json
        makes = get_current_context().command.name in MAKING
        with _opened(url, data, key_file, makes=makes) as ring:
            return command(Keys(ring, Output(as_json)), *args, **rest)

    return with_keys


@contextmanager
def _opened(
    url: str | None, data: Path | None, key_file: Path | None, *, makes: bool
) -> Iterator[Keyring]:
    if url is not None and data is None:
        with open_client(url, key_file) as client:
            yield FarmKeyring(client)
        return
    from rushlight.keys.store import KEYS_FILE, KeyStore  # noqa: PLC0415 - not over HTTP

    data = data or default_data()
    if not makes and not (data / KEYS_FILE).exists():
        raise NotFound(
            f"there are no keys in {data}: --data names another folder, and `rushlight key create`"
            " makes a first key"
        )
    _refuse_another_user(data)
    with KeyStore.open(data) as store:
        yield FolderKeyring(data, store)


def _refuse_another_user(data: Path) -> None:
    """A file of keys that root has made is one that the farm cannot open."""
    owner = data.stat().st_uid if data.exists() else os.geteuid()
    if owner == os.geteuid():
        return
    raise InvalidRequest(
        f"{data} belongs to {_name_of(owner)}, as whom the farm runs: do it as that user, say with"
        f" `sudo -u {_name_of(owner)} rushlight …`"
    )


def _name_of(user_id: int) -> str:
    try:
        return getpwuid(user_id).pw_name
    except KeyError:
        return f"#{user_id}"


def _shown(row: "KeyRow") -> Json:
    """A key in the form that it has over HTTP."""
    from rushlight.shapes import key_resource  # noqa: PLC0415 - only on a folder

    return key_resource(row).model_dump(mode="json", by_alias=True)
