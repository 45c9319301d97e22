"""What SQLite and the library say, as errors of ours that tell what to do."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from eventsourcing.persistence import ConnectionPoolClosedError, IntegrityError, PersistenceError

from rushlight.errors import LogConflict, LogDamaged, LogError, LogUnavailable

DAMAGED = frozenset({"SQLITE_CORRUPT", "SQLITE_NOTADB"})
TAKEN = frozenset({"SQLITE_CONSTRAINT_UNIQUE", "SQLITE_CONSTRAINT_PRIMARYKEY"})


@contextmanager
def log_errors(path: Path) -> Iterator[None]:
    """Turn what the database raises into errors of ours.

    Raises:
        LogConflict: another writer has put an event at the same version of a stream.
        LogDamaged: a page of the file does not read.
        LogUnavailable: disk full, file gone, closed.
    """
    try:
        yield
    except ConnectionPoolClosedError as error:
        raise LogUnavailable(f"the log {path} is closed: open it again") from error
    except (PersistenceError, sqlite3.Error) as error:
        name = sqlite_name(error)
        if isinstance(error, IntegrityError) and name not in TAKEN:
            raise  # A row of ours breaks a rule of the tables: a defect, nothing to wait for.
        raise _of_ours(path, name, error) from error


def sqlite_name(error: BaseException) -> str:
    """SQLite's own name of what went wrong (``SQLITE_FULL``), wherever the library wrapped it."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, sqlite3.Error):
            return getattr(cause, "sqlite_errorname", "")
        cause = cause.__cause__
    return ""


def _of_ours(path: Path, name: str, error: Exception) -> LogError:
    if name in TAKEN:
        return LogConflict(f"another writer was first on {path}: start again from the log")
    if name in DAMAGED:
        return LogDamaged(f"the log {path} is damaged ({error}): {remedy(path)}")
    if name == "SQLITE_FULL":
        return LogUnavailable(
            f"no space left for the log {path}: free some on that disk, nothing was lost"
        )
    return LogUnavailable(
        f"the log {path} does not answer ({error}): look at its disk and at who may write there"
    )


def damaged(path: Path, position: int, why: str) -> LogDamaged:
    """The log is whole up to ``position`` and not beyond."""
    return LogDamaged(
        f"the log {path} is damaged after position {position} ({why}): {remedy(path)}",
        position=position,
    )


def remedy(path: Path) -> str:
    """What to do about a damaged log."""
    return (
        "restore a backup, or keep what is whole with"
        f" `rushlight audit salvage {path.parent} NEW-FOLDER`"
    )
