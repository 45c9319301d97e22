"""The command ``doctor``, and how findings are shown."""

import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click
from click import get_current_context

from rushlight.cli.exits import Exit
from rushlight.cli.farm import JSON_KEY, key_file_option
from rushlight.cli.output import Output, safe

if TYPE_CHECKING:
    from rushlight.cli.doctor.finding import Finding

SIGNS = {"ok": ("✓", "green"), "warn": ("!", "yellow"), "fail": ("✗", "bold red")}
ABOUT_WIDTH = 17
Found = list[tuple[str, "list[Finding]"]]


@click.command()
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="The farm's data folder; ./rushlight-data without it.",
)
@click.option("--url", envvar="RUSHLIGHT_URL", metavar="URL", help="The farm's address.")
@click.option(
    "--settings",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="The settings file that `up` and the worker have.",
)
@key_file_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def doctor(
    data: Path | None,
    url: str | None,
    settings: Path | None,
    key_file: Path | None,
    *,
    as_json: bool,
) -> None:
    """Look whether all is well here, and say what to do where it is not. Changes nothing.

    It looks at this machine, the data folder, the farm if one runs, and what a worker here could
    render. Exit code 1 if something is wrong; what may be as intended is marked with ! only.

    \b
    Examples:
      rushlight doctor
      rushlight doctor --url http://farm:3000     from a desk or a render node
      rushlight doctor --json | jq '.checks[] | select(.status != "ok")'
    """
    from rushlight.cli.doctor.examination import examine  # noqa: PLC0415 - takes its time

    get_current_context().meta[JSON_KEY] = as_json
    out = Output(as_json)
    found = list(examine(data, url, settings, key_file))
    if out.as_json:
        checks = [
            {"part": part, "about": one.about, "status": one.status, "text": one.text}
            for part, findings in found
            for one in findings
        ]
        out.document({"ok": not _counts(found)["fail"], "checks": checks})
    elif out.for_people:
        _show(out, found)
    else:
        for part, findings in found:
            for one in findings:
                out.line(one.status, part, one.about, one.text)
    sys.exit(Exit.WORK_FAILED if _counts(found)["fail"] else Exit.OK)


def _counts(found: Found) -> Counter[str]:
    return Counter(one.status for _, findings in found for one in findings)


def _show(out: Output, found: Found) -> None:
    from rich.padding import Padding  # noqa: PLC0415 - only where people look
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    console = out.console()
    for part, findings in found:
        console.print(Text(part, style="bold"))
        table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
        table.add_column(width=1)
        table.add_column(width=ABOUT_WIDTH)
        table.add_column(overflow="fold")
        for one in findings:
            sign, style = SIGNS[one.status]
            about, text = (Text(safe(said)) for said in (one.about, one.text))
            table.add_row(Text(sign, style=style), about, text)
        console.print(Padding(table, (0, 0, 1, 2)))
    counts = _counts(found)
    console.print(
        Text.assemble(
            (f"{counts['ok']} fine", "green"),
            ", ",
            (f"{counts['warn']} to know of", "yellow" if counts["warn"] else "dim"),
            ", ",
            (f"{counts['fail']} wrong", "bold red" if counts["fail"] else "dim"),
        )
    )
