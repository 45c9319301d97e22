"""What goes to stdout: a table in a terminal, lines with tabs in a pipe, JSON when asked for."""

import json
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from rich.console import Console

Json = dict[str, Any]
# Renderers write what they like into their logs; a terminal would obey it.
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
# What stands where a value is not there.
NOTHING = "-"
_BLANKS = re.compile(r"[\t\r\n]+")


def safe(text: str) -> str:
    """The text without anything that a terminal takes as an order; line breaks and tabs stay."""
    return _CONTROLS.sub("", text)


@dataclass(frozen=True)
class Column:
    """A column: its value for programs, and for people where that is another.

    People see only the beginning of what is ``clipped``. Where it is narrow, only what ``wraps``
    is broken over lines: ids are there to be copied.
    """

    title: str
    plain: Callable[[Json], Any]
    people: Callable[[Json], Any] | None = None
    style: Callable[[Json], str] | None = None
    justify: Literal["left", "right"] = "left"
    clipped: bool = False
    wraps: bool = False

    def shown(self, item: Json) -> str:
        """The value for people, on one line."""
        return _plain((self.people or self.plain)(item))


@dataclass(frozen=True)
class Output:
    """Where a command's data goes; notes for people go to stderr."""

    as_json: bool = False

    @property
    def for_people(self) -> bool:
        """Whether stdout is a terminal and no JSON was asked for."""
        return not self.as_json and sys.stdout.isatty()

    def document(self, value: Any) -> None:
        """One JSON document, indented in a terminal."""
        indent = 2 if sys.stdout.isatty() else None
        print(json.dumps(value, ensure_ascii=False, indent=indent))

    def line_of_json(self, value: Any) -> None:
        """One line of NDJSON, at once."""
        print(json.dumps(value, ensure_ascii=False, separators=(",", ":")), flush=True)

    def line(self, *values: Any) -> None:
        """One line of values with tabs between them, at once."""
        print("\t".join(_plain(value) for value in values), flush=True)

    def table(self, columns: Sequence[Column], items: Iterable[Json]) -> None:
        """One line per item; with a heading only for people."""
        if not self.for_people:
            for one in items:
                self.line(*(column.plain(one) for column in columns))
            return
        self.console().print(_table(columns, items))

    def fields(self, item: Json) -> None:
        """A line per field, in the words of the API; what is no plain value is JSON."""
        for name, value in item.items():
            nested = isinstance(value, dict | list)
            self.line(name, json.dumps(value, ensure_ascii=False) if nested else value)

    def facts(self, facts: Iterable[tuple[str, Any]]) -> None:
        """Names and their values, for people; they do not see what is not there."""
        shown = [(name, value) for name, value in facts if value not in (None, "", [], {})]
        width = max((len(name) for name, _ in shown), default=0)
        for name, value in shown:
            indented = safe(str(value)).rstrip().replace("\n", "\n" + " " * (width + 2))
            print(f"{name:<{width}}  {indented}")

    def console(self) -> "Console":
        """stdout, for people."""
        from rich.console import Console  # noqa: PLC0415 - only where people look

        return Console(highlight=False, soft_wrap=False)

    def note(self, text: str) -> None:
        """Something beside the data, on stderr."""
        print(safe(text), file=sys.stderr)


def _plain(value: Any) -> str:
    if value is None:
        return NOTHING
    if isinstance(value, bool):
        return "true" if value else "false"
    return _BLANKS.sub(" ", safe(str(value))) or NOTHING


def _table(columns: Sequence[Column], items: Iterable[Json]) -> Any:
    from rich.table import Table  # noqa: PLC0415 - only where people look
    from rich.text import Text  # noqa: PLC0415

    items = list(items)
    # What nobody has is left out: eighty columns are soon full.
    columns = [
        column
        for column in columns
        if not items or any(column.shown(one) != NOTHING for one in items)
    ]
    clips = any(column.clipped for column in columns)
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0), expand=clips)
    for column in columns:
        table.add_column(
            column.title,
            justify=column.justify,
            overflow="ellipsis" if column.clipped else "fold",
            no_wrap=clips or not column.wraps,
            ratio=1 if column.clipped else None,
        )
    for one in items:
        table.add_row(
            *(
                Text(column.shown(one), style=column.style(one) if column.style else "")
                for column in columns
            )
        )
    return table
