"""Heartbeats: which instance of each worker is alive, when it was last heard, what it runs.

Outside the log, in a file of its own: nothing here decides about a task. A heartbeat is answered
``ok`` only if it speaks for the instance that is expected (the one whose join is on the log) and
that is not condemned; so an instance is told ``stale`` before anyone may declare it lost. Beats may
be forgotten by a power cut; what is expected and who is condemned may not.
"""

import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, Self

from rushlight.clock import Clock
from rushlight.errors import LogDamaged, LogUnavailable
from rushlight.eventlog import rows
from rushlight.eventlog.failures import DAMAGED, sqlite_name
from rushlight.eventlog.folder import LIVENESS_FILE, make_folder

Answer = Literal["ok", "stale"]
NEVER_HEARD = -1

_TABLES = (
    "CREATE TABLE IF NOT EXISTS liveness ("
    "worker_id TEXT PRIMARY KEY, instance TEXT, sequence INTEGER NOT NULL, seen_at TEXT NOT NULL,"
    " running TEXT NOT NULL, finished TEXT NOT NULL, condemned_at TEXT) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS condemned ("
    "worker_id TEXT, instance TEXT, condemned_at TEXT NOT NULL,"
    " PRIMARY KEY (worker_id, instance)) WITHOUT ROWID",
)
# Without an instance (pull workers) every beat counts: the API numbers them anew when it starts.
_BEAT = """
UPDATE liveness SET
    sequence = CASE WHEN instance IS NULL THEN MAX(sequence + 1, :sequence) ELSE :sequence END,
    seen_at = MAX(seen_at, :now), running = :running, finished = :finished
WHERE worker_id = :worker_id AND instance IS :instance AND condemned_at IS NULL
    AND (instance IS NULL OR sequence < :sequence)
"""
_CURRENT = """
SELECT condemned_at IS NOT NULL AS condemned FROM liveness
WHERE worker_id = :worker_id AND instance IS :instance
"""
_EXPECT = """
INSERT INTO liveness (worker_id, instance, sequence, seen_at, running, finished)
SELECT :worker_id, :instance, :never, :now, '[]', '[]'
WHERE NOT EXISTS (SELECT 1 FROM condemned WHERE worker_id = :worker_id AND instance = :instance)
ON CONFLICT (worker_id) DO UPDATE SET
    instance = excluded.instance,
    sequence = CASE WHEN excluded.instance IS NULL THEN sequence + 1 ELSE excluded.sequence END,
    seen_at = MAX(seen_at, excluded.seen_at), running = '[]', finished = '[]', condemned_at = NULL
WHERE instance IS NOT excluded.instance OR condemned_at IS NOT NULL
"""
_CONDEMN = """
UPDATE liveness SET condemned_at = :now
WHERE worker_id = :worker_id AND instance IS :instance AND sequence = :sequence
    AND condemned_at IS NULL
"""
_REMEMBER = """
INSERT INTO condemned (worker_id, instance, condemned_at) VALUES (:worker_id, :instance, :now)
ON CONFLICT DO NOTHING
"""


@dataclass(frozen=True, slots=True)
class Beat:
    """One heartbeat; ``running`` and ``finished`` are lists of JSON objects."""

    worker_id: str
    instance: str | None
    sequence: int
    running: Sequence[dict[str, Any]] = field(default=())
    finished: Sequence[dict[str, Any]] = field(default=())


@dataclass(frozen=True, slots=True)
class Heard:
    """What is known of a worker's current instance; ``sequence`` -1: expected, not heard yet.

    ``seen_at`` is then when it was first expected.
    """

    worker_id: str
    instance: str | None
    sequence: int
    seen_at: datetime
    running: list[dict[str, Any]]
    finished: list[dict[str, Any]]
    condemned_at: datetime | None

    @property
    def condemned(self) -> bool:
        """It is only ever answered ``stale``."""
        return self.condemned_at is not None


class Liveness:
    """The table of heartbeats; thread-safe, each call is one transaction."""

    def __init__(self, path: Path, clock: Clock) -> None:
        """Use ``open``."""
        self._path = path
        self._clock = clock
        self._lock = threading.Lock()
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._connection.row_factory = sqlite3.Row

    @classmethod
    def open(cls, data: Path, *, clock: Clock) -> Self:
        """Open it in the folder ``data``; makes what is not there.

        Raises:
            LogDamaged: the file does not read; says what to do.
            LogUnavailable: it cannot be opened.
        """
        make_folder(data)
        liveness = cls(data / LIVENESS_FILE, clock)
        try:
            liveness._prepare()
        except BaseException:
            liveness.close()
            raise
        return liveness

    def close(self) -> None:
        """Close it."""
        with self._lock:
            self._connection.close()

    def beat(
        self,
        worker_id: str,
        instance: str | None,
        sequence: int,
        running: Sequence[dict[str, Any]] = (),
        finished: Sequence[dict[str, Any]] = (),
    ) -> Answer:
        """Note a heartbeat and say what to answer.

        A sequence that is not higher than the last one changes nothing and is ``ok``: it was sent
        before, so its lease ends before.
        """
        return self.beats([Beat(worker_id, instance, sequence, running, finished)])[0]

    def beats(self, beats: Iterable[Beat]) -> list[Answer]:
        """Note several in one transaction; an answer for each, in order."""
        with self._change() as cursor:
            return [self._beat(cursor, beat) for beat in beats]

    def _beat(self, cursor: sqlite3.Cursor, beat: Beat) -> Answer:
        values = {
            "worker_id": beat.worker_id,
            "instance": beat.instance,
            "sequence": beat.sequence,
            "now": self._now(),
            "running": rows.dump(list(beat.running)),
            "finished": rows.dump(list(beat.finished)),
        }
        if cursor.execute(_BEAT, values).rowcount:
            return "ok"
        return "ok" if _condemned(cursor, values) is False else "stale"

    def expect(self, worker_id: str, instance: str | None) -> bool:
        """This instance is now the current one: its join is on the log.

        Call it before the join is answered, or the first heartbeat is ``stale``. Again for the
        current one: no change. False: the instance is condemned, and stays so. Without an instance
        (pull workers, which have no lease) a condemned worker is back with this call.
        """
        values = {
            "worker_id": worker_id,
            "instance": instance,
            "never": NEVER_HEARD,
            "now": self._now(),
        }
        with self._change(durable=True) as cursor:
            cursor.execute(_EXPECT, values)
            return _condemned(cursor, values) is False

    def condemn(self, worker_id: str, instance: str | None, sequence: int) -> bool:
        """From here on this instance is only ever answered ``stale``.

        ``sequence`` is the one that the judgement rests on: False, and no change, if a heartbeat
        came since, or another instance. True again for one that is condemned already.
        """
        values = {
            "worker_id": worker_id,
            "instance": instance,
            "sequence": sequence,
            "now": self._now(),
        }
        with self._change(durable=True) as cursor:
            if cursor.execute(_CONDEMN, values).rowcount and instance is not None:
                cursor.execute(_REMEMBER, values)
            return _condemned(cursor, values) is True

    def row(self, worker_id: str) -> Heard | None:
        """What is known of one worker."""
        found = self._select("SELECT * FROM liveness WHERE worker_id = ?", worker_id)
        return found[0] if found else None

    def rows(self) -> list[Heard]:
        """What is known of all workers, by id."""
        return self._select("SELECT * FROM liveness ORDER BY worker_id")

    def forget(self, worker_id: str) -> None:
        """The worker left; a beat of it is ``stale`` until an instance is expected again."""
        with self._change(durable=True) as cursor:
            cursor.execute("DELETE FROM liveness WHERE worker_id = ?", (worker_id,))

    def _now(self) -> str:
        return rows.instant(self._clock.now().isoformat()) or ""

    def _prepare(self) -> None:
        with self._lock, self._failures():
            self._connection.execute("PRAGMA journal_mode=WAL")
            found = self._connection.execute("PRAGMA quick_check(1)").fetchone()[0]
            if found != "ok":
                raise self._damaged(found)
        with self._change(durable=True) as cursor:
            for statement in _TABLES:
                cursor.execute(statement)

    def _select(self, statement: str, *values: Any) -> list[Heard]:
        with self._lock, self._failures():
            return [_heard(row) for row in self._connection.execute(statement, values)]

    @contextmanager
    def _change(self, *, durable: bool = False) -> Iterator[sqlite3.Cursor]:
        """One transaction; a durable one is on the disk before it returns, with all before it."""
        with self._lock, self._failures():
            self._connection.execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection.cursor()
                self._connection.execute("COMMIT")
            except BaseException:
                self._connection.rollback()
                raise

    @contextmanager
    def _failures(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            if sqlite_name(error) in DAMAGED:
                raise self._damaged(error) from error
            raise LogUnavailable(
                f"the heartbeats in {self._path} cannot be kept ({error}): look at its disk"
            ) from error

    def _damaged(self, why: object) -> LogDamaged:
        return LogDamaged(
            f"the heartbeats in {self._path} do not read ({why}): remove that file; the farm"
            " then waits for each worker on the log anew"
        )


def _condemned(cursor: sqlite3.Cursor, values: dict[str, Any]) -> bool | None:
    """Whether the instance is condemned; None when it is not the current one."""
    found = cursor.execute(_CURRENT, values).fetchone()
    return None if found is None else bool(found["condemned"])


def _heard(row: sqlite3.Row) -> Heard:
    condemned_at = row["condemned_at"]
    return Heard(
        worker_id=row["worker_id"],
        instance=row["instance"],
        sequence=row["sequence"],
        seen_at=datetime.fromisoformat(row["seen_at"]),
        running=rows.load(row["running"]),
        finished=rows.load(row["finished"]),
        condemned_at=None if condemned_at is None else datetime.fromisoformat(condemned_at),
    )
