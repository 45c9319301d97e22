"""Puts rendered files into place: verified, fsynced, renamed; and looks after what is left lying.

A reader of an output folder sees whole files only. Nothing here decides *whether* a file may be put
into place: ``guard`` is asked right before the rename, and refuses by raising.
"""

import errno
import hashlib
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import psutil

from rushlight.errors import OutputInvalid, RushlightError, WorkerUnfit
from rushlight.messages.commands import Output
from rushlight.messages.work import Assign
from rushlight.roots import split
from rushlight_worker.naming import Mark, attempt_of, output_names, temporary_path
from rushlight_worker.roots import Roots

MIB = 1024 * 1024
# Errors of a disk or a mount, which another worker need not have.
UNFIT_ERRORS = {
    errno.EACCES,
    errno.EDQUOT,
    errno.EFBIG,
    errno.EIO,
    errno.ENOSPC,
    errno.EPERM,
    errno.EROFS,
    errno.ESTALE,
    errno.ENOTCONN,
}
UNFIT_TEXTS = (
    "No space left on device",
    "Disk quota exceeded",
    "Read-only file system",
    "File too large",
    "Stale file handle",
)


@dataclass(frozen=True, slots=True)
class Target:
    """One output of an attempt: its name in reports, where it belongs, where it is rendered to."""

    frame: int | None
    name: str
    final: Path
    temporary: Path

    def __str__(self) -> str:
        return "the still" if self.frame is None else f"frame {self.frame}"


def targets_of(assign: Assign, roots: Roots, mark: Mark) -> dict[int | None, Target]:
    """Every output of the task, kept ones included, in order of frames; makes their folder.

    Raises:
        InvalidRequest, WorkerUnfit: the output cannot be written on this worker.
    """
    frames = assign.frames
    if frames is not None:
        frames = tuple(sorted({*frames, *(k.frame for k in assign.kept if k.frame is not None)}))
    found: dict[int | None, Target] = {}
    for frame, name in output_names(assign.output, frames).items():
        final = roots.output(name) if not found else _beside(next(iter(found.values())), name)
        found[frame] = Target(frame, name, final, temporary_path(final, mark))
    return found


def _beside(first: Target, name: str) -> Path:
    """All outputs of a task lie in one folder: it is looked up once."""
    return first.final.with_name(split(name)[1].name)


def in_place(kept: Iterable[Output], targets: dict[int | None, Target]) -> list[Output]:
    """Those of earlier attempts' outputs that are really there, of the size that they had."""
    found = []
    for output in kept:
        target = targets.get(output.frame)
        if target is None or output.path != target.name:
            continue
        try:
            size = target.final.stat().st_size
        except OSError:
            continue
        if size > 0 and output.bytes in (None, size):
            found.append(output)
    return found


def check_space(folder: Path, least_mib: int) -> None:
    """Refuse work for a folder that is about full.

    Raises:
        WorkerUnfit: less than ``least_mib`` is free.
    """
    free_mib = psutil.disk_usage(str(folder)).free // MIB
    if free_mib < least_mib:
        raise WorkerUnfit(
            f"only {free_mib} MiB are free in {folder}; the setting disk_free_min_mib asks for"
            f" {least_mib}: make room there"
        )


def publish(
    target: Target,
    verify: Callable[[Path], None],
    guard: Callable[[], None],
    render_s: float | None,
) -> Output:
    """Verify one output and put it into place.

    Raises:
        OutputInvalid: missing, cut short, or of the wrong size.
        WorkerUnfit: the disk does not take it.
        Exception: whatever ``guard`` raises; then nothing was renamed.
    """
    if not target.temporary.exists():
        raise OutputInvalid(f"{target} was not written")
    try:
        verify(target.temporary)
    except OutputInvalid as error:
        raise OutputInvalid(f"{target}: {_without_mark(str(error), target)}") from None
    try:
        size, digest = _settle(target.temporary)
        guard()
        target.temporary.replace(target.final)
        sync_folder(target.final.parent)
    except OSError as error:
        raise blame(error, f"cannot put {target} into place at {target.name}") from error
    return Output(
        frame=target.frame, path=target.name, bytes=size, sha256=digest, render_s=render_s
    )


def _without_mark(text: str, target: Target) -> str:
    return text.replace(target.temporary.name, target.final.name)


def _settle(path: Path) -> tuple[int, str]:
    """Bring a file to the disk; its size and SHA-256."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        return os.fstat(file.fileno()).st_size, digest


def sync_folder(folder: Path) -> None:
    """Bring a folder's names to the disk."""
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def blame(error: OSError, what: str) -> RushlightError:
    """Whose an error of the file system is: the worker's, or the task's."""
    text = f"{what}: {error.strerror or error}"
    return WorkerUnfit(text) if error.errno in UNFIT_ERRORS else OutputInvalid(text)


def says_unfit(lines: Sequence[str]) -> str | None:
    """The last line that says that the disk is full or gone."""
    for line in reversed(lines):
        if any(text in line for text in UNFIT_TEXTS):
            return line
    return None


def sweep_older(folder: Path, task_id: UUID, attempt: int) -> int:
    """Remove what earlier attempts of the task left there; they may not publish any more."""
    removed = 0
    for path in folder.glob(f"*.part-{task_id}-*"):
        found = attempt_of(path, task_id)
        if found is not None and found < attempt:
            path.unlink(missing_ok=True)
            removed += 1
    return removed
