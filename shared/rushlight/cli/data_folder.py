"""What commands on a data folder share: its option, moments of its past, and ids on its log."""

import re
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click
from click import get_current_context

from rushlight.cli.farm import JSON_KEY, default_data
from rushlight.cli.output import Output
from rushlight.clock import SystemClock
from rushlight.errors import InvalidRequest, NotFound
from rushlight.messages.moments import read_moment

if TYPE_CHECKING:
    from rushlight.eventlog.history import History

SHORTEST = 4
_TIME_OF_DAY = re.compile(r"\d\d:\d\d(:\d\d)?")


class MomentType(click.ParamType[Any]):
    """A position or a time.

    A time without its offset is one of this machine's time zone, one without its day is today's:
    as tables show them.
    """

    name = "moment"

    def convert(self, value: Any, param: Any, ctx: Any) -> int | datetime:
        """Read it; wrong usage names the option."""
        if not isinstance(value, str):
            return value  # type: ignore[no-any-return]
        text = value.strip()
        if _TIME_OF_DAY.fullmatch(text):
            text = f"{SystemClock().now().astimezone():%Y-%m-%d} {text}"
        try:
            return read_moment(text, local=True)
        except ValueError as error:
            self.fail(f"{value!r} {error}", param, ctx)


MOMENT = MomentType()


def on_data(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --data and --json."""
    command = click.option("--json", "as_json", is_flag=True, help="Print JSON.")(command)
    return click.option(
        "--data",
        type=click.Path(file_okay=False, path_type=Path),
        default=default_data,
        metavar="DIR",
        help="The farm's data folder; ./rushlight-data without it.",
    )(command)


def output(as_json: bool) -> Output:
    """Where data goes; errors go the same way."""
    get_current_context().meta[JSON_KEY] = as_json
    return Output(as_json)


def task_on_log(history: "History", text: str) -> str:
    """The id that ``text`` is, or is the unique beginning or end of.

    Raises:
        NotFound: no task on the log fits.
        InvalidRequest: several fit, or it is too short.
    """
    if len(text) < SHORTEST:
        raise InvalidRequest(f"{text!r} is too short: give at least {SHORTEST} signs of the id")
    found = history.task_ids(text.lower())
    if not found:
        raise NotFound(f"no task on the log has an id with {text!r} at its start or end")
    if len(found) > 1:
        lines = [f"{len(found)} or more tasks fit {text!r}; give more of the id:", *found]
        raise InvalidRequest("\n  ".join(lines))
    return found[0]
