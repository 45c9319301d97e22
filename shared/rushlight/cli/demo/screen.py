"""Where the demo tells its story: live bars in a terminal, plain lines in a pipe or in CI."""

import sys
from typing import Protocol

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from rushlight.cli.demo.snapshot import Snapshot
from rushlight.cli.words import STYLES, plural
from rushlight.clock import SystemClock
from rushlight.messages.resources import TaskResource, WorkerResource

_PROGRESS_EVERY_S = 5.0
_BAR = 24


class Screen(Protocol):
    """Use as a context manager."""

    def say(self, text: str, style: str = "") -> None:
        """Tell one thing that happened, with the time since the start."""
        ...

    def show(self, snapshot: Snapshot) -> None:
        """Show how far the farm is."""
        ...

    def __enter__(self) -> "Screen":
        """Begin."""
        ...

    def __exit__(self, *_: object) -> None:
        """End, also when interrupted."""
        ...


def screen() -> Screen:
    """The screen that fits where stdout goes."""
    return LiveScreen() if sys.stdout.isatty() else PlainScreen()


class _Stopwatch:
    def __init__(self) -> None:
        self._clock = SystemClock()
        self._started_s = self._clock.elapsed_s()

    @property
    def seconds(self) -> float:
        return self._clock.elapsed_s() - self._started_s


class PlainScreen:
    """A line for each event, and one about progress now and then."""

    def __init__(self) -> None:
        self._watch = _Stopwatch()
        self._shown_s = 0.0

    def say(self, text: str, style: str = "") -> None:
        """Print it at once."""
        print(f"{self._watch.seconds:6.1f} s  {text}", flush=True)

    def show(self, snapshot: Snapshot) -> None:
        """Print the count of frames, every few seconds."""
        if self._watch.seconds - self._shown_s >= _PROGRESS_EVERY_S:
            self._shown_s = self._watch.seconds
            busy = sum(worker.status == "busy" for worker in snapshot.workers.values())
            self.say(
                f"  … {snapshot.frames_done} of {snapshot.frames_total} frames,"
                f" {plural(busy, 'worker')} busy, {plural(snapshot.waiting, 'task')} waiting"
            )

    def __enter__(self) -> "PlainScreen":
        return self

    def __exit__(self, *_: object) -> None:
        return None


class LiveScreen:
    """Events scroll by; below them a bar for each task, and what each worker does."""

    def __init__(self) -> None:
        self._watch = _Stopwatch()
        self._live = Live(console=Console(highlight=False), refresh_per_second=8)

    def say(self, text: str, style: str = "") -> None:
        """Print it above the bars."""
        line = Text.assemble((f"{self._watch.seconds:6.1f} s  ", "dim"), (text, style))
        self._live.console.print(line)

    def show(self, snapshot: Snapshot) -> None:
        """Redraw."""
        height = self._live.console.height
        self._live.update(Group("", _tasks(snapshot, height), "", _workers(snapshot)))

    def __enter__(self) -> "LiveScreen":
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.update("")
        self._live.stop()


def _tasks(snapshot: Snapshot, height: int) -> Table:
    """A bar for all frames, and as many tasks as fit, two side by side."""
    table = Table.grid(padding=(0, 2, 0, 0))
    total = max(1, snapshot.frames_total)
    cells: list[_Cells] = [_cells(task) for task in snapshot.tasks.values()]
    room = max(2, height // 2 - len(snapshot.workers))
    half = -(-len(cells) // 2)
    for left, right in zip(cells[:half], [*cells[half:], _NOTHING][:half], strict=True):
        table.add_row(*left, *right)
        if table.row_count == room:
            break
    bar = ProgressBar(total=total, completed=snapshot.frames_done, width=_BAR)
    frames = f"{snapshot.frames_done}/{snapshot.frames_total}"
    table.add_row("[bold]all frames", "", bar, f"[bold]{frames}", *_NOTHING)
    return table


_Cells = tuple[RenderableType, RenderableType, RenderableType, RenderableType]
_NOTHING: _Cells = ("", "", "", "")


def _cells(task: TaskResource) -> _Cells:
    done = max(task.frames_done / max(1, task.frames_total), task.progress or 0)
    done = 1.0 if task.status == "completed" else done
    said = "stopping" if task.stop is not None else task.status
    style = "yellow" if task.stop is not None else STYLES.get(task.status, "")
    return (
        Text(task.name or ""),
        Text(task.priority, style="bold yellow" if task.priority == "RUSH" else "dim"),
        ProgressBar(total=1.0, completed=done, width=_BAR),
        Text(said, style=style),
    )


def _workers(snapshot: Snapshot) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    for worker in snapshot.workers.values():
        style = STYLES.get(worker.status, "")
        table.add_row(
            Text(worker.worker_id), Text(worker.status, style=style), _doing(worker, snapshot)
        )
    return table


def _doing(worker: WorkerResource, snapshot: Snapshot) -> str:
    task = snapshot.tasks.get(worker.current_task_id) if worker.current_task_id else None
    return "" if task is None else f"{task.name}, attempt {worker.current_attempt}"
