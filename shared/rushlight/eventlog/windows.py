"""Windows of the log: the events after a position that somebody wants, with bounded work per read.

A window may hold less than there is: ``reached`` says how far the log was looked through, and the
next one goes on from there. Filters run in SQLite, on the stored JSON, so what nobody wants is
never decoded. The job of a task comes from the view, which is never behind the events.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

from eventsourcing.sqlite import SQLiteDatastore

from rushlight.domain.base import FarmEvent
from rushlight.eventlog import rows
from rushlight.eventlog.failures import log_errors
from rushlight.eventlog.recorder import read_at, stored_in

SCAN_MAX = 50_000
BYTES_MAX = 4_000_000


class Marks(NamedTuple):
    """What filters look at."""

    topic: str
    stream: UUID
    job_id: str | None
    worker_id: str | None
    principal: str


class Placed(NamedTuple):
    """An event, where it stands, and the job of its task."""

    position: int
    job_id: str | None
    event: FarmEvent

    @property
    def marks(self) -> Marks:
        """What filters look at."""
        event = self.event
        worker_id = getattr(event, "worker_id", None)
        return Marks(event.TOPIC, event.originator_id, self.job_id, worker_id, event.principal)


class Window(NamedTuple):
    """Events in order, and up to where the log was looked through."""

    events: list[Placed]
    reached: int


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which events; what is empty or None lets all through, and all that is given must hold.

    ``topics`` are whole stored names. A worker is wanted where the event has its id as
    ``worker_id``.
    """

    task_ids: frozenset[UUID] = frozenset()
    job_id: str | None = None
    worker_id: str | None = None
    topics: frozenset[str] = frozenset()
    principal: str | None = None

    def fits(self, marks: Marks) -> bool:
        """The same rule as the one in SQL, for an event in memory."""
        return (
            (not self.topics or marks.topic in self.topics)
            and (not self.task_ids or marks.stream in self.task_ids)
            and self.job_id in (None, marks.job_id)
            and self.worker_id in (None, marks.worker_id)
            and self.principal in (None, marks.principal)
        )

    def terms(self) -> Iterator[tuple[str, Any]]:
        """SQL over ``e`` (events) and ``t`` (their tasks), with a value each."""
        if self.task_ids:
            yield _OF_TASKS, rows.dump([one.hex for one in self.task_ids])
        if self.topics:
            yield "e.topic IN (SELECT value FROM json_each(?))", rows.dump(sorted(self.topics))
        if self.job_id is not None:
            yield "t.job_id = ?", self.job_id
        if self.worker_id is not None:
            yield f"{_FIELD.format('worker_id')} = ?", self.worker_id
        if self.principal is not None:
            yield f"{_FIELD.format('principal')} = ?", self.principal


ALL = Wanted()


class Windows:
    """Reads windows of one log; thread-safe."""

    def __init__(self, datastore: SQLiteDatastore, path: Path) -> None:
        """Read through the log's own connections."""
        self._datastore = datastore
        self._path = path

    def read(
        self,
        after: int,
        *,
        upto: int,
        limit: int,
        wanted: Wanted = ALL,
        bytes_max: int | None = None,
    ) -> Window:
        """Up to ``limit`` wanted events with ``after < position <= upto``.

        Looks at no more than ``SCAN_MAX`` positions, or the streams of the wanted tasks, and stops
        once it has ``bytes_max`` (or ``BYTES_MAX``) of events. ``upto`` must not be beyond the
        head.

        Raises:
            LogDamaged: an event does not read.
            LogUnavailable: the log does not answer.
        """
        # The streams of single tasks have an index: they need no limit of positions.
        end = upto if wanted.task_ids else min(upto, after + SCAN_MAX)
        terms = list(wanted.terms())
        where = "".join(f" AND {term}" for term, _ in terms)
        values = [value for _, value in terms]
        found: list[Placed] = []
        room = bytes_max or BYTES_MAX
        with log_errors(self._path), self._datastore.transaction(commit=False) as cursor:
            # Terms are our own constants; what a client gave goes in as values.
            cursor.execute(_WINDOW.format(where), [after, end, *values, limit])
            while (row := cursor.fetchone()) is not None:
                found.append(self._placed(row))
                room -= len(row["state"])
                if room <= 0:
                    return Window(found, found[-1].position)
        return Window(found, found[-1].position if len(found) == limit else max(after, end))

    def _placed(self, row: Any) -> Placed:
        event = read_at(self._path, row["rowid"], stored_in(row))
        return Placed(row["rowid"], row["job_id"], event)


# Streams are stored without hyphens, tasks in the view with them.
_DASHED = " || '-' || ".join(
    f"substr(e.originator_id, {start}, {length})"
    for start, length in ((1, 8), (9, 4), (13, 4), (17, 4), (21, 12))
)
_WINDOW = (
    "SELECT e.rowid AS rowid, e.originator_id, e.originator_version, e.topic, e.state, t.job_id"  # noqa: S608
    f" FROM {rows.EVENTS_TABLE} AS e LEFT JOIN tasks AS t ON t.task_id = {_DASHED}"
    " WHERE e.rowid > ? AND e.rowid <= ?{} ORDER BY e.rowid LIMIT ?"
)
_OF_TASKS = (
    f"e.rowid IN (SELECT rowid FROM {rows.EVENTS_TABLE}"  # noqa: S608
    " WHERE originator_id IN (SELECT value FROM json_each(?)))"
)
# A blob would be taken for SQLite's own binary form of JSON.
_FIELD = "json_extract(CAST(e.state AS TEXT), '$.{}')"
