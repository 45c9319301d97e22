"""Which files a task writes, so that no two live tasks write the same one.

The rule is the worker's own: the frame's number stands in place of the last run of ``#``; a still
keeps its name without such runs. A test compares the two.
"""

import posixpath
import re
from collections.abc import Iterable
from pathlib import PurePosixPath

_LAST_RUN = re.compile(r"#+(?!.*#)")
_RUN_OF_A_STILL = re.compile(r"[._]?#+")


def files_of(output: str, frames: Iterable[int | None]) -> list[str]:
    """The files of these frames (None: a still), each as ``root:relative/path``.

    Two ways to write one path (``a//b``, ``a/./b``) give the same file.
    """
    root, _, inner = output.partition(":")
    if "//" in inner or "./" in inner:
        inner = posixpath.normpath(inner)
    folder, slash, name = inner.rpartition("/")
    place = f"{root}:{folder}{slash}"
    run = _LAST_RUN.search(name)
    head, tail = (name, "") if run is None else (name[: run.start()], name[run.end() :])
    width = 0 if run is None else len(run.group())
    return [
        place + (_still(name) if frame is None else f"{head}{_number(frame, width)}{tail}")
        for frame in frames
    ]


def _number(frame: int, width: int) -> str:
    return str(frame).zfill(width) if width else ""


def _still(name: str) -> str:
    if "#" not in name:
        return name
    path = PurePosixPath(name)
    stem, suffix = (_RUN_OF_A_STILL.sub("", part) for part in (path.stem, path.suffix))
    return (stem or "still") + suffix
