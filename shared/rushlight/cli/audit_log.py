"""``rushlight audit log``: what happened, from the files of a data folder."""

from collections import deque
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import rich_click as click

from rushlight.cli.data_folder import MOMENT, on_data, output, task_on_log
from rushlight.cli.events import COLUMNS

if TYPE_CHECKING:
    from rushlight.eventlog.log import FarmLog
    from rushlight.eventlog.windows import Placed, Wanted

PREFIX = "rushlight."
PAGE = 1000
BACKWARD = 20_000
_TICK = timedelta(microseconds=1)
_EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)


@click.command()
@click.option("--task", metavar="ID", help="Of this task; the beginning or end of an id will do.")
@click.option("--job", metavar="JOB", help="Of the tasks of this job.")
@click.option("--worker", metavar="ID", help="That name this worker.")
@click.option("--principal", metavar="NAME", help="That this principal caused.")
@click.option(
    "--kind",
    "--topic",
    "kinds",
    multiple=True,
    metavar="KIND",
    help="Of this topic, or all that begin so: task.failed, worker. May be repeated.",
)
@click.option("--from", "start", type=MOMENT, metavar="WHEN", help="From this position or time on.")
@click.option("--to", "end", type=MOMENT, metavar="WHEN", help="Up to this position or time.")
@click.option("--last", type=click.IntRange(1), metavar="N", help="Only the last N of these.")
@on_data
def log(
    data: Path,
    *,
    start: int | datetime | None,
    end: int | datetime | None,
    last: int | None,
    as_json: bool,
    **filters: Any,
) -> None:
    """Print events of the log, oldest first; with --json one per line.

    All filters that are given must hold. A time is written as 2026-05-04T12:00:00Z, or without an
    offset in the time zone of this machine.

    \b
    Examples:
      rushlight audit log --last 20
      rushlight audit log --task 7f3a9c01
      rushlight audit log --worker node-3 --from "2026-05-04 22:00" --to "2026-05-05 06:00"
      rushlight audit log --principal anna --kind task.cancelled
      rushlight audit log --json | jq -r .topic | sort | uniq -c
    """
    from rushlight.eventlog.log import FarmLog  # noqa: PLC0415
    from rushlight.shapes import event_resource  # noqa: PLC0415 - pydantic takes its time

    out = output(as_json)
    with FarmLog.open_read_only(data) as farm_log:
        wanted = _wanted(farm_log, **filters)
        span = _span(farm_log, start, end)
        found = _last(farm_log, span, wanted, last) if last else _events(farm_log, span, wanted)
        shown = (
            event_resource(one.position, one.event).model_dump(mode="json", by_alias=True)
            for one in found
        )
        first = next(shown, None)
        if first is None:
            out.note("no such events")
        elif as_json:
            for one in chain([first], shown):
                out.line_of_json(one)
        else:
            out.table(COLUMNS, chain([first], shown))


def _wanted(
    farm_log: "FarmLog",
    *,
    task: str | None,
    job: str | None,
    worker: str | None,
    principal: str | None,
    kinds: tuple[str, ...],
) -> "Wanted":
    from rushlight.eventlog.windows import Wanted  # noqa: PLC0415

    streams: frozenset[UUID] = frozenset()
    if task is not None:
        streams = frozenset({UUID(task_on_log(farm_log.history, task))})
    elif worker is not None:
        streams = _streams_of(farm_log, worker)
    return Wanted(streams, job, worker, _topics(kinds), principal)


def _topics(kinds: Iterable[str]) -> frozenset[str]:
    from rushlight.domain import EVENTS  # noqa: PLC0415

    found: set[str] = set()
    for kind in kinds:
        begin = PREFIX + kind.removeprefix(PREFIX).removesuffix("*")
        fitting = {topic for topic in EVENTS if topic.startswith(begin)}
        if not fitting:
            known = ", ".join(sorted(topic.removeprefix(PREFIX) for topic in EVENTS))
            raise click.BadParameter(f"no event is called {kind!r}; there are {known}")
        found |= {begin} if begin in EVENTS else fitting
    return frozenset(found)


def _streams_of(farm_log: "FarmLog", worker_id: str) -> frozenset[UUID]:
    """Where events can name a worker: its own stream, and those of the tasks that it had."""
    from rushlight.domain.base import stream_of_worker  # noqa: PLC0415
    from rushlight.domain.worker import Occupied  # noqa: PLC0415
    from rushlight.eventlog.windows import Wanted  # noqa: PLC0415

    own = stream_of_worker(worker_id)
    work = Wanted(frozenset({own}), topics=frozenset({Occupied.TOPIC}))
    events = _events(farm_log, (0, farm_log.head()), work)
    return frozenset({own} | {one.event.task_id for one in events})  # type: ignore[attr-defined]


def _span(
    farm_log: "FarmLog", start: int | datetime | None, end: int | datetime | None
) -> tuple[int, int]:
    """After which position, and up to which."""
    history, head = farm_log.history, farm_log.head()
    if isinstance(start, datetime):
        after = history.position_at(max(start, _EARLIEST) - _TICK)
    else:
        after = max(0, (start or 1) - 1)
    if isinstance(end, datetime):
        return after, history.position_at(end)
    return after, head if end is None else min(end, head)


def _events(farm_log: "FarmLog", span: tuple[int, int], wanted: "Wanted") -> Iterator["Placed"]:
    reached, upto = span
    while reached < upto:
        window = farm_log.windows.read(reached, upto=upto, limit=PAGE, wanted=wanted)
        yield from window.events
        reached = window.reached


def _last(
    farm_log: "FarmLog", span: tuple[int, int], wanted: "Wanted", count: int
) -> list["Placed"]:
    """The last ``count``, looked for from the end: a long log is not read whole for them."""
    after, upto = span
    step = max(BACKWARD, count)
    if wanted.task_ids:
        step = max(step, upto)
    found: deque[Placed] = deque(maxlen=count)
    while upto > after and len(found) < count:
        begin = max(after, upto - step)
        part = deque(_events(farm_log, (begin, upto), wanted), maxlen=count - len(found))
        found.extendleft(reversed(part))
        upto = begin
    return list(found)
