"""``rushlight audit``: check, read, mend and save the log of a farm's data folder.

Works on the files alone: no farm has to run, and ``rebuild`` and ``salvage`` want none to.
"""

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import rich_click as click
from click import get_current_context

from rushlight.cli import words
from rushlight.cli.exits import Exit
from rushlight.cli.farm import DEFAULT_DATA, JSON_KEY
from rushlight.cli.output import Column, Json, Output


def _whose(event: Json) -> str | None:
    whose: str | None = event["taskId"] or event["workerId"]
    return whose


EVENT_COLUMNS = (
    Column("POSITION", lambda e: e["position"], justify="right"),
    Column("TIME", lambda e: e["time"], lambda e: words.local_time(e["time"])),
    Column("EVENT", lambda e: e["topic"], lambda e: e["topic"].removeprefix("rushlight.")),
    Column("OF", _whose, lambda e: words.short(e["taskId"]) or e["workerId"]),
    Column("BY", lambda e: e["principal"]),
    Column("PAYLOAD", lambda e: words.as_json(e["payload"]), words.payload, clipped=True),
)


def on_data(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --data and --json."""
    command = click.option("--json", "as_json", is_flag=True, help="Print JSON.")(command)
    return click.option(
        "--data",
        type=click.Path(file_okay=False, path_type=Path),
        default=lambda: os.environ.get("RUSHLIGHT_DATA", DEFAULT_DATA),
        metavar="DIR",
        help="The farm's data folder; ./rushlight-data without it.",
    )(command)


def _output(as_json: bool) -> Output:
    get_current_context().meta[JSON_KEY] = as_json
    return Output(as_json)


@click.group()
def audit() -> None:
    """Check, read, mend or save a farm's event log.

    These work on the data folder itself, not over HTTP.
    """


@audit.command()
@on_data
def verify(data: Path, as_json: bool) -> None:
    """Check that the log is whole, that it was decided by the rules, and that the views fit it.

    Every round is chained to the one before; each is decided again by the same rules and must give
    the same events; the rows that the API shows must be those that the events make. Exits with 8 if
    anything differs.

    \b
    Example:
      rushlight audit verify --data /srv/farm
    """
    from rushlight.eventlog.audit import verify as verify_log  # noqa: PLC0415

    out = _output(as_json)
    report = verify_log(data)
    found = {
        "clean": report.clean,
        "events": report.events,
        "rounds": report.rounds,
        "tasks": report.tasks,
        "workers": report.workers,
        "digest": report.digest,
        "differences": report.differences,
    }
    if as_json:
        out.document(found)
    elif report.clean:
        print(
            f"clean: {words.plural(report.events, 'event')} in"
            f" {words.plural(report.rounds, 'round')} decided again,"
            f" {words.plural(report.tasks, 'task')} and {words.plural(report.workers, 'worker')}"
            f" as shown\ndigest {report.digest}"
        )
    else:
        for difference in report.differences:
            print(difference)
    if not report.clean:
        sys.exit(Exit.AUDIT_MISMATCH)


@audit.command()
@on_data
def rebuild(data: Path, as_json: bool) -> None:
    """Make the rows that the API shows anew from the log; the farm must be stopped."""
    from rushlight.eventlog.audit import rebuild as rebuild_views  # noqa: PLC0415

    out = _output(as_json)
    tasks, workers = rebuild_views(data)
    if as_json:
        out.document({"tasks": tasks, "workers": workers})
    else:
        print(
            f"made anew: {words.plural(tasks, 'task')} and {words.plural(workers, 'worker')};"
            " `rushlight audit verify` checks them"
        )


@audit.command()
@click.option("--after", type=click.IntRange(0), default=0, metavar="N", help="From position N+1.")
@click.option("--last", type=click.IntRange(1), metavar="N", help="Only the last N.")
@click.option("--of", metavar="ID", help="Only of this task or worker; the end of an id will do.")
@on_data
def log(data: Path, *, after: int, last: int | None, of: str | None, as_json: bool) -> None:
    """Print the events of the log, oldest first; with --json one per line.

    \b
    Examples:
      rushlight audit log --last 20
      rushlight audit log --of 7f3a9c01
      rushlight audit log --json | jq -r .topic | sort | uniq -c
    """
    from rushlight.eventlog.log import FarmLog  # noqa: PLC0415

    out = _output(as_json)
    with FarmLog.open_read_only(data) as farm_log:
        if last is not None:
            after = max(after, farm_log.head() - last)
        events = _shown(farm_log.replay(after), of)
        if as_json:
            for one in events:
                out.line_of_json(one)
        else:
            out.table(EVENT_COLUMNS, events)


def _shown(events: Iterator[tuple[int, Any]], of: str | None) -> Iterator[Json]:
    from rushlight.shapes import event_resource  # noqa: PLC0415 - pydantic takes its time

    for position, event in events:
        shown = event_resource(position, event).model_dump(mode="json", by_alias=True)
        if of is None or (_whose(shown) or "").endswith(of):
            yield shown


@audit.command()
@click.argument("damaged", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("new", type=click.Path(file_okay=False, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def salvage(damaged: Path, new: Path, as_json: bool) -> None:
    """Copy what is whole of a damaged log into a new data folder.

    Whole rounds are kept, up to the first that does not read or does not fit its chain. The damaged
    folder is only read. Outputs are not copied.

    \b
    Example:
      rushlight audit salvage rushlight-data rushlight-data-new
    """
    from rushlight.cli.salvaging import salvage_rounds  # noqa: PLC0415

    out = _output(as_json)
    found = salvage_rounds(damaged, new)
    if as_json:
        out.document(found)
        return
    lost = max(0, found["acknowledged"] - found["kept"])
    print(
        f"kept {words.plural(found['kept'], 'event')} in {words.plural(found['rounds'], 'round')},"
        f" {words.plural(found['tasks'], 'task')}"
    )
    if found["reason"]:
        print(f"not more, because {found['reason']}")
    if lost:
        print(f"{words.plural(lost, 'event')} that the farm had acknowledged could not be saved")
    out.note(f"go on with `rushlight up --data {new}`")
