"""``rushlight watch``: follow tasks until they have ended."""

import sys
from collections.abc import Sequence

import rich_click as click

from rushlight.cli import words
from rushlight.cli.displays import Bars, Display, Lines, Ndjson, Silence
from rushlight.cli.exits import Exit
from rushlight.cli.farm import Farm, asks_farm
from rushlight.cli.notes import OutageNotes
from rushlight.cli.output import Json, safe

NAMED_MAX = 10


@click.command()
@click.argument("tasks", nargs=-1, metavar="[TASK]...")
@click.option("--job", metavar="JOB", help="All tasks of this job.")
@click.option("--all", "everything", is_flag=True, help="All that wait or render (the default).")
@click.option(
    "--timeout", "timeout_s", type=float, metavar="SECONDS", help="Stop after so long; exit 7."
)
@asks_farm
def watch(
    farm: Farm,
    tasks: tuple[str, ...],
    job: str | None,
    everything: bool,
    timeout_s: float | None,
) -> None:
    """Show how tasks go, until all of them have ended.

    In a terminal: a bar per task and one for all. In a pipe: a line per change, with tabs: task,
    status, frames done, worker, message. With --json: a line of JSON per change.

    Exits with 1 if one has failed or was cancelled.

    \b
    Examples:
      rushlight watch 7f3a9c01
      rushlight watch --job shot-010 && make-movie.sh
    """
    if sum((bool(tasks), job is not None, everything)) > 1:
        raise click.UsageError("name tasks, or a job with --job, or say --all")
    task_ids = [farm.task_id(task) for task in tasks]
    watch_tasks(farm, task_ids, job_id=job, timeout_s=timeout_s)


def watch_tasks(
    farm: Farm,
    task_ids: Sequence[str] = (),
    *,
    job_id: str | None = None,
    timeout_s: float | None = None,
    quiet: bool = False,
) -> None:
    """Follow until all have ended; exits with ``WORK_FAILED`` unless all have completed."""
    from rushlight.client.following import follow  # noqa: PLC0415 - httpx takes its time

    tasks: dict[str, Json] = {}
    with _display(farm, quiet=quiet) as display:
        notes = OutageNotes(display.note)
        for look in follow(farm.client, task_ids, job_id=job_id, timeout_s=timeout_s):
            notes.tell(look.outage)
            tasks.update((task["taskId"], task) for task in look.changed)
            display.show(look.changed)
    _conclude(farm, list(tasks.values()), quiet=quiet)


def _display(farm: Farm, *, quiet: bool) -> Display:
    if quiet:
        return Silence()
    if farm.out.as_json:
        return Ndjson(farm.out)
    return Bars() if farm.out.for_people else Lines(farm.out)


def _conclude(farm: Farm, tasks: list[Json], *, quiet: bool) -> None:
    if quiet and farm.out.as_json:
        farm.out.document(tasks[0] if len(tasks) == 1 else {"items": tasks, "next": None})
    missed = [task for task in tasks if task["status"] != "completed"]
    if not tasks:
        farm.out.note("nothing waits or renders")
    if not farm.out.as_json:
        for task in missed[:NAMED_MAX]:
            reason = safe(words.first_line(task["errorMessage"]))
            said = f": {reason}" if reason else ""
            farm.out.note(f"{words.title(task)} {task['status']}{said}")
        if len(missed) > NAMED_MAX:
            farm.out.note(f"and {len(missed) - NAMED_MAX} more have not completed")
    if missed:
        sys.exit(Exit.WORK_FAILED)
