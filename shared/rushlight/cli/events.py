"""``rushlight events``: what has happened on the farm, and what happens."""

from typing import Any

import rich_click as click

from rushlight.cli import words
from rushlight.cli.farm import Farm, asks_farm
from rushlight.cli.notes import OutageNotes
from rushlight.cli.output import Column, Json, safe

# A round closes with every change; whoever wants to see that asks for it.
TOPICS = ("task.*", "worker.*", "term.taken_over", "term.settings_changed")
TOPIC_WIDTH = 22
WHOSE_WIDTH = 12


def _whose(event: Json) -> Any:
    return event["taskId"] or event["workerId"]


COLUMNS = (
    Column("POSITION", lambda e: e["position"], justify="right"),
    Column("TIME", lambda e: e["time"], lambda e: words.listed_time(e["time"])),
    Column("EVENT", lambda e: e["topic"], words.topic),
    Column("OF", _whose, lambda e: words.short(e["taskId"]) or e["workerId"]),
    Column("BY", lambda e: e["principal"]),
    Column("PAYLOAD", lambda e: words.as_json(e["payload"]), words.payload, clipped=True),
)


@click.command()
@click.option("-f", "--follow", is_flag=True, help="Go on with what happens, until interrupted.")
@click.option("--after", type=click.IntRange(0), metavar="N", help="Only behind position N.")
@click.option(
    "--last", type=click.IntRange(1), metavar="N", help="Of the last N positions of the log."
)
@click.option("--task", "tasks", multiple=True, metavar="TASK", help="Of this task.")
@click.option("--job", metavar="JOB", help="Of the tasks of this job.")
@click.option("--worker", metavar="WORKER", help="That name this worker.")
@click.option(
    "--topic",
    "topics",
    multiple=True,
    metavar="TOPIC",
    help="Of this topic, or all that begin so: task.failed, worker. May be repeated.",
)
@click.option("--principal", metavar="NAME", help="That this principal caused.")
@asks_farm
def events(
    farm: Farm,
    *,
    follow: bool,
    after: int | None,
    last: int | None,
    tasks: tuple[str, ...],
    job: str | None,
    worker: str | None,
    topics: tuple[str, ...],
    principal: str | None,
) -> None:
    """Print the events of the farm, oldest first.

    Without -f: all that are on its log, or those behind --after. With -f: those that happen from
    now on, or from --after on, for ever. A broken connection loses none. The closing of rounds is
    left out, unless a --topic asks for it.

    In a pipe: lines with tabs: position, time, topic, task or worker, principal, payload. With
    --json: a line of JSON each.

    \b
    Examples:
      rushlight events -f
      rushlight events -f --job shot-010 --topic task.failed --json | jq -r .taskId
      rushlight events --last 50
      rushlight events --task 7f3a9c01
    """
    filters = {
        "task_ids": [farm.task_id(task) for task in tasks],
        "job_id": job,
        "worker_id": worker,
        "topics": [_pattern(topic) for topic in topics] or TOPICS,
        "principal": principal,
    }
    if last is not None:
        after = max(after or 0, _head(farm) - last)
    if follow:
        _follow(farm, after, filters)
    elif farm.out.as_json:
        for one in farm.client.farm_events(after=after or 0, **filters):
            farm.out.line_of_json(one)
    else:
        farm.out.table(COLUMNS, farm.client.farm_events(after=after or 0, **filters))


def _pattern(topic: str) -> str:
    """As the API takes it; the first word alone is all of its events, as for `audit log`."""
    return topic if "." in topic else f"{topic}.*"


def _head(farm: Farm) -> int:
    """The last position on the log: a stream from now on begins behind it."""
    with farm.client.stream() as stream:
        return stream.position


def _follow(farm: Farm, after: int | None, filters: dict[str, Any]) -> None:
    notes = OutageNotes(farm.out.note)
    with farm.client.stream(after, told=notes.tell, **filters) as stream:
        for event in stream:
            if farm.out.as_json:
                farm.out.line_of_json(event)
            elif farm.out.for_people:
                print(_line(event), flush=True)
            else:
                farm.out.line(*(column.plain(event) for column in COLUMNS))


def _line(event: Json) -> str:
    """For people; a table would have to know what comes."""
    whose = words.short(event["taskId"]) or event["workerId"] or ""
    said = safe(words.payload(event)).replace("\n", " ")
    return (
        f"{words.clock_time(event['time'])}  {words.topic(event):<{TOPIC_WIDTH}}"
        f"  {whose:<{WHOSE_WIDTH}}  {said}"
    ).rstrip()
