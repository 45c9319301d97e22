"""One snapshot of the log, seen up to a position: single events and the versions of streams.

Each question is a few look-ups in an index, however long the log or a stream is.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any
from uuid import UUID

from eventsourcing.sqlite import SQLiteCursor

from rushlight.domain.base import FarmEvent
from rushlight.eventlog import rows
from rushlight.eventlog.failures import damaged
from rushlight.eventlog.recorder import read_at, stored_in


class Cut:
    """The log up to ``position`` (None: all of it), as one transaction sees it."""

    def __init__(self, cursor: SQLiteCursor, path: Path, position: int | None) -> None:
        """Read with a cursor that is in a transaction."""
        self._cursor = cursor
        self._path = path
        self.position = self.head() if position is None else position

    def select(self, statement: str, *values: Any) -> list[Any]:
        """All rows of a query."""
        self._cursor.execute(statement, values)
        return list(self._cursor.fetchall())

    def head(self) -> int:
        """The log's last position, wherever it is cut."""
        return int(self.select(_HEAD)[0]["head"] or 0)

    def event(self, position: int) -> FarmEvent:
        """The event at a position."""
        found = self.select(_EVENT, position)
        if not found:
            raise damaged(self._path, position - 1, f"position {position} is missing")
        return self._read(found[0])

    def event_of(self, stream: UUID, version: int) -> FarmEvent:
        """One event of a stream."""
        return self._read(self.select(_EVENT_OF, stream.hex, version)[0])

    def versions_of(self, streams: Iterable[UUID]) -> dict[UUID, int]:
        """The versions that streams had reached; those that had not begun are left out.

        Versions of a stream rise with positions, so SQLite does a binary search in each.
        """
        wanted = rows.dump([one.hex for one in streams])
        found = self.select(_VERSIONS, wanted, self.position, self.position)
        return {UUID(row["stream"]): row["low"] for row in found}

    def streams(self, ids: Iterable[UUID]) -> dict[UUID, list[FarmEvent]]:
        """The events of these streams by then, in order; those without any are left out."""
        found: dict[UUID, list[FarmEvent]] = {}
        wanted = rows.dump([one.hex for one in ids])
        for row in self.select(_STREAMS, wanted, self.position):
            event = self._read(row)
            found.setdefault(event.originator_id, []).append(event)
        return found

    def rare(self, stream: UUID) -> list[FarmEvent]:
        """What happened to a worker or the term by then, but for what happens with each task."""
        return [self._read(row) for row in self.select(_RARE, stream.hex, self.position)]

    def last_rare(self, stream: UUID) -> FarmEvent | None:
        """The last one of these."""
        found = self.select(f"{_RARE} DESC LIMIT 1", stream.hex, self.position)
        return self._read(found[0]) if found else None

    def last_frequent(self, stream: UUID, version: int, count: int) -> list[FarmEvent]:
        """The last ``count`` of the others up to a version, in order."""
        found = self.select(_FREQUENT, stream.hex, version, count)
        return [self._read(row) for row in reversed(found)]

    def _read(self, row: Any) -> FarmEvent:
        return read_at(self._path, row["rowid"], stored_in(row))


_TABLE = rows.EVENTS_TABLE
_COLUMNS = f"SELECT rowid, originator_id, originator_version, topic, state FROM {_TABLE}"  # noqa: S608
_HEAD = f"SELECT MAX(rowid) AS head FROM {_TABLE}"  # noqa: S608
_EVENT = f"{_COLUMNS} WHERE rowid = ?"
_EVENT_OF = f"{_COLUMNS} WHERE originator_id = ? AND originator_version = ?"
_PLACE = (
    f"(SELECT rowid FROM {_TABLE} WHERE originator_id = stream"  # noqa: S608
    " AND originator_version = (low + high + 1) / 2)"
)
_VERSIONS = (
    "WITH RECURSIVE search (stream, low, high) AS ("  # noqa: S608
    "SELECT value, 0, COALESCE((SELECT MAX(originator_version)"
    f" FROM {_TABLE} WHERE originator_id = value), 0) FROM json_each(?)"
    " UNION ALL SELECT stream,"
    f" CASE WHEN {_PLACE} <= ? THEN (low + high + 1) / 2 ELSE low END,"
    f" CASE WHEN {_PLACE} <= ? THEN high ELSE (low + high + 1) / 2 - 1 END"
    " FROM search WHERE low < high)"
    " SELECT stream, low FROM search WHERE low = high AND low > 0"
)
_STREAMS = (
    f"{_COLUMNS} WHERE originator_id IN (SELECT value FROM json_each(?)) AND rowid <= ?"  # noqa: S608
    " ORDER BY originator_id, originator_version"
)
# Word for word the condition of the index on rare events, or SQLite would not use it.
_RARE = (
    f"{_COLUMNS} WHERE {rows.RARE} AND originator_id = ? AND rowid <= ? ORDER BY originator_version"
)
_FREQUENT = (
    f"{_COLUMNS} WHERE NOT ({rows.RARE}) AND originator_id = ? AND originator_version <= ?"
    " ORDER BY originator_version DESC LIMIT ?"
)
