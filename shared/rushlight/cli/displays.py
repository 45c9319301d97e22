"""How ``watch`` shows tasks: bars in a terminal, lines in a pipe, NDJSON, or nothing."""

import sys
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

from rushlight.cli import words
from rushlight.cli.output import Json, Output, safe

if TYPE_CHECKING:
    from rich.table import Table

NAME_WIDTH = 28
BAR_WIDTH = 32
ROWS_MIN = 3
# Beside the rows of tasks: the row for all, and the prompt afterwards.
OTHER_ROWS = 3


class Display(Protocol):
    """Hears of every task that changed; use as a context manager."""

    def show(self, changed: Sequence[Json]) -> None:
        """These tasks have changed."""
        ...

    def note(self, text: str) -> None:
        """Say something beside the tasks."""
        ...

    def __enter__(self) -> "Display":
        """Begin."""
        ...

    def __exit__(self, *_: object) -> None:
        """End, also when interrupted."""
        ...


class _Plain:
    """A display that has nothing to open or close; notes go to stderr."""

    def note(self, text: str) -> None:
        print(safe(text), file=sys.stderr)

    def __exit__(self, *_: object) -> None:
        return None


class Silence(_Plain):
    """Shows nothing."""

    def show(self, changed: Sequence[Json]) -> None:
        """Nothing."""

    def __enter__(self) -> "Silence":
        return self


class Ndjson(_Plain):
    """Each changed task as a line of JSON, as the API gives it."""

    def __init__(self, out: Output) -> None:
        self._out = out

    def show(self, changed: Sequence[Json]) -> None:
        """One line each."""
        for task in changed:
            self._out.line_of_json(task)

    def __enter__(self) -> "Ndjson":
        return self


class Lines(_Plain):
    """A line when a task's status, frames or worker change; mere progress is none."""

    def __init__(self, out: Output) -> None:
        self._out = out
        self._shown: dict[str, tuple[Any, ...]] = {}

    def show(self, changed: Sequence[Json]) -> None:
        """One line for each that looks different."""
        for task in changed:
            message = words.first_line(task["errorMessage"]) or None
            status = "stopping" if task["stop"] is not None else task["status"]
            line = (status, words.frames_done(task), task["workerId"], message)
            if self._shown.get(task["taskId"]) != line:
                self._shown[task["taskId"]] = line
                self._out.line(task["taskId"], *line)

    def __enter__(self) -> "Lines":
        return self


class Bars:
    """A bar per task and one for all, in a terminal.

    Of more tasks than the terminal has rows those are shown that render, then those that ended
    last, then those that wait.
    """

    def __init__(self) -> None:
        from rich.console import Console  # noqa: PLC0415 - only where people look
        from rich.live import Live  # noqa: PLC0415

        self._tasks: dict[str, Json] = {}
        self._changes: dict[str, int] = {}
        self._count = 0
        self._live = Live(console=Console(highlight=False), refresh_per_second=4)

    def show(self, changed: Sequence[Json]) -> None:
        """Redraw what changed."""
        for task in changed:
            self._tasks[task["taskId"]] = task
            self._count += 1
            self._changes[task["taskId"]] = self._count
        self._live.update(self._picture())

    def note(self, text: str) -> None:
        """Above the bars."""
        self._live.console.print(text, markup=False)

    def __enter__(self) -> "Bars":
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def _picture(self) -> "Table":
        from rich.table import Table  # noqa: PLC0415

        table = Table.grid(padding=(0, 2, 0, 0), expand=True)
        table.add_column(no_wrap=True, max_width=NAME_WIDTH)
        table.add_column(no_wrap=True)
        table.add_column(justify="right", no_wrap=True)
        table.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
        for task in self._in_sight():
            style = words.state_style(task)
            _add_bar(table, words.title(task), [task], _state(task), style)
        tasks = list(self._tasks.values())
        if len(tasks) != 1:
            _add_bar(table, "all", tasks, _counts(tasks), "bold")
        return table

    def _in_sight(self) -> list[Json]:
        rows = max(ROWS_MIN, self._live.console.height - OTHER_ROWS)
        ranked = sorted(self._tasks, key=self._rank)
        chosen = set(ranked[:rows])
        return [task for task_id, task in self._tasks.items() if task_id in chosen]

    def _rank(self, task_id: str) -> tuple[int, int]:
        status = self._tasks[task_id]["status"]
        if status == "rendering":
            return 0, 0
        waits = status in ("pending", "paused")
        return (2, 0) if waits else (1, -self._changes[task_id])


def _add_bar(table: "Table", name: str, tasks: Sequence[Json], said: str, style: str) -> None:
    from rich.progress_bar import ProgressBar  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    total = sum(task["framesTotal"] for task in tasks)
    done = sum(words.done_share(task) * task["framesTotal"] for task in tasks)
    table.add_row(
        Text(name, style="bold" if style == "bold" else ""),
        ProgressBar(total=max(total, 1), completed=done, width=BAR_WIDTH, complete_style="cyan"),
        f"{sum(task['framesDone'] for task in tasks)}/{total}",
        Text(said, style=style),
    )


def _state(task: Json) -> str:
    if task["status"] == "failed":
        return f"{words.state(task)}: {safe(words.first_line(task['errorMessage']))}"
    worker = f" on {task['workerId']}" if task["status"] == "rendering" else ""
    return words.state(task) + worker


def _counts(tasks: Sequence[Json]) -> str:
    counts = Counter(task["status"] for task in tasks)
    said = [f"{counts[status]} {status}" for status in words.STYLES if counts[status]]
    return ", ".join(said) or "nothing"
