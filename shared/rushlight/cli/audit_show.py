"""``rushlight audit show``: the farm as it was, from the files of a data folder."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import rich_click as click

from rushlight.cli import show as tasks
from rushlight.cli import words, workers
from rushlight.cli.data_folder import MOMENT, on_data, output, task_on_log
from rushlight.cli.lists import STATUSES, TASK_COLUMNS, WORKER_COLUMNS
from rushlight.cli.output import Json, Output
from rushlight.errors import NotFound

if TYPE_CHECKING:
    from rushlight.eventlog.history import History, Moment

WORKERS_PAGE = 500


@click.command()
@click.option(
    "--at", type=MOMENT, metavar="WHEN", help="A position or a time; the log's end without it."
)
@click.option("--task", metavar="ID", help="Only this task, with all its fields.")
@click.option("--worker", metavar="ID", help="Only this worker, with all its fields.")
@click.option(
    "--status",
    type=click.Choice(STATUSES),
    multiple=True,
    metavar="STATUS",
    help="Only tasks that were in this state; may be repeated.",
)
@click.option("--job", metavar="JOB", help="Only tasks of this job.")
@click.option("--submitted-by", metavar="NAME", help="Only tasks of this principal.")
@click.option("--renderer", metavar="NAME", help="Only tasks for this renderer.")
@click.option(
    "--limit",
    type=click.IntRange(1),
    default=50,
    metavar="N",
    help="At most so many tasks; 50 without it.",
)
@on_data
def show(
    data: Path,
    *,
    at: int | datetime | None,
    task: str | None,
    worker: str | None,
    as_json: bool,
    **wanted: Any,
) -> None:
    """Show the farm as it was after a position of its log, or at a time.

    Tasks (newest first) and workers as `rushlight ls` shows them now. In a pipe: the lines of the
    tasks, an empty line, those of the workers. With --json: as GET /audit/state answers.

    \b
    Examples:
      rushlight audit show --at 4711
      rushlight audit show --at "2026-05-04 14:00:00" --status rendering
      rushlight audit show --at 2026-05-04T12:00:00Z --task 7f3a9c01
      rushlight audit show --at 4711 --json | jq .settings
    """
    from rushlight.clock import SystemClock  # noqa: PLC0415
    from rushlight.eventlog.log import FarmLog  # noqa: PLC0415

    if task is not None and worker is not None:
        raise click.UsageError("--task and --worker: give one of them, or none for the whole farm")
    out = output(as_json)
    with FarmLog.open_read_only(data) as log:
        then = log.history.find(at, SystemClock().now())
        if task is not None:
            _show_one(out, then, _task(log.history, then, task), tasks.facts_of)
        elif worker is not None:
            _show_one(out, then, _worker(log.history, then, worker), workers.facts_of)
        else:
            _show_farm(out, _state(log.history, then, **wanted))


def _task(history: "History", then: "Moment", text: str) -> Json:
    from rushlight.shapes import past_task  # noqa: PLC0415 - pydantic takes its time

    task_id = task_on_log(history, text)
    row = history.task(then, UUID(task_id))
    if row is None:
        raise NotFound(f"task {task_id} was submitted after position {then.position}")
    return past_task(then, row).model_dump(mode="json", by_alias=True)


def _worker(history: "History", then: "Moment", worker_id: str) -> Json:
    from rushlight.shapes import worker_resource  # noqa: PLC0415

    row = history.worker(then, worker_id)
    if row is None:
        raise NotFound(f"no worker {worker_id!r} had been heard of by position {then.position}")
    return worker_resource(row, None).model_dump(mode="json", by_alias=True)


def _show_one(out: Output, then: "Moment", found: Json, facts_of: Any) -> None:
    if out.as_json:
        out.document(found)
    elif out.for_people:
        out.facts(facts_of(found))
    else:
        out.fields(found)
    out.note(_heading(then))


def _state(history: "History", then: "Moment", *, limit: int, **wanted: Any) -> Json:
    """Pages, put together."""
    from rushlight.eventlog.past_tasks import Filters  # noqa: PLC0415
    from rushlight.shapes import state_resource  # noqa: PLC0415

    filters = Filters(
        status=wanted["status"],
        job_id=wanted["job"],
        submitted_by=wanted["submitted_by"],
        renderer=wanted["renderer"],
    )
    found: list[Json] = []
    before: int | None = None
    while len(found) < limit:
        page, before = history.tasks(then, filters, before_seq=before, limit=limit - len(found))
        found += page
        if before is None:
            break
    state = state_resource(
        then,
        counts=history.counts(then),
        tasks=found,
        next_tasks=None if before is None else str(before),
        workers=_all_workers(history, then),
        next_workers=None,
    )
    return state.model_dump(mode="json", by_alias=True)


def _all_workers(history: "History", then: "Moment") -> list[Json]:
    found: list[Json] = []
    after: str | None = None
    while True:
        page, after = history.workers(then, after_id=after, limit=WORKERS_PAGE)
        found += page
        if after is None:
            return found


def _show_farm(out: Output, state: Json) -> None:
    if out.as_json:
        out.document(state)
        return
    if out.for_people:
        print(f"{_place(state)}\n{_counted(state['counts'])}\n")
    out.table(TASK_COLUMNS, state["tasks"]["items"])
    print()
    out.table(WORKER_COLUMNS, state["workers"]["items"])
    if state["tasks"]["next"] is not None:
        out.note(f"only the newest {len(state['tasks']['items'])} tasks; more with --limit")


def _heading(then: "Moment") -> str:
    time = None if then.time is None else then.time.isoformat()
    return _place({"position": then.position, "head": then.head, "round": then.round, "time": time})


def _place(state: Json) -> str:
    when = words.local_time(state["time"]) or "before the first event"
    return f"position {state['position']} of {state['head']}, round {state['round']}, {when}"


def _counted(counts: dict[str, int]) -> str:
    found = [f"{count} {status}" for status, count in counts.items() if count]
    return ", ".join(found) or "no tasks"
