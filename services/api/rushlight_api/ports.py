"""What the API reads of the event log; the adapters are in ``rushlight.eventlog``. Calls block."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from rushlight.eventlog.history import Moment
from rushlight.eventlog.past_tasks import Filters
from rushlight.eventlog.windows import ALL, Wanted, Window
from rushlight.shapes import Heard

Row = dict[str, Any]
# How a part of the farm is: ``ok``, or what is wrong. It looks at nothing, so it never waits.
Checks = Mapping[str, Callable[[], str]]


class ViewsPort(Protocol):
    """What the API reads of the views; ``rushlight.eventlog.views.Views`` does it."""

    def task(self, task_id: UUID | str) -> Row | None:
        """One task."""
        ...

    def tasks(
        self,
        *,
        task_ids: Collection[str] | None = None,
        status: Collection[str] = (),
        job_id: str | None = None,
        submitted_by: str | None = None,
        worker_id: str | None = None,
        priority: str | None = None,
        renderer: str | None = None,
        name_prefix: str | None = None,
        before_seq: int | None = None,
        limit: int,
    ) -> list[Row]:
        """A page of tasks, newest first."""
        ...

    def has_tasks_of(self, job_id: str, principal: str) -> bool:
        """Whether a job has tasks that ``principal`` submitted."""
        ...

    def live_tasks(self) -> list[Row]:
        """All tasks that may still render, oldest first."""
        ...

    def census(self) -> Row:
        """Tasks and workers, counted."""
        ...

    def job(self, job_id: str) -> Row | None:
        """A job's tasks, counted."""
        ...

    def worker(self, worker_id: str) -> Row | None:
        """One worker."""
        ...

    def workers(
        self, *, after_id: str | None = None, status: Collection[str] = (), limit: int
    ) -> list[Row]:
        """A page of workers, by id."""
        ...

    def all_workers(self) -> list[Row]:
        """Every worker."""
        ...

    def outcome(self, command_id: UUID | str) -> Row | None:
        """What became of a command."""
        ...


class WindowsPort(Protocol):
    """Parts of the log; ``rushlight.eventlog.windows.Windows`` reads them."""

    def read(
        self,
        after: int,
        *,
        upto: int,
        limit: int,
        wanted: Wanted = ALL,
        bytes_max: int | None = None,
    ) -> Window:
        """Wanted events after a position."""
        ...


class HistoryPort(Protocol):
    """What was; ``rushlight.eventlog.history.History`` knows it."""

    def position_at(self, time: datetime) -> int:
        """The last position at or before a time; 0 where that is before the first event."""
        ...

    def find(self, at: int | datetime | None, now: datetime) -> Moment:
        """The moment of a position or a time; None: the log's end."""
        ...

    def tasks(
        self, then: Moment, filters: Filters, *, before_seq: int | None = None, limit: int
    ) -> tuple[list[Row], int | None]:
        """A page of tasks as they were, newest first, and where the next one begins."""
        ...

    def counts(self, then: Moment) -> dict[str, int]:
        """Tasks by the status that they had."""
        ...

    def workers(
        self, then: Moment, *, after_id: str | None = None, limit: int
    ) -> tuple[list[Row], str | None]:
        """A page of workers as they were, by id, and where the next one begins."""
        ...


class LogPort(Protocol):
    """What the API reads of the log; ``rushlight.eventlog.log.FarmLog`` does it."""

    @property
    def views(self) -> ViewsPort:
        """The views that are written with it."""
        ...

    @property
    def windows(self) -> WindowsPort:
        """Its events, by filters."""
        ...

    @property
    def history(self) -> HistoryPort:
        """What the farm was before."""
        ...

    def stream(self, originator_id: UUID) -> Sequence[tuple[int, Any]]:
        """One aggregate's events with their positions."""
        ...

    def head(self) -> int:
        """The last position."""
        ...

    def size_bytes(self) -> int:
        """What it takes of its disk."""
        ...


class HeardPort(Heard, Protocol):
    """What is known of one worker's current instance."""

    @property
    def worker_id(self) -> str:
        """Whose."""
        ...


class LivenessPort(Protocol):
    """Heartbeats as the reapers wrote them down."""

    def rows(self) -> Sequence[HeardPort]:
        """Of every worker."""
        ...

    def row(self, worker_id: str) -> HeardPort | None:
        """Of one worker."""
        ...
