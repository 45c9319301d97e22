"""The table of attempts: who, when, what became of it. For a terminal, a text file and programs."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from io import StringIO
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from rushlight.cli.demo.records import AttemptRecord

_STYLES = {"completed": "green", "preempted": "yellow", "lost": "red", "failed": "magenta"}


def attempts_table(records: Sequence[AttemptRecord], start: datetime) -> Table:
    """Build the table; times are seconds since ``start``."""
    since = f"Attempts, in seconds since {start:%H:%M:%S} UTC"
    table = Table(title=since, title_style="bold", header_style="bold")
    for heading in ("task", "priority", "attempt", "worker"):
        table.add_column(heading, no_wrap=True)
    for heading in ("from s", "to s"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("what became of it", no_wrap=True)
    table.add_column("frames", no_wrap=True)
    table.add_column("why")
    for record in records:
        table.add_row(
            record.task,
            record.priority,
            str(record.attempt),
            record.worker_id,
            _seconds(record.start, start),
            _seconds(record.end, start),
            Text(record.result.replace("_", " "), style=_STYLES.get(record.result, "blue")),
            record.frames_rendered or "",
            "" if record.result == "completed" else (record.detail or ""),
        )
    return table


def as_text(records: Sequence[AttemptRecord], start: datetime) -> str:
    """Write the table without colours, 140 columns wide."""
    console = Console(file=StringIO(), width=140, color_system=None, force_terminal=False)
    with console.capture() as written:
        console.print(attempts_table(records, start))
    return "\n".join(line.rstrip() for line in written.get().splitlines()) + "\n"


def as_json(records: Sequence[AttemptRecord]) -> str:
    """Write every attempt with all its fields as a JSON document; times are in UTC."""
    return json.dumps([asdict(record) for record in records], indent=2, default=_plain) + "\n"


def _plain(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no form in JSON")


def _seconds(when: datetime | None, start: datetime) -> str:
    return "" if when is None else f"{(when - start).total_seconds():.1f}"
