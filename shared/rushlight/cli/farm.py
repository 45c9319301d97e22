"""What every command that talks to a farm has: its address, ``--json``, and short task ids."""

import functools
import json
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click
from click import get_current_context

from rushlight.cli.output import Output
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
    """Add ``--url`` and ``--json``; the command gets a ``Farm`` as its first argument."""

    @click.option(
        "--url",
        envvar="RUSHLIGHT_URL",
        show_envvar=True,
        metavar="URL",
        help="The farm's address. Without it: the farm of ./rushlight-data, then port 3000 here.",
    )
    @click.option("--json", "as_json", is_flag=True, help="Print the API's JSON, unchanged.")
    @functools.wraps(command)
    def with_farm(*args: Any, url: str | None, as_json: bool, **rest: Any) -> Any:
        from rushlight.client.wire import WireClient  # noqa: PLC0415 - httpx takes its time

        get_current_context().meta[JSON_KEY] = as_json
        with WireClient(url or local_url()) as client:
            return command(Farm(client, Output(as_json)), *args, **rest)

    return with_farm


def local_url() -> str:
    """The address of the farm whose data is in ``./rushlight-data``, if it runs; or the default."""
    note = Path(os.environ.get("RUSHLIGHT_DATA", DEFAULT_DATA)) / "farm.json"
    try:
        farm = json.loads(note.read_text())
        os.kill(int(farm["pid"]), 0)
        return str(farm["url"])
    except PermissionError:
        return DEFAULT_URL
    except (OSError, ValueError, KeyError, TypeError):
        # No farm here, or one that ended without cleaning up.
        return DEFAULT_URL


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
