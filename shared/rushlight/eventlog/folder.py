"""The folder of a log: its files, the lock of its one writer, and the note of what is acknowledged.

The lock is the operating system's, so it ends with the process, however that ends.
"""

import fcntl
import os
from pathlib import Path

import structlog

from rushlight.clock import Clock
from rushlight.errors import LogInUse, LogUnavailable

LOG_FILE = "farm.sqlite3"
LOCK_FILE = "farm.lock"
HEAD_FILE = "farm.head"
LIVENESS_FILE = "liveness.sqlite3"
HEAD_DIGITS = 20

_log = structlog.get_logger(__name__)


class FolderLock:
    """Held by the one process that may write the log."""

    def __init__(self, data: Path, clock: Clock) -> None:
        """Take it.

        Raises:
            LogInUse: another process holds it; says which.
        """
        path = data / LOCK_FILE
        self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(self._file, 200).decode(errors="replace").strip()
            os.close(self._file)
            raise _in_use(data, holder) from None
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, f"{os.getpid()} {clock.now().isoformat()}\n".encode(), 0)

    def release(self) -> None:
        """Let the next one have it."""
        os.close(self._file)


def _in_use(data: Path, holder: str) -> LogInUse:
    pid, _, since = holder.partition(" ")
    who = f"process {pid} (since {since})" if pid.isdigit() else "another process"
    facts = {"pid": int(pid)} if pid.isdigit() else {}
    return LogInUse(
        f"the log in {data} is in use by {who}: stop that farm, or give this one another folder"
        " with --data",
        **facts,
    )


class AcknowledgedHead:
    """The last position that was acknowledged, noted beside the log after each commit.

    SQLite drops a write-ahead file that was cut short without a word; this shows that it did. It is
    never ahead of the log, not even after a power cut, since it is written when the commit is on
    the disk; it may be behind, and says nothing if it does not read.
    """

    def __init__(self, data: Path) -> None:
        """Open the note for writing."""
        self._path = data / HEAD_FILE
        self._file: int | None = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o644)

    def note(self, position: int) -> None:
        """Everything up to ``position`` is on the disk."""
        if self._file is None:
            return
        try:
            os.pwrite(self._file, b"%0*d\n" % (HEAD_DIGITS, position), 0)
        except OSError as error:
            # The events are safe; to fail here would say that they are not.
            _log.warning("head_not_noted", path=str(self._path), error=str(error))
            self.close()

    def close(self) -> None:
        """No more notes."""
        if self._file is not None:
            os.close(self._file)
            self._file = None


def acknowledged_head(data: Path) -> int:
    """The noted position; 0 when there is no note that reads."""
    try:
        text = (data / HEAD_FILE).read_bytes()
    except FileNotFoundError:
        return 0
    digits = text[:HEAD_DIGITS]
    return int(digits) if len(digits) == HEAD_DIGITS and digits.isdigit() else 0


def make_folder(data: Path) -> None:
    """Make the folder of a log, and make sure that it stays after a power cut.

    Raises:
        LogUnavailable: it cannot be made or written to.
    """
    try:
        data.mkdir(parents=True, exist_ok=True)
        parent = os.open(data.absolute().parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(parent)
        finally:
            os.close(parent)
    except OSError as error:
        raise LogUnavailable(
            f"{data} cannot be the folder of a log ({error.strerror}): make it a folder that"
            " this user may write to, or give another one with --data"
        ) from error
