"""The event log of a farm on SQLite: one writer, rounds put whole, read back in order.

``put`` returns when the round is on the disk. Positions start at 1 and have no gaps. Calls block:
services make them in a thread; all of them are thread-safe. Who writes, and whether a round is
right, is the dispatcher's matter.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from functools import lru_cache
from pathlib import Path
from typing import Any, Self
from uuid import UUID

from eventsourcing.persistence import StoredEvent

from rushlight.clock import Clock
from rushlight.domain.base import FarmEvent
from rushlight.errors import NotFound
from rushlight.eventlog import rows
from rushlight.eventlog.at_rest import reading_uri_until
from rushlight.eventlog.checkpoints import Checkpoints
from rushlight.eventlog.failures import damaged, log_errors
from rushlight.eventlog.folder import LOG_FILE, AcknowledgedHead, FolderLock, make_folder
from rushlight.eventlog.history import History
from rushlight.eventlog.integrity import check
from rushlight.eventlog.older_views import drop_older_views
from rushlight.eventlog.recorder import EVENTS_TABLE, application, read_at, stored_in
from rushlight.eventlog.rounds import all_rows
from rushlight.eventlog.rows import Row
from rushlight.eventlog.views import Views
from rushlight.eventlog.windows import Windows

PAGE = 5000
END = 2**63 - 1
STREAMS_KEPT = 50_000
Raw = tuple[int, UUID, int, str, bytes]


class FarmLog:
    """The log of one farm; ``views`` are written with it, ``checkpoints`` now and then.

    ``windows`` reads parts of it by filters, ``history`` what the farm was at any position.
    """

    def __init__(
        self,
        path: Path,
        db_name: str,
        *,
        create: bool,
        held: ExitStack,
        head: AcknowledgedHead | None = None,
    ) -> None:
        """Use ``open`` or ``open_read_only``; what is ``held`` is let go by ``close``."""
        self._path = path
        self._head = head
        with log_errors(path):
            self._app = application(db_name, create=create)
        held.callback(self._app.close)
        self.views = Views(self._app.datastore, path)
        self.windows = Windows(self._app.datastore, path)
        self.history = History(self._app.datastore, path, self.views)
        self.checkpoints = Checkpoints(self._app.datastore, path)
        if head is not None:
            head.note(self.head())
        self._held = held.pop_all()

    @classmethod
    def open(cls, data: Path, *, clock: Clock) -> Self:
        """Open the log in the folder ``data`` as its one writer; makes what is not there.

        Raises:
            LogInUse: another process has it.
            LogDamaged: it does not read back; names the last whole position and what to do.
            LogUnavailable: the folder cannot be made or written to.
        """
        make_folder(data)
        path = data / LOG_FILE
        with ExitStack() as held:
            held.callback(FolderLock(data, clock).release)
            check(data)
            head = AcknowledgedHead(data)
            held.callback(head.close)
            drop_older_views(path)
            log = cls(path, str(path.absolute()), create=True, held=held, head=head)
        log._make_views()
        return log

    @classmethod
    def open_read_only(cls, data: Path) -> Self:
        """Open it for reading only, whether or not a farm runs on it; nothing is left beside it.

        Raises:
            NotFound: there is no log in that folder.
            LogDamaged: as for ``open``.
            LogInUse: at ``close``, where a farm was started meanwhile: what was read may be wrong.
        """
        path = data / LOG_FILE
        if not path.exists():
            raise NotFound(f"no log in {data}: name the folder that the farm has as --data")
        check(data)
        with ExitStack() as held:
            return cls(path, reading_uri_until(path, held), create=False, held=held)

    def _make_views(self) -> None:
        """Make views that are new or of an older version, from the log."""
        if self.views.are_current():
            return
        try:
            self.views.rebuild(*all_rows(self))
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close it; the next writer may open it."""
        self._held.close()

    def __enter__(self) -> Self:
        """Close at the end of the block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()

    def put(
        self,
        *,
        events: Sequence[FarmEvent],
        task_rows: Iterable[Row] = (),
        worker_rows: Iterable[Row] = (),
        outcomes: Iterable[Row] = (),
    ) -> list[int]:
        """Write a round, whole or not at all; returns the positions of its events.

        Outcomes are ``{command_id, digest, doc, at}``.

        Raises:
            LogConflict: another writer was first.
            LogUnavailable: disk full or the like; nothing of the round is on the log.
        """
        with log_errors(self._path):
            recordings = self._app.events.put(
                events, task_rows=task_rows, worker_rows=worker_rows, outcomes=outcomes
            )
        positions = [recording.notification.id for recording in recordings]
        if positions and self._head is not None:
            self._head.note(positions[-1])
        return positions

    def replay(self, after: int = 0, upto: int | None = None) -> Iterator[tuple[int, FarmEvent]]:
        """Events with ``after < position <= upto``, in order.

        Raises:
            LogDamaged: at the first that is missing or does not read; names its position.
        """
        for position, stream, version, topic, state in self.raw(after, upto):
            stored = StoredEvent(stream, version, topic, state)
            yield position, read_at(self._path, position, stored)

    def raw(self, after: int = 0, upto: int | None = None) -> Iterator[Raw]:
        """The same as they are stored: position, stream, version, topic, state."""
        last = after
        while True:
            page = self._select(_RAW, last, END if upto is None else upto, PAGE)
            for position, stream, version, topic, state in page:
                if position != last + 1:
                    raise damaged(self._path, last, f"position {last + 1} is missing")
                last = position
                yield position, _uuid(stream), version, topic, state
            if len(page) < PAGE:
                return

    def stream(self, originator_id: UUID) -> list[tuple[int, FarmEvent]]:
        """All events of one stream, in order; empty when there is none."""
        return self.streams([originator_id]).get(originator_id, [])

    def streams(self, ids: Iterable[UUID]) -> dict[UUID, list[tuple[int, FarmEvent]]]:
        """All events of these streams, in one query; those without events are left out."""
        found: dict[UUID, list[tuple[int, FarmEvent]]] = {}
        for row in self._select(_STREAMS, _hexes(ids)):
            event = read_at(self._path, row["rowid"], stored_in(row))
            found.setdefault(event.originator_id, []).append((row["rowid"], event))
        return found

    def has_stream(self, ids: Iterable[UUID]) -> set[UUID]:
        """Which of these streams have events, in one query."""
        return {UUID(row["originator_id"]) for row in self._select(_STARTED, _hexes(ids))}

    def head(self) -> int:
        """The last position; 0 when the log is empty."""
        return int(self._select(_HEAD)[0]["head"] or 0)

    def size_bytes(self) -> int:
        """What the log takes of its disk, with its write-ahead file."""
        files = (self._path, self._path.with_name(self._path.name + "-wal"))
        return sum(file.stat().st_size for file in files if file.exists())

    def _select(self, statement: str, *values: Any) -> list[Any]:
        with log_errors(self._path), self._app.datastore.transaction(commit=False) as cursor:
            cursor.execute(statement, values)
            return list(cursor.fetchall())


_RAW = (
    "SELECT rowid, originator_id, originator_version, topic, state"  # noqa: S608
    f" FROM {EVENTS_TABLE} WHERE rowid > ? AND rowid <= ? ORDER BY rowid LIMIT ?"
)
_HEAD = f"SELECT MAX(rowid) AS head FROM {EVENTS_TABLE}"  # noqa: S608
_STREAMS = (
    "SELECT rowid, originator_id, originator_version, topic, state"  # noqa: S608
    f" FROM {EVENTS_TABLE} WHERE originator_id IN (SELECT value FROM json_each(?))"
    " ORDER BY originator_id, originator_version"
)
_STARTED = (
    f"SELECT originator_id FROM {EVENTS_TABLE} WHERE originator_version = 1"  # noqa: S608
    " AND originator_id IN (SELECT value FROM json_each(?))"
)


def _hexes(ids: Iterable[UUID]) -> str:
    """One JSON list for any number of ids: parameters have a limit."""
    return rows.dump([one.hex for one in ids])


@lru_cache(STREAMS_KEPT)
def _uuid(text: str) -> UUID:
    """A stream's id; those of one task come close together, and its making costs more than JSON."""
    return UUID(text)
