"""The SQLite file of keys: made for its user alone, looked at and changed by several processes."""

import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rushlight.errors import KeysUnavailable
from rushlight.keys.rows import FORMAT, TABLES

BUSY_S = 5.0
_TURNS = 100
_OTHERS = 0o077


class KeyFile:
    """Two connections to one file: who reads never waits for what is being written."""

    def __init__(self, path: Path) -> None:
        """Open the file; makes what is not there.

        Raises:
            KeysUnavailable: it cannot be made, read or written; says why.
        """
        self._path = path
        self._reading, self._writing = threading.Lock(), threading.Lock()
        self._make_private()
        self._opened = self._there()
        with self._failures():
            self._writer = _connect(path)
            try:
                self._prepare()
                self._reader = _connect(path)
            except BaseException:
                self._writer.close()
                raise

    def close(self) -> None:
        """Close it."""
        with self._reading, self._writing:
            self._reader.close()
            self._writer.close()

    @contextmanager
    def look(self) -> Iterator[sqlite3.Cursor]:
        """Read what is there now, whoever wrote it."""
        with self._reading, self._failures():
            self._refuse_another()
            yield self._reader.cursor()

    @contextmanager
    def change(self) -> Iterator[sqlite3.Cursor]:
        """One transaction, on the disk when it returns; of two at once the other one waits."""
        with self._writing, self._failures():
            self._refuse_another()
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                yield self._writer.cursor()
                self._writer.execute("COMMIT")
            except BaseException:
                self._writer.rollback()
                raise

    def _there(self) -> tuple[int, int]:
        """Which file it is that has the name now."""
        try:
            found = self._path.stat()
        except OSError as error:
            raise self._unavailable(error.strerror) from error
        return found.st_dev, found.st_ino

    def _refuse_another(self) -> None:
        """SQLite would go on with a file that was removed, and see nothing that others change.

        Raises:
            KeysUnavailable: it is gone, or another one is in its place.
        """
        if self._there() != self._opened:
            raise KeysUnavailable(
                f"the keys in {self._path} are another file than at the start: start the farm"
                " again, so that it knows those that are there now"
            )

    def _make_private(self) -> None:
        """Before SQLite makes it, which would let others read it.

        A file that is there is not opened here: to close it again would drop the locks that other
        connections of this process have on it.
        """
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            if not self._path.exists():
                os.close(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
            elif self._path.stat().st_mode & _OTHERS:
                self._path.chmod(0o600)
        except FileExistsError:
            return  # another process was quicker, and made it as we would
        except OSError as error:
            raise self._unavailable(error.strerror) from error

    def _prepare(self) -> None:
        """Two that prepare a new file at once are told `busy` whatever time they give."""
        for turn in range(_TURNS):
            try:
                self._writer.execute("PRAGMA journal_mode=WAL")
                break
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or turn == _TURNS - 1:
                    raise
                time.sleep(BUSY_S / _TURNS)
        self._writer.execute("PRAGMA synchronous=FULL")
        found = self._writer.execute("PRAGMA user_version").fetchone()[0]
        if found > FORMAT:
            raise KeysUnavailable(
                f"the keys in {self._path} have format {found}, this version knows {FORMAT}: run"
                " the Rushlight that wrote them, or a newer one"
            )
        if found < FORMAT:
            with self.change() as cursor:
                for statement in TABLES:
                    cursor.execute(statement)
                cursor.execute(f"PRAGMA user_version={FORMAT}")

    @contextmanager
    def _failures(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise self._unavailable(error) from error

    def _unavailable(self, why: object) -> KeysUnavailable:
        return KeysUnavailable(
            f"the keys in {self._path} cannot be used ({why}): the file has to be writable by the"
            " user that the farm runs as, on a disk with room"
        )


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(
        path, timeout=BUSY_S, isolation_level=None, check_same_thread=False
    )
    connection.row_factory = sqlite3.Row
    return connection
