"""The data folder: where it is, whether the log opens, who may read its keys."""

import os
import shutil
import stat
from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from pathlib import Path

import psutil

from rushlight.cli.doctor.finding import Finding, Patient, fail, ok, warn
from rushlight.cli.words import plural, size
from rushlight.errors import RushlightError

LOG_FILE = "farm.sqlite3"
# SQLite's write-ahead log needs memory that processes share, and locks that hold.
NETWORK = frozenset(
    "9p afs beegfs ceph cifs fuse.glusterfs fuse.s3fs fuse.sshfs gfs2 gpfs lustre ncpfs nfs nfs4"
    " ocfs2 orangefs smb3 smbfs virtiofs".split()
)
FREE_MIN_BYTES, FREE_GOOD_BYTES = 100 * 2**20, 2**30
SECRETS = ("keys.sqlite3", "keys.sqlite3-wal", "workers/*.key", "*.key", "*.token")
OTHERS = stat.S_IRWXG | stat.S_IRWXO
SHOWN_MAX = 3


def look(patient: Patient) -> Iterator[Finding]:
    """Everything about the data folder."""
    yield folder(patient.data)
    existing = _existing(patient.data)
    mounts = psutil.disk_partitions(all=True)
    yield file_system(existing, [(one.mountpoint, one.fstype) for one in mounts])
    yield space("free space", existing)
    if (patient.data / LOG_FILE).exists():
        yield log(patient.data)
    yield from secrets(_secret_files(patient))


def folder(data: Path) -> Finding:
    """Whether it is there and can be written to."""
    try:
        there = data.stat()
    except FileNotFoundError:
        return _to_be_made(data)
    except OSError as error:
        return fail("folder", f"{data.absolute()} cannot be looked at: {error.strerror}")
    if stat.S_ISDIR(there.st_mode):
        if may(data, os.R_OK | os.W_OK | os.X_OK):
            return ok("folder", str(data.absolute()))
        return fail(
            "folder", f"{data.absolute()}: this user may not write there; chown or chmod it"
        )
    return fail("folder", f"{data.absolute()} is a file; give a folder with --data")


def _to_be_made(data: Path) -> Finding:
    parent = _existing(data)
    if not may(parent, os.W_OK | os.X_OK):
        return fail("folder", f"{data.absolute()} is not there, and {parent} is not writable")
    return ok("folder", f"{data.absolute()} is not there yet; `rushlight up` makes it")


def may(path: Path, mode: int) -> bool:
    """Whether this user may do that there (``os.R_OK`` and so on), read-only disks included."""
    return os.access(path, mode, effective_ids=True)


def file_system(path: Path, mounts: Iterable[tuple[str, str]]) -> Finding:
    """Whether it is on a disk of this machine; ``mounts`` are mount points and their types."""
    found = [(mount, kind) for mount, kind in mounts if path.resolve().is_relative_to(Path(mount))]
    mount, kind = max(found, key=lambda one: len(one[0]), default=("/", "unknown"))
    if kind in NETWORK:
        return fail(
            "disk",
            f"{mount} is a network file system ({kind}), where the log can break: give a folder on"
            " a local disk with --data; outputs may stay there (setting roots)",
        )
    return ok("disk", f"local ({kind} at {mount})")


def space(about: str, path: Path) -> Finding:
    """How much is free where ``path`` is."""
    free = shutil.disk_usage(path).free
    text = f"{size(free)} at {path}"
    if free < FREE_MIN_BYTES:
        return fail(about, f"{text}: free some, or nothing can be written soon")
    if free < FREE_GOOD_BYTES:
        return warn(about, f"{text}: that will not last long")
    return ok(about, text)


def log(data: Path) -> Finding:
    """Whether the log opens and is whole; read only, also while a farm runs on it."""
    if find_spec("eventsourcing") is None:
        return warn("log", "not looked at: that takes rushlight[server]")
    from rushlight.eventlog.integrity import head_of  # noqa: PLC0415 - takes its time
    from rushlight.eventlog.rows import FORMAT  # noqa: PLC0415

    try:
        head = head_of(data)
    except RushlightError as error:
        return fail("log", str(error))
    bytes_used = sum(file.stat().st_size for file in data.glob(f"{LOG_FILE}*"))
    return ok(
        "log",
        f"whole at its end, {plural(head, 'event')}, format {FORMAT}, {size(bytes_used)};"
        " `rushlight audit verify` looks at all of it",
    )


def secrets(files: Iterable[Path]) -> Iterator[Finding]:
    """Whether files with keys can be read by their owner alone."""
    found = sorted(set(files))
    loose = [file for file in found if stat.S_IMODE(file.stat().st_mode) & OTHERS]
    if loose:
        shown = " ".join(str(file) for file in loose[:SHOWN_MAX])
        more = f" and {len(loose) - SHOWN_MAX} more" if len(loose) > SHOWN_MAX else ""
        yield fail("key files", f"others on this machine can read them: chmod 600 {shown}{more}")
    elif found:
        yield ok("key files", f"{plural(len(found), 'file')}, for their owner alone")


def _secret_files(patient: Patient) -> Iterator[Path]:
    for pattern in SECRETS:
        yield from (file for file in patient.data.glob(pattern) if file.is_file())
    named = (patient.key_file, os.environ.get("RUSHLIGHT_KEY_FILE"))
    yield from (Path(file) for file in named if file is not None and Path(file).is_file())


def _existing(path: Path) -> Path:
    """The folder itself, or the nearest one above it that is there."""
    path = path.absolute()
    while not path.is_dir():
        path = path.parent
    return path
