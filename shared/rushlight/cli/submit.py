"""``rushlight submit``: one task, a batch, or what a file says."""

import json
import sys
from pathlib import Path
from typing import Any

import rich_click as click

from rushlight.cli import words
from rushlight.cli.farm import Farm, asks_farm
from rushlight.cli.lists import PRIORITIES
from rushlight.cli.output import Json
from rushlight.cli.watch import watch_tasks
from rushlight.errors import InvalidRequest

FIELDS = {
    "scene": "scene",
    "renderer": "renderer",
    "frames": "frames",
    "frames_per_task": "framesPerTask",
    "priority": "priority",
    "estimate": "estimatedRenderTime",
    "name": "name",
    "job": "jobId",
    "output": "output",
    "max_retries": "maxRetries",
    "max_render_time": "maxRenderTime",
}


@click.command()
@click.option("--scene", metavar="ROOT:PATH", help="What to render; without it the default scene.")
@click.option("--renderer", metavar="NAME", help="With what: mitsuba, povray, command, ...")
@click.option("--frames", metavar="RANGE", help="1-48, 1-10:2,15; without it a still.")
@click.option(
    "--frames-per-task",
    type=click.IntRange(1),
    metavar="N",
    help="Split the frames over tasks of N.",
)
@click.option("--output", metavar="ROOT:PATH", help="Where to; #### stands for the frame.")
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="KEY=VALUE",
    help="A setting of the renderer; the value is JSON where it parses, else text.",
)
@click.option("--arg", "args", multiple=True, metavar="TEXT", help="A further argument for it.")
@click.option("--name", metavar="NAME", help="A name for people.")
@click.option("--job", metavar="JOB", help="The job that the tasks belong to.")
@click.option(
    "--priority",
    type=click.Choice(PRIORITIES, case_sensitive=False),
    metavar="LEVEL",
    help="RUSH, HIGH, MEDIUM (the default) or LOW.",
)
@click.option("--estimate", type=float, metavar="SECONDS", help="How long it will render.")
@click.option("--max-retries", type=int, metavar="N", help="Retries after failures.")
@click.option(
    "--max-render-time",
    type=float,
    metavar="SECONDS",
    help="An attempt that takes longer is ended.",
)
@click.option("--memory-mib", type=int, metavar="MIB", help="Memory that a worker must have.")
@click.option("--tag", "tags", multiple=True, metavar="TAG", help="Tag that a worker must have.")
@click.option(
    "--renderer-version", metavar="WISH", help="Version that the renderer must have, as >=3.9."
)
@click.option(
    "--count",
    type=click.IntRange(1, 10_000),
    default=1,
    metavar="N",
    help="So many of the same task.",
)
@click.option(
    "--file",
    "file",
    type=click.Path(dir_okay=False, path_type=Path, allow_dash=True),
    help="JSON: a task, a list of tasks, or a batch; - is stdin. Other options change a task.",
)
@click.option(
    "--wait", is_flag=True, help="Return when all has ended; exit 1 if not all completed."
)
@click.option("--watch", is_flag=True, help="The same, and show how it goes.")
@click.option(
    "--timeout",
    "timeout_s",
    type=float,
    metavar="SECONDS",
    help="Stop waiting after so long; exit 7.",
)
@asks_farm
def submit(
    farm: Farm,
    *,
    file: Path | None,
    count: int,
    wait: bool,
    watch: bool,
    timeout_s: float | None,
    **given: Any,
) -> None:
    """Give the farm something to render.

    Prints the ids of the new tasks. Without any option it renders the farm's default scene once.

    ROOT names a folder that every worker knows. Those that `rushlight up` starts know three: scenes
    (where `up` was started), out (the data folder's), demo (the packaged scene).

    \b
    Examples:
      rushlight submit
      rushlight submit --scene demo:orrery.xml --renderer mitsuba --watch
      rushlight submit --scene demo:orrery.xml --renderer mitsuba \\
          --frames 1-48 --frames-per-task 4 --job orrery --priority HIGH
      rushlight submit --renderer command --set program=\"make-frame\" --frames 1-10
      rushlight submit --file tasks.json --wait && echo all done
    """
    body = _body(given) if file is None else _body_of_file(file, given)
    body = _counted(body, count)
    if "tasks" in body or "framesPerTask" in body:
        batch = farm.client.submit_batch(body)
        task_ids, answer = [str(task_id) for task_id in batch["taskIds"]], batch
    else:
        answer = farm.client.submit(body)
        task_ids = [str(answer["taskId"])]
    if not (farm.out.as_json and (wait or watch)):
        _say(farm, answer, task_ids)
    if wait or watch:
        watch_tasks(farm, task_ids, timeout_s=timeout_s, quiet=not watch)
    elif farm.out.for_people:
        what = f"--job {answer['jobId']}" if len(task_ids) > 1 else words.short(task_ids[0])
        farm.out.note(f"`rushlight watch {what}` shows how it goes")


def _say(farm: Farm, answer: Json, task_ids: list[str]) -> None:
    if farm.out.as_json:
        farm.out.document(answer)
    elif not farm.out.for_people:
        for task_id in task_ids:
            print(task_id)
    elif "count" in answer:
        job = f" of job {answer['jobId']}" if answer["jobId"] else ""
        print(f"submitted {words.plural(answer['count'], 'task')}{job}")
    else:
        print(f"submitted {words.title(answer)} ({answer['priority']})")


def _body(given: Json) -> Json:
    body = {wire: given[name] for name, wire in FIELDS.items() if given[name] is not None}
    if given["settings"]:
        body["settings"] = dict(_setting(text) for text in given["settings"])
    if given["args"]:
        body["args"] = list(given["args"])
    requires = {
        "memoryMib": given["memory_mib"],
        "tags": list(given["tags"]) or None,
        "rendererVersion": given["renderer_version"],
    }
    requires = {name: value for name, value in requires.items() if value is not None}
    if requires:
        body["requires"] = requires
    return body


def _setting(text: str) -> tuple[str, Any]:
    key, sign, value = text.partition("=")
    if not sign or not key:
        raise click.UsageError(f"--set takes KEY=VALUE, not {text!r}")
    try:
        return key, json.loads(value)
    except ValueError:
        return key, value


def _body_of_file(file: Path, given: Json) -> Json:
    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
        found = json.loads(text)
    except (OSError, UnicodeDecodeError) as error:
        raise click.UsageError(f"--file {file}: {error}") from None
    except ValueError as error:
        raise click.UsageError(f"--file {file} is not JSON: {error}") from None
    options = _body(given)
    if isinstance(found, list):
        found = {"tasks": found}
    if not isinstance(found, dict):
        raise click.UsageError(f"--file {file}: a task is a JSON object, several are a list")
    if "tasks" in found and options.keys() - {"jobId"}:
        raise click.UsageError("with a list of tasks only --job can be added; put it in the file")
    return found | options


def _counted(body: Json, count: int) -> Json:
    if count == 1:
        return body
    if "tasks" in body or "framesPerTask" in body:
        raise InvalidRequest("--count repeats one task; it does not go with a batch")
    return {"tasks": [body] * count}
