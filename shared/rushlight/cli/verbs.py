"""Commands that change tasks, or all of a job: cancel, retry, requeue, pause, resume, priority."""

import functools
import sys
from collections.abc import Callable, Sequence
from typing import Any

import rich_click as click

from rushlight.cli import words
from rushlight.cli.exits import Exit, exit_code_of, say_error
from rushlight.cli.farm import Farm, asks_farm
from rushlight.cli.lists import PRIORITIES
from rushlight.cli.output import Json
from rushlight.errors import InvalidRequest, RushlightError, Unavailable

_DESTROYS = ("cancel", "requeue")


def on_tasks(command: Callable[..., Any]) -> Callable[..., Any]:
    """Take TASK… or --job, and --yes."""

    @click.argument("tasks", nargs=-1, metavar="[TASK]...")
    @click.option("--job", metavar="JOB", help="All tasks of this job instead.")
    @click.option("--yes", "-y", is_flag=True, help="Do not ask, even about several tasks.")
    @functools.wraps(command)
    def with_tasks(*args: Any, tasks: tuple[str, ...], job: str | None, **rest: Any) -> Any:
        if bool(tasks) == (job is not None):
            raise click.UsageError("name one task or several, or a job with --job")
        return command(*args, tasks=tasks, job=job, **rest)

    return with_tasks


@click.command()
@on_tasks
@asks_farm
def cancel(farm: Farm, **on: Any) -> None:
    """End tasks without a result; one that renders is stopped first.

    Frames that are finished stay. Before it ends several tasks it asks.

    \b
    Examples:
      rushlight cancel 7f3a9c01
      rushlight cancel --job shot-010 --yes
    """
    _change(farm, "cancel", "cancelled", **on)


@click.command()
@on_tasks
@asks_farm
def retry(farm: Farm, **on: Any) -> None:
    """Try failed tasks again now.

    Also those that the farm would try again by itself later.

    \b
    Example:
      rushlight retry 7f3a9c01
    """
    _change(farm, "retry", "waiting again", **on)


@click.command()
@click.option("--frames", metavar="RANGE", help="Only these frames, as 1-10 or 3,7.")
@on_tasks
@asks_farm
def requeue(farm: Farm, frames: str | None, **on: Any) -> None:
    """Render ended tasks again: all frames, or some; also completed tasks.

    Each file stays until the new one is whole. Before it takes several tasks it asks.

    \b
    Examples:
      rushlight requeue 7f3a9c01
      rushlight requeue 7f3a9c01 --frames 12-14
    """
    if frames is not None and on["job"] is not None:
        raise click.UsageError("--frames goes with a task, not with --job")
    _change(farm, "requeue", "waiting again", None if frames is None else {"frames": frames}, **on)


@click.command()
@on_tasks
@asks_farm
def pause(farm: Farm, **on: Any) -> None:
    """Hold waiting tasks; they get no worker until resumed.

    A task that renders cannot be paused.

    \b
    Example:
      rushlight pause --job shot-010
    """
    _change(farm, "pause", "paused", **on)


@click.command()
@on_tasks
@asks_farm
def resume(farm: Farm, **on: Any) -> None:
    """Let paused tasks wait for a worker again.

    They have kept their place: among equals the older task goes first.

    \b
    Example:
      rushlight resume --job shot-010
    """
    _change(farm, "resume", "waiting again", **on)


@click.command()
@click.argument("tasks", nargs=-1, metavar="[TASK]...")
@click.argument("level", type=click.Choice(PRIORITIES, case_sensitive=False), metavar="LEVEL")
@click.option("--job", metavar="JOB", help="All tasks of this job instead.")
@asks_farm
def priority(farm: Farm, tasks: tuple[str, ...], level: str, job: str | None) -> None:
    """Give tasks another priority: RUSH, HIGH, MEDIUM or LOW.

    A waiting task may take the worker of one with a lower priority, after some time.

    \b
    Examples:
      rushlight priority 7f3a9c01 RUSH
      rushlight priority --job shot-010 LOW
    """
    if bool(tasks) == (job is not None):
        raise click.UsageError("name one task or several, or a job with --job")
    if job is not None:
        _say_job(farm, f"now {level}", farm.client.reprioritise_job(job, level))
        return
    _each(farm, tasks, f"now {level}", lambda task: farm.client.reprioritise(task, level))


def _change(
    farm: Farm,
    verb: Any,
    done: str,
    body: Json | None = None,
    *,
    tasks: Sequence[str],
    job: str | None,
    yes: bool,
) -> None:
    if verb in _DESTROYS and not yes:
        _confirm(farm, verb, tasks, job)
    if job is not None:
        _say_job(farm, done, farm.client.change_job(job, verb))
    else:
        _each(farm, tasks, done, lambda task: farm.client.change_task(task, verb, body))


def _confirm(farm: Farm, verb: str, tasks: Sequence[str], job: str | None) -> None:
    """Ask about what concerns several tasks; a pipe cannot answer, so it needs --yes."""
    count = len(tasks) if job is None else int(farm.client.job(job)["tasks"])
    if job is None and count == 1:
        return
    of_job = "" if job is None else f" of job {job}"
    if not sys.stdin.isatty():
        raise InvalidRequest(
            f"{verb} would concern {words.plural(count, 'task')}{of_job}: say --yes if you mean it"
        )
    if not click.confirm(f"{verb} {words.plural(count, 'task')}{of_job}?", err=True):
        sys.exit(Exit.INTERRUPTED)


def _say_job(farm: Farm, done: str, answer: Json) -> None:
    if farm.out.as_json:
        farm.out.document(answer)
    elif farm.out.for_people:
        refused = f", {answer['refused']} cannot" if answer["refused"] else ""
        count = words.plural(answer["changed"], "task")
        print(f"{count} of job {answer['jobId']} {done}{refused}")
    else:
        farm.out.line(answer["jobId"], answer["changed"], answer["refused"])


def _each(farm: Farm, names: Sequence[str], done: str, change: Callable[[str], Json]) -> None:
    """Change one after the other; one that cannot be changed does not stop the others."""
    changed: list[Json] = []
    first_code: Exit | None = None
    for name in names:
        try:
            task = change(farm.task_id(name))
        except Unavailable:
            raise
        except RushlightError as error:
            say_error(error, as_json=farm.out.as_json)
            first_code = first_code or exit_code_of(error)
            continue
        changed.append(task)
        _say_task(farm, done, task)
    if farm.out.as_json and changed:
        single = len(names) == 1
        farm.out.document(changed[0] if single else {"items": changed, "next": None})
    if first_code is not None:
        sys.exit(first_code)


def _say_task(farm: Farm, done: str, task: Json) -> None:
    if farm.out.as_json:
        return
    if not farm.out.for_people:
        farm.out.line(task["taskId"], task["status"], task["priority"])
        return
    if task["stop"] is not None:
        done = f"stopping; it renders on {task['workerId']}"
    print(f"{words.title(task)}: {done}")
