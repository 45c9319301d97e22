"""``rushlight up``: a whole farm on this machine."""

import os
import sys
from pathlib import Path
from typing import Any

import rich_click as click
from click import get_current_context

from rushlight.cli.farm import JSON_KEY
from rushlight.cli.output import Output
from rushlight.cli.services import service

NO_KEYS = "none: this machine only; `rushlight key create` makes one"


@click.command()
@click.option("--host", metavar="ADDRESS", help="Address to listen on; 127.0.0.1 by default.")
@click.option(
    "--port", type=click.IntRange(0, 65535), metavar="PORT", help="3000; 0: any free one."
)
@click.option(
    "--workers", type=click.IntRange(0), metavar="N", help="Workers to start; half the cores."
)
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Folder of the log and the outputs; ./rushlight-data by default.",
)
@click.option(
    "--settings",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="A TOML file with any of the settings of docs/operations.md.",
)
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="When it is up, print JSON: url, pid, data, asksForKeys.",
)
def up(settings: Path | None, *, as_json: bool, **arguments: Any) -> None:
    """Start a farm on this machine: API, dispatcher, reaper and workers, until Ctrl-C.

    Everything is kept in the data folder; the next `up` on it goes on where this one ended. With
    --workers 0 no worker is started, also not on demand. A --host that others can reach takes
    keys first: docs/keys.md.

    Every setting can also come from the environment, as RUSHLIGHT_LOST_AFTER_S=120.

    \b
    Examples:
      rushlight up
      rushlight up --port 0 --data /tmp/farm --workers 2
    """
    get_current_context().meta[JSON_KEY] = as_json
    out = Output(as_json)
    service("embedded")(arguments, settings, started=lambda farm: _say_up(out, farm))


def _say_up(out: Output, farm: Any) -> None:
    """Say where the farm is; programs get the address alone."""
    if out.as_json:
        facts = {"url": farm.url, "pid": os.getpid(), "data": str(farm.data.absolute())}
        out.line_of_json({**facts, "asksForKeys": farm.asks_for_keys})
    elif not out.for_people:
        out.line(farm.url)
    else:
        out.facts(
            [
                ("Rushlight is up", farm.url),
                ("API", farm.docs_url),
                ("data", farm.data.absolute()),
                ("workers", farm.workers or "none; `rushlight worker run` starts one"),
                ("keys", "needed, also here" if farm.asks_for_keys else NO_KEYS),
                ("try", "rushlight submit --watch"),
                ("stop", "Ctrl-C"),
            ]
        )
        sys.stdout.flush()
