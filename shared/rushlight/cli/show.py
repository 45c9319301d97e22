"""``rushlight show`` and ``rushlight why``: one task, and why things are as they are."""

import json
from typing import Any

import rich_click as click

from rushlight.cli import words
from rushlight.cli.farm import Farm, asks_farm
from rushlight.cli.output import Column, Json
from rushlight.errors import InvalidRequest, NotFound

RESULT_STYLES = {"rendering": "cyan", "completed": "green", "failed": "red", "lost": "red"}


def _more_than_result(attempt: Json) -> str | None:
    """The detail, where it says more than the result beside it."""
    detail = words.first_line(attempt["detail"])
    return None if detail == attempt["result"] else detail


ATTEMPT_COLUMNS = (
    Column("ATTEMPT", lambda a: a["attempt"], justify="right"),
    Column("WORKER", lambda a: a["workerId"]),
    Column("STARTED", lambda a: a["startTime"], lambda a: words.listed_time(a["startTime"])),
    Column(
        "TOOK",
        lambda a: words.between(a["startTime"], a["endTime"]),
        lambda a: words.duration(words.between(a["startTime"], a["endTime"])),
        justify="right",
    ),
    Column(
        "RESULT",
        lambda a: a["result"],
        lambda a: a["result"].replace("_", " "),
        lambda a: RESULT_STYLES.get(a["result"], "yellow"),
    ),
    Column("FRAMES", lambda a: a["framesRendered"]),
    Column("DETAIL", lambda a: words.first_line(a["detail"]), _more_than_result, wraps=True),
)


EVENT_COLUMNS = (
    Column("POSITION", lambda e: e["position"], justify="right"),
    Column("TIME", lambda e: e["time"], lambda e: words.listed_time(e["time"])),
    Column("EVENT", lambda e: e["topic"], lambda e: e["topic"].removeprefix("rushlight.")),
    Column("BY", lambda e: e["principal"]),
    Column("PAYLOAD", lambda e: words.as_json(e["payload"]), words.payload, clipped=True),
)


@click.command()
@click.argument("task")
@click.option("--attempts", "part", flag_value="attempts", help="Only its attempts.")
@click.option("--events", "part", flag_value="events", help="Only its events, oldest first.")
@asks_farm
def show(farm: Farm, task: str, part: str | None) -> None:
    """Show everything about a task.

    TASK is an id, or at least 4 characters of its beginning or end. In a pipe: a line per field of
    the API, with a tab.

    \b
    Examples:
      rushlight show 7f3a9c01
      rushlight show 7f3a9c01 --attempts       who rendered it, and what became of it
      rushlight show 7f3a9c01 --events         its whole history
      rushlight show 7f3a9c01 --json | jq .outputPath
    """
    task_id = farm.task_id(task)
    if part == "attempts":
        _rows(farm, ATTEMPT_COLUMNS, farm.client.attempts(task_id))
    elif part == "events":
        _rows(farm, EVENT_COLUMNS, list(farm.client.events(task_id)))
    elif farm.out.as_json:
        farm.out.document(farm.client.task(task_id))
    elif not farm.out.for_people:
        farm.out.fields(farm.client.task(task_id))
    else:
        farm.out.facts(facts_of(farm.client.task(task_id)))
        attempts = farm.client.attempts(task_id)
        if attempts:
            print()
            farm.out.table(ATTEMPT_COLUMNS, attempts)


@click.command()
@click.argument("what", metavar="TASK|WORKER")
@asks_farm
def why(farm: Farm, what: str) -> None:
    """Explain why a task waits, or why a worker has nothing to do.

    It is the scheduler's own rule, asked of every worker (or waiting task), with counts per reason.

    \b
    Examples:
      rushlight why 7f3a9c01
      rushlight why render-node-3
    """
    answer = _why(farm, what)
    if farm.out.as_json:
        farm.out.document(answer)
        return
    print(answer["summary"])
    reasons = sorted(answer["reasons"].items(), key=lambda reason: -reason[1])
    for reason, count in reasons:
        if farm.out.for_people:
            print(f"{count:>6}  {reason.replace('_', ' ')}")
        else:
            farm.out.line(count, reason)


def _why(farm: Farm, what: str) -> Json:
    try:
        return farm.client.why_worker(what)
    except (NotFound, InvalidRequest):
        task_id = _task_instead(farm, what)
    return farm.client.why_task(task_id)


def _task_instead(farm: Farm, what: str) -> str:
    try:
        return farm.task_id(what)
    except (NotFound, InvalidRequest) as error:
        raise type(error)(f"no worker is called {what!r}; as a task: {error}") from None


def _rows(farm: Farm, columns: tuple[Column, ...], items: list[Json]) -> None:
    if farm.out.as_json:
        farm.out.document({"items": items, "next": None})
    else:
        farm.out.table(columns, items)


def facts_of(task: Json) -> list[tuple[str, Any]]:
    """What there is to say of a task, most asked for first."""
    return [
        ("task", task["taskId"]),
        ("name", task["name"]),
        ("job", task["jobId"]),
        ("status", words.state(task)),
        ("retried at", words.local_time(task["retryAt"])),
        ("error", task["errorMessage"]),
        ("priority", task["priority"]),
        ("worker", task["workerId"]),
        ("frames", f"{words.frames_done(task)} done" + _of(task["frames"])),
        ("renderer", task["renderer"]),
        ("scene", task["scene"]),
        ("output", task["outputPath"] or task["output"]),
        ("size", words.size(task["outputSize"])),
        ("submitted", words.local_time(task["creationTime"])),
        ("submitted by", task["submittedBy"]),
        ("started", words.local_time(task["startTime"])),
        ("ended", words.local_time(task["completionTime"])),
        ("rendered for", words.duration(task["finalRenderTime"])),
        ("estimated", words.duration(task["estimatedRenderTime"])),
        ("retries", f"{task['retries']} of {task['maxRetries']}"),
        ("preempted", task["preemptions"] or None),
        ("lost workers", task["losses"] or None),
        ("requires", _named(task["requires"])),
        ("settings", _named(task["settings"])),
        ("arguments", " ".join(task["args"])),
    ]


def _of(frames: str | None) -> str:
    return "" if frames is None else f", of {frames}"


def _named(values: Json) -> str:
    shown = {name: value for name, value in values.items() if value not in (None, [])}
    return ", ".join(f"{name}={json.dumps(value)}" for name, value in shown.items())
