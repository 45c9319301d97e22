"""What every command that talks to a farm has: address, key, ``--json``, and short task ids."""

import functools
import json
import os
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click
from click import get_current_context

from rushlight.cli.output import Output
from rushlight.client.credentials import find_key, unencrypted_to
from rushlight.errors import InvalidRequest, NotFound

if TYPE_CHECKING:
    from rushlight.client.wire import Json, WireClient

DEFAULT_URL = "http://127.0.0.1:3000"
DEFAULT_DATA = "rushlight-data"
JSON_KEY = "rushlight.json"
# So far back a short id is looked for; older tasks need their whole id.
RECENT_TASKS = 1000
CANDIDATES_MAX = 8
_FULL_ID = re.compile(r"[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}", re.IGNORECASE)
_SHORT_ID = re.compile(r"[0-9a-f-]{4,35}", re.IGNORECASE)


@dataclass(frozen=True)
class Farm:
    """The farm that a command talks to, and where its data goes."""

    client: "WireClient"
    out: Output

    def task_id(self, text: str) -> str:
        """The id that ``text`` is, or is the unique beginning or end of.

        Raises:
            InvalidRequest: it cannot be an id, or several recent tasks fit.
            NotFound: no recent task fits.
        """
        if _FULL_ID.fullmatch(text):
            return text
        if not _SHORT_ID.fullmatch(text):
            raise InvalidRequest(
                f"{text!r} is no task id; give one, or at least 4 characters of its start or end"
            )
        part = text.lower()
        tasks = self.client.tasks(limit=RECENT_TASKS)
        found = [one for one in tasks if one["taskId"].startswith(part) or _ends(one, part)]
        if not found:
            raise NotFound(
                f"none of the {RECENT_TASKS:,} newest tasks has an id with {text!r} at its start or"
                " end; `rushlight ls` shows them"
            )
        if len(found) > 1:
            raise InvalidRequest(_ambiguous(text, found))
        return str(found[0]["taskId"])


def asks_farm(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--url``, ``--key-file`` and ``--json``; the command's first argument is a ``Farm``."""

    @key_file_option
    @click.option(
        "--url",
        envvar="RUSHLIGHT_URL",
        show_envvar=True,
        metavar="URL",
        help="The farm's address. Without it: the farm of ./rushlight-data, then port 3000 here.",
    )
    @click.option("--json", "as_json", is_flag=True, help="Print the API's JSON, unchanged.")
    @functools.wraps(command)
    def with_farm(
        *args: Any, url: str | None, key_file: Path | None, as_json: bool, **rest: Any
    ) -> Any:
        get_current_context().meta[JSON_KEY] = as_json
        with open_client(url, key_file) as client:
            return command(Farm(client, Output(as_json)), *args, **rest)

    return with_farm


def key_file_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--key-file``. There is no option for the key itself: everybody could read that."""
    return click.option(
        "--key-file",
        type=click.Path(dir_okay=False, path_type=Path),
        metavar="FILE",
        help="File of your key. Without it: RUSHLIGHT_KEY, then the file RUSHLIGHT_KEY_FILE.",
    )(command)


def open_client(url: str | None, key_file: Path | None = None) -> "WireClient":
    """A client of the farm at ``url``, or of the one here, with the user's key if there is one.

    Raises:
        InvalidRequest: no address, or a key file that does not read or holds no key.
    """
    from rushlight.client.wire import WireClient  # noqa: PLC0415 - httpx takes its time

    url = url or local_url()
    found = find_key(key_file)
    client = WireClient(url, key=None if found is None else found.text)
    if found is not None:
        # A script's log need not say it with every line; a person should know.
        unencrypted = unencrypted_to(url) if sys.stderr.isatty() else None
        for warning in filter(None, (found.warning, unencrypted)):
            print(f"warning: {warning}", file=sys.stderr)
    return client


def default_data() -> Path:
    """The data folder where none is named."""
    return Path(os.environ.get("RUSHLIGHT_DATA", DEFAULT_DATA))


def local_url(data: Path | None = None) -> str:
    """The address of the farm whose data is in ``./rushlight-data``, if it runs; or the default."""
    noted = note_of(data or default_data())
    return DEFAULT_URL if noted is None else str(noted["url"])


def note_of(data: Path) -> "Json | None":
    """``{pid, url}`` of the farm that runs on a data folder; None: none does, of this user."""
    try:
        note = json.loads((data / "farm.json").read_text())
        os.kill(int(note["pid"]), 0)
        return {"pid": int(note["pid"]), "url": str(note["url"])}
    except (OSError, ValueError, KeyError, TypeError):
        # No farm here, one that ended without cleaning up, or a process that came after it.
        return None


def _ends(task: "Json", part: str) -> bool:
    return str(task["taskId"]).endswith(part)


def _ambiguous(text: str, found: "list[Json]") -> str:
    shown = [
        "  ".join(filter(None, (one["taskId"], one["name"], one["status"])))
        for one in found[:CANDIDATES_MAX]
    ]
    more = len(found) - len(shown)
    shown += [f"and {more} more"] if more else []
    return "\n".join([f"{len(found)} tasks fit {text!r}; give more of the id:", *shown])
