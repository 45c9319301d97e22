"""The worker's own folder on this node: its lock, and a scratch folder per attempt.

The lock is held by the kernel: it is gone with the process, however that ended. So whoever gets it
knows that the agents of this id that used the same lock file are dead.
"""

import fcntl
import json
import os
import re
import secrets
import shutil
import socket
import tempfile
from collections.abc import Iterable
from pathlib import Path

import structlog

from rushlight.errors import SettingsInvalid
from rushlight_worker.naming import Mark

NUMBERS_MAX = 256
ID_BYTES_MAX = 64
OUTPUTS = "outputs.json"
_log = structlog.get_logger("rushlight.worker")


class Place:
    """A worker id on this node, held by a lock; ``host`` names the lock to the farm."""

    def __init__(self, worker_id: str, folder: Path, lock: int, host: str) -> None:
        """Use ``take``."""
        self.worker_id = worker_id
        self.host = host
        self._folder = folder
        self._lock = lock

    def release(self) -> None:
        """Another agent may have the worker id."""
        os.close(self._lock)

    def open_scratch(self, mark: Mark, outputs: Iterable[Path]) -> Path:
        """A new folder for an attempt, with a note of the temporary files that it may leave."""
        folder = self._folder / str(mark).removeprefix("part-")
        folder.mkdir(mode=0o700, parents=True)
        note = json.dumps([str(path) for path in outputs])
        (folder / OUTPUTS).write_text(note, encoding="utf-8")
        return folder

    def sweep(self) -> int:
        """Remove what dead agents of this id left: scratch folders and temporary outputs."""
        if not self._folder.is_dir():
            return 0
        left = list(self._folder.iterdir())
        for folder in left:
            close_scratch(folder)
        return len(left)


def close_scratch(folder: Path) -> None:
    """Remove an attempt's scratch folder, and its temporary outputs wherever they are."""
    note = folder / OUTPUTS
    try:
        names = json.loads(note.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        names = []
    for name in names:
        _remove(Path(name))
    shutil.rmtree(folder, ignore_errors=True)


def _remove(path: Path) -> None:
    try:
        if ".part-" in path.name:
            path.unlink(missing_ok=True)
    except OSError as error:
        _log.warning("temporary_file_left", path=str(path), error=str(error))


def take(worker_id: str | None, state: Path | None) -> Place:
    """Take a worker id on this node; None: the host's name and the first free number.

    Raises:
        SettingsInvalid: another agent here has it, or the folder cannot be used.
    """
    folder = _state_folder(state)
    if worker_id is not None:
        place = _try(worker_id, folder)
        if place is None:
            raise SettingsInvalid(
                f"worker {worker_id} runs on this host already ({folder / worker_id}.lock is held):"
                " stop it, or give this one another worker_id"
            )
        return place
    name = _host_name()
    for number in range(1, NUMBERS_MAX + 1):
        place = _try(f"{name}-{number}", folder)
        if place is not None:
            return place
    raise SettingsInvalid(f"{NUMBERS_MAX} workers run on this host: give this one a worker_id")


def _state_folder(state: Path | None) -> Path:
    folder = state or Path(tempfile.gettempdir()) / f"rushlight-{os.getuid()}"
    folder = folder.absolute() / "workers"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        owner = folder.stat().st_uid
    except OSError as error:
        raise SettingsInvalid(
            f"folder {folder} for temporary files cannot be used: {error.strerror};"
            " set scratch to one that can"
        ) from None
    if state is None and owner != os.getuid():
        raise SettingsInvalid(f"folder {folder} belongs to another user: set scratch to your own")
    return folder


def _try(worker_id: str, folder: Path) -> Place | None:
    lock = os.open(folder / f"{worker_id}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return None
    return Place(worker_id, folder / worker_id, lock, f"{_host_name()}:{_lock_id(lock)}")


def _lock_id(lock: int) -> str:
    """What tells this lock file from that of another host with the same name."""
    known = os.pread(lock, 64, 0).decode("ascii", errors="replace").strip()
    if not re.fullmatch(r"[0-9a-f]{16}", known):
        known = secrets.token_hex(8)
        os.ftruncate(lock, 0)
        os.pwrite(lock, known.encode(), 0)
        os.fsync(lock)
    return known


def _host_name() -> str:
    name = re.sub(r"[^A-Za-z0-9_-]+", "-", socket.gethostname().partition(".")[0]).strip("-")
    return (name or "host")[: ID_BYTES_MAX - 8]
