"""``rushlight fetch``: rendered files to a folder of this machine."""

from pathlib import Path

import rich_click as click

from rushlight.cli import words
from rushlight.cli.farm import Farm, asks_farm
from rushlight.cli.output import Json
from rushlight.errors import InvalidRequest


@click.command()
@click.argument("tasks", nargs=-1, metavar="[TASK]...")
@click.option("--job", metavar="JOB", help="All tasks of this job.")
@click.option(
    "--to",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(),
    metavar="FOLDER",
    help="Where to; made if need be. Without it the present folder.",
)
@click.option(
    "--root",
    "roots",
    multiple=True,
    metavar="NAME=PATH",
    help="Where this machine has a root: copy from there.",
)
@asks_farm
def fetch(
    farm: Farm, *, tasks: tuple[str, ...], job: str | None, folder: Path, roots: tuple[str, ...]
) -> None:
    """Get the finished frames of tasks.

    A farm of `rushlight up` sends what lies in its data folder. Other roots have to be mounted
    here: name them with --root. Each file is checked against what its worker reported; what is
    there already and right is left alone, so an interrupted fetch goes on.

    Prints the files, in order of tasks and frames.

    \b
    Examples:
      rushlight fetch 7f3a9c01
      rushlight fetch --job shot-010 --to frames
      rushlight fetch 7f3a9c01 --to frames --root out=/mnt/out
    """
    from rushlight.client.fetching import outputs_to_fetch  # noqa: PLC0415 - httpx takes its time

    if bool(tasks) == (job is not None):
        raise click.UsageError("name tasks, or a job with --job")
    mapped = dict(_root(text) for text in roots)
    found = outputs_to_fetch(farm.client, _task_ids(farm, tasks, job))
    try:
        size = _fetch_all(farm, found, folder, mapped)
    except OSError as error:
        raise InvalidRequest(f"cannot fetch to {folder}: {error}") from None
    if not farm.out.as_json:
        count = words.plural(len(found), "file")
        farm.out.note(f"{count}, {words.size(size)}, in {folder}" if found else "nothing finished")


def _fetch_all(
    farm: Farm, found: list[tuple[str, Json]], folder: Path, roots: dict[str, Path]
) -> int:
    """All of them, each told when it is there; their bytes."""
    from rushlight.client.fetching import fetch_output  # noqa: PLC0415

    folder.mkdir(parents=True, exist_ok=True)
    size = 0
    for task_id, output in found:
        path = fetch_output(farm.client, task_id, output, folder, roots)
        size += path.stat().st_size
        _say(farm, task_id, output, path)
    return size


def _task_ids(farm: Farm, tasks: tuple[str, ...], job: str | None) -> list[str]:
    if job is None:
        return [farm.task_id(task) for task in tasks]
    farm.client.job(job)
    # Those that have nothing yet need not be asked for it.
    every = farm.client.tasks(jobId=job)
    return [str(task["taskId"]) for task in every if task["framesDone"] > 0][::-1]


def _say(farm: Farm, task_id: str, output: Json, path: Path) -> None:
    if farm.out.as_json:
        farm.out.line_of_json({"taskId": task_id, "file": str(path), **output})
    else:
        print(path, flush=True)


def _root(text: str) -> tuple[str, Path]:
    name, sign, path = text.partition("=")
    if not sign or not name or not path:
        raise click.UsageError(f"--root takes NAME=PATH, not {text!r}")
    return name, Path(path)
