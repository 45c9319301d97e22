"""``rushlight audit``: check, read, mend and save the log of a farm's data folder.

Works on the files alone: no farm has to run, and ``rebuild`` and ``salvage`` want none to.
"""

import gc
import sys
from pathlib import Path

import rich_click as click

from rushlight.cli import words
from rushlight.cli.audit_log import log
from rushlight.cli.audit_show import show
from rushlight.cli.data_folder import on_data, output
from rushlight.cli.exits import Exit

GARBAGE_EVERY = 200_000


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

    out = output(as_json)
    # Millions of objects and hardly a cycle: to look for those less often saves a quarter.
    gc.set_threshold(GARBAGE_EVERY)
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

    out = output(as_json)
    tasks, workers = rebuild_views(data)
    if as_json:
        out.document({"tasks": tasks, "workers": workers})
    else:
        print(
            f"made anew: {words.plural(tasks, 'task')} and {words.plural(workers, 'worker')};"
            " `rushlight audit verify` checks them"
        )


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

    out = output(as_json)
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


audit.add_command(log)
audit.add_command(show)
