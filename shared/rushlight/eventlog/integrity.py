"""Whether a log reads back as it was written, and how far.

Content is checked by the chain of rounds (``rushlight audit verify``); this finds what was cut off
or overwritten, and works on a file that SQLite itself refuses.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

import orjson

from rushlight.errors import LogError
from rushlight.eventlog.at_rest import reading_uri
from rushlight.eventlog.failures import DAMAGED, damaged, log_errors, sqlite_name
from rushlight.eventlog.folder import LOG_FILE, acknowledged_head
from rushlight.eventlog.rows import EVENTS_TABLE, FORMAT

READ_BACK = 1000
PAGE_SIZE_AT = 16  # in the header of every SQLite file


class StoredRow(NamedTuple):
    """One event as it is stored; ``stream`` as the table has it (hex)."""

    position: int
    stream: str
    version: int
    topic: str
    state: bytes


class Unreadable(Exception):
    """The row after the last whole one does not read; the text says why."""


def check(data: Path) -> None:
    """Look at structure, length and last rows of a log; one that was never there is whole.

    Raises:
        LogDamaged: naming the last position before the damage, and what to do.
    """
    path = data / LOG_FILE
    acknowledged = acknowledged_head(data)
    if not path.exists():
        if acknowledged:
            raise damaged(path, 0, f"the file is gone, it had {acknowledged} events")
        return
    with log_errors(path):
        fault = _fault(path, acknowledged)
    if fault is not None:
        raise damaged(path, whole_up_to(path), fault)


def head_of(data: Path) -> int:
    """The last position of a log that is whole, as far as ``check`` sees.

    Raises:
        LogDamaged, LogUnavailable: as for ``check``.
    """
    check(data)
    path = data / LOG_FILE
    with log_errors(path), closing(connect(path)) as connection:
        return _head(connection)


def _fault(path: Path, acknowledged: int) -> str | None:
    if _is_cut_inside_a_page(path):
        return "the file ends inside a page"
    with closing(connect(path)) as connection:
        try:
            found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
            if found != "ok":
                return str(found).splitlines()[-1]
            _refuse_newer(path, connection)
            head = _head(connection)
            if head < acknowledged:
                return f"position {acknowledged} was acknowledged and is gone"
            for _ in whole_rows(connection, after=max(0, head - READ_BACK)):
                pass
        except sqlite3.DatabaseError as error:
            if sqlite_name(error) not in DAMAGED:
                raise
            return str(error)
        except Unreadable as error:
            return str(error)
    return None


def _refuse_newer(path: Path, connection: sqlite3.Connection) -> None:
    found = connection.execute("PRAGMA user_version").fetchone()[0]
    if found > FORMAT:
        raise LogError(
            f"the log {path} has format {found}, this version knows {FORMAT}: run the Rushlight"
            " that wrote it, or a newer one"
        )


def _is_cut_inside_a_page(path: Path) -> bool:
    """SQLite reads the missing part of a last page as zeros, and does not mind.

    With a write-ahead file beside it the page may be in there, so nothing is known then.
    """
    wal = path.with_name(f"{path.name}-wal")
    if wal.exists() and wal.stat().st_size > 0:
        return False
    with path.open("rb") as file:
        file.seek(PAGE_SIZE_AT)
        page_bytes = int.from_bytes(file.read(2))
    if page_bytes == 1:  # the format's way to say 65,536 in two bytes
        page_bytes = 65_536
    return page_bytes > 0 and path.stat().st_size % page_bytes != 0


def connect(path: Path) -> sqlite3.Connection:
    """Read-only, and past SQLite's refusal of a file that is shorter than its header says."""
    connection = sqlite3.connect(reading_uri(path), uri=True)
    connection.execute("PRAGMA writable_schema=ON")
    return connection


def whole_up_to(path: Path) -> int:
    """The last position that reads with all before it."""
    last = 0
    with closing(connect(path)) as connection, suppress(Unreadable):
        for row in whole_rows(connection):
            last = row.position
    return last


def whole_rows(connection: sqlite3.Connection, after: int = 0) -> Iterator[StoredRow]:
    """Rows in the order of the log, as long as they are whole.

    Raises:
        Unreadable: at the first one that is not.
    """
    expected = after + 1
    statement = (
        "SELECT rowid, originator_id, originator_version, topic, state"  # noqa: S608
        f" FROM {EVENTS_TABLE} NOT INDEXED WHERE rowid > ? ORDER BY rowid"
    )
    try:
        for values in connection.execute(statement, (after,)):
            row = StoredRow(*values)
            if row.position != expected:
                raise Unreadable(f"position {expected} is missing")
            if not _is_whole(row):
                raise Unreadable(f"position {expected} does not read")
            yield row
            expected += 1
    except sqlite3.DatabaseError as error:
        raise Unreadable(str(error)) from error


def _is_whole(row: StoredRow) -> bool:
    """Every column has its form; what a cut took reads as zeros and fails here."""
    try:
        UUID(row.stream)
        orjson.loads(row.state)
    except (TypeError, ValueError, AttributeError):
        return False
    typed = isinstance(row.version, int) and isinstance(row.state, bytes)
    return typed and isinstance(row.topic, str) and row.topic.isprintable()


def _head(connection: sqlite3.Connection) -> int:
    known = connection.execute(
        "SELECT COUNT(*) FROM sqlite_schema WHERE name = ?", (EVENTS_TABLE,)
    ).fetchone()[0]
    if not known:
        return 0
    return int(connection.execute(f"SELECT MAX(rowid) FROM {EVENTS_TABLE}").fetchone()[0] or 0)  # noqa: S608
