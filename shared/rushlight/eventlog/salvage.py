"""Keeping what is whole of a damaged log: its rounds up to the first that is not.

The damaged folder is only read. Views are not copied: ``rushlight audit rebuild`` makes them anew.
"""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from rushlight.clock import Clock
from rushlight.errors import LogUnavailable, NotFound
from rushlight.eventlog import rows
from rushlight.eventlog.failures import log_errors
from rushlight.eventlog.folder import LOG_FILE, AcknowledgedHead, FolderLock, acknowledged_head
from rushlight.eventlog.integrity import StoredRow, Unreadable, connect, whole_rows
from rushlight.eventlog.log import FarmLog, Raw
from rushlight.eventlog.recorder import EVENTS_TABLE

RoundCheck = Callable[[Sequence[Raw]], str | None]


@dataclass(frozen=True, slots=True)
class SalvageReport:
    """What was kept, and why not more.

    ``kept`` is the last position of the new log, ``readable`` the last that could be read,
    ``acknowledged`` the last that the farm had acknowledged (0: not known). ``reason`` is why
    reading ended, ``outcomes_reason`` the same for outcomes; None: at the end.
    """

    kept: int
    rounds: int
    readable: int
    acknowledged: int
    outcomes: int
    reason: str | None
    outcomes_reason: str | None


def salvage(
    damaged: Path,
    new: Path,
    *,
    is_round_end: Callable[[str], bool],
    check_round: RoundCheck | None = None,
    clock: Clock,
) -> SalvageReport:
    """Copy the whole rounds of the log in ``damaged`` into a new log in ``new``.

    ``is_round_end`` says it of a topic; ``check_round`` gets a round's stored rows and says what is
    wrong with it, which ends the copy before it. Outcomes of rounds that are kept are kept.

    Raises:
        NotFound: there is no log in ``damaged``.
        LogInUse: a farm runs on it.
        LogUnavailable: ``new`` is not empty, or cannot be written.
    """
    path = damaged / LOG_FILE
    if not path.exists():
        raise NotFound(f"no log in {damaged}: name the folder that the farm has as --data")
    if new.exists() and any(new.iterdir()):
        raise LogUnavailable(f"{new} is not empty: name a folder that is not there yet")
    lock = FolderLock(damaged, clock)
    try:
        FarmLog.open(new, clock=clock).close()
        with closing(connect(path)) as source, _target(new) as target:
            reading = _Reading(source, is_round_end, check_round)
            for one in reading.rounds():
                target.executemany(_COPY, one)
            target.executemany(rows.PUT_OUTCOME, reading.kept_outcomes())
        _note(new, reading.kept)
    finally:
        lock.release()
    return SalvageReport(
        kept=reading.kept,
        rounds=reading.count,
        readable=reading.readable,
        acknowledged=acknowledged_head(damaged),
        outcomes=reading.outcomes,
        reason=reading.reason,
        outcomes_reason=reading.outcomes_reason,
    )


class _Reading:
    """Whole rounds of a damaged log, and how far it came."""

    def __init__(
        self,
        source: sqlite3.Connection,
        is_round_end: Callable[[str], bool],
        check_round: RoundCheck | None,
    ) -> None:
        self._source = source
        self._is_round_end = is_round_end
        self._check_round = check_round
        self.kept = self.count = self.readable = self.outcomes = 0
        self.reason: str | None = None
        self.outcomes_reason: str | None = None

    def rounds(self) -> Iterator[list[StoredRow]]:
        """Each round with its closing event; what follows the last one is left out."""
        begun: list[StoredRow] = []
        for row in self._rows():
            self.readable = row.position
            begun.append(row)
            if not self._is_round_end(row.topic):
                continue
            self.reason = self._fault(begun)
            if self.reason is not None:
                return
            yield begun
            self.kept, self.count = row.position, self.count + 1
            begun = []

    def kept_outcomes(self) -> Iterator[tuple[Any, ...]]:
        """Outcomes of the rounds that are kept; another would say what did not happen."""
        try:
            for values in self._source.execute(_OUTCOMES):
                if _position(values[-1]) <= self.kept:
                    yield values
                    self.outcomes += 1
        except (sqlite3.DatabaseError, ValueError, AttributeError) as error:
            self.outcomes_reason = str(error)

    def _rows(self) -> Iterator[StoredRow]:
        try:
            yield from whole_rows(self._source)
        except Unreadable as error:
            self.reason = str(error)

    def _fault(self, one: list[StoredRow]) -> str | None:
        if self._check_round is None:
            return None
        return self._check_round([(r[0], UUID(r[1]), r[2], r[3], r[4]) for r in one])


_OUTCOMES = f"SELECT {', '.join(rows.OUTCOME_COLUMNS)} FROM outcomes"  # noqa: S608
_COPY = (
    f"INSERT INTO {EVENTS_TABLE} (rowid, originator_id, originator_version, topic, state)"  # noqa: S608
    " VALUES (?, ?, ?, ?, ?)"
)


@contextmanager
def _target(new: Path) -> Iterator[sqlite3.Connection]:
    """The new log's file, in one transaction."""
    path = new / LOG_FILE
    with log_errors(path), closing(sqlite3.connect(path, isolation_level=None)) as target, target:
        target.execute("PRAGMA synchronous=FULL")
        target.execute("BEGIN")
        yield target


def _position(doc: Any) -> float:
    position = rows.load(doc).get("position")
    return float("inf") if position is None else int(position)


def _note(new: Path, position: int) -> None:
    head = AcknowledgedHead(new)
    head.note(position)
    head.close()
