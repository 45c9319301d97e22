"""Names of outputs: the frame's number in place of ``####``, and the temporary name beside it."""

import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from uuid import UUID

from rushlight.errors import InvalidRequest

_RUN = re.compile(r"#+(?!.*#)")
_RUN_OF_A_STILL = re.compile(r"[._]?#+")
NAME_BYTES_MAX = 255


@dataclass(frozen=True, slots=True)
class Mark:
    """Whose temporary file it is."""

    task_id: UUID
    attempt: int
    instance: str

    def __str__(self) -> str:
        return f"part-{self.task_id}-{self.attempt}-{self.instance}"


def output_name(pattern: str, frame: int | None) -> str:
    """The name of one output: ``out:a.####.png`` is ``out:a.0007.png`` for frame 7.

    The number is as wide as the run of ``#`` or wider; -5 is ``-005``. A still (None) keeps its
    name; a run of ``#`` goes, with the dot or underscore before it.
    """
    folder, slash, name = pattern.rpartition("/")
    if not slash:
        folder, slash, name = pattern.rpartition(":")
    if frame is None:
        path = PurePosixPath(name)
        stem, suffix = (_RUN_OF_A_STILL.sub("", part) for part in (path.stem, path.suffix))
        named = (stem or "still") + suffix
    else:
        named = _RUN.sub(lambda run: str(frame).zfill(len(run.group())), name)
    return f"{folder}{slash}{named}"


def output_names(pattern: str, frames: tuple[int, ...] | None) -> dict[int | None, str]:
    """The name of every output of a task.

    Raises:
        InvalidRequest: several frames would have the same name.
    """
    if frames is None:
        return {None: output_name(pattern, None)}
    names: dict[int | None, str] = {frame: output_name(pattern, frame) for frame in frames}
    if len(set(names.values())) < len(names):
        raise InvalidRequest(
            f"output {pattern} gives {len(names)} frames one name: put #### where the frame's"
            " number belongs, say out:name.####.png"
        )
    return names


def temporary_path(final: Path, mark: Mark) -> Path:
    """Where it is rendered to: the same folder, and the same extension, by which renderers go.

    Raises:
        InvalidRequest: the name would be longer than a file's may be.
    """
    path = final.with_name(f"{final.stem}.{mark}{final.suffix}")
    if len(path.name.encode()) > NAME_BYTES_MAX:
        raise InvalidRequest(
            f"output name {final.name} is too long: with the temporary mark it has more than"
            f" {NAME_BYTES_MAX} bytes"
        )
    return path


def attempt_of(path: Path, task_id: UUID) -> int | None:
    """The attempt whose temporary file of ``task_id`` this is; None: it is none."""
    found = re.search(rf"\.part-{task_id}-(\d+)-[A-Za-z0-9_-]+(?:\.[^.]*)?$", path.name)
    return int(found[1]) if found else None
