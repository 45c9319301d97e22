"""Rendered files that this process can see: those in the root ``out``, in the data folder.

Only what a worker has reported is looked for, and nothing outside that folder is ever opened.
"""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from rushlight.errors import InvalidRequest, NotHere
from rushlight.roots import split, within
from rushlight_api.ports import Row

ROOT = "out"
PIECE_BYTES = 256 * 1024
# What is no file may block whoever opens it.
_FILE = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW
_FOLDER = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_DIRECTORY


@dataclass(frozen=True, slots=True)
class OpenOutput:
    """A file that was found, open; ``size`` bytes follow."""

    file: BinaryIO
    name: str
    size: int

    def pieces(self) -> Iterator[bytes]:
        """All of it; blocks, and closes the file at the end."""
        with self.file:
            left = self.size
            while left > 0 and (piece := self.file.read(min(PIECE_BYTES, left))):
                left -= len(piece)
                yield piece


@dataclass(frozen=True, slots=True)
class OutputFiles:
    """The outputs in ``folder``, which is the root ``out`` of the farm's own workers."""

    folder: Path

    def open(self, output: Row) -> OpenOutput:
        """The file of an output, as it was reported.

        Raises:
            NotHere: it cannot be seen from here, or is not what was reported.
        """
        name = output["path"]
        try:
            root, relative = split(name)
            if root != ROOT:
                raise NotHere(
                    f"output {name} is in the root {root!r}, which the farm does not see: copy"
                    f" it from where the root is mounted (`rushlight fetch --root {root}=PATH`)"
                )
            folder = self.folder.resolve()
            path = within(folder, folder / relative, name)
        except InvalidRequest as error:
            raise NotHere(f"output {name} cannot be fetched: {error}") from None
        return _checked(folder, path.relative_to(folder), name, output.get("bytes"))


def _opened(folder: Path, path: Path) -> int:
    """Open a path without links, step by step: a link that somebody puts there now is refused."""
    number = os.open(folder, _FOLDER)
    for index, part in enumerate(path.parts, 1):
        try:
            following = os.open(part, _FILE if index == len(path.parts) else _FOLDER, dir_fd=number)
        finally:
            os.close(number)
        number = following
    return number


def _checked(folder: Path, path: Path, name: str, size: int | None) -> OpenOutput:
    try:
        number = _opened(folder, path)
    except OSError as error:
        raise NotHere(
            f"output {name} is not in the farm's data folder ({error.strerror}): the worker has"
            " written it to a folder of its own, or it was taken away"
        ) from None
    found = os.fstat(number)
    if not stat.S_ISREG(found.st_mode) or (size is not None and found.st_size != size):
        os.close(number)
        raise NotHere(
            f"output {name} is not what was rendered ({found.st_size} bytes, not {size}):"
            " somebody has changed it; requeue the frame"
        )
    return OpenOutput(os.fdopen(number, "rb"), path.name, found.st_size)
