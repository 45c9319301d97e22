"""Whether everything came as promised: whole frames that are what the farm reported, and the chaos.

Looks at files and at what the API said; changes nothing.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from rushlight.cli.demo.records import AttemptRecord
from rushlight.cli.demo.script import Script


@dataclass(frozen=True)
class ReportedFrame:
    """A finished frame as a worker reported it; ``sha256`` is of the file."""

    frame: int
    path: str
    sha256: str | None

    @classmethod
    def of(cls, output: Mapping[str, Any]) -> "ReportedFrame":
        """Read one of an attempt's outputs."""
        return cls(output["frame"], output["path"], output.get("sha256"))


def check_frames(script: Script, reported: Sequence[ReportedFrame], folder: Path) -> Iterator[str]:
    """Say what is wrong with the frames in ``folder``; nothing: all are there, whole and right."""
    last = {one.frame: one for one in reported}
    for frame in range(1, script.frames + 1):
        if frame not in last:
            yield f"frame {frame} is in no report"
            continue
        path = folder / last[frame].path.rpartition("/")[2]
        if not path.is_file():
            yield f"frame {frame} is missing: {path}"
            continue
        yield from _check_frame(script, last[frame], path)


def check_attempts(
    records: Sequence[AttemptRecord], *, new_worker_due: bool, joined: int
) -> Iterator[str]:
    """Say which part of the chaos did not happen, or did not heal."""
    preempted = [one for one in records if one.result == "preempted"]
    lost = [one for one in records if one.result == "lost"]
    if not preempted:
        yield "no attempt was preempted by a RUSH"
    if not lost:
        yield "no attempt was lost with the killed worker"
    for one in (*preempted, *lost):
        later = [
            other
            for other in records
            if other.task_id == one.task_id and other.attempt > one.attempt
        ]
        if not any(other.result == "completed" for other in later):
            yield f"{one.task} was {one.result} and no later attempt completed it"
        if one.result == "lost" and later and later[0].start < (one.end or one.start):
            yield f"{one.task} was given away before its attempt {one.attempt} counted as lost"
    if new_worker_due and joined == 0:
        yield "tasks waited when the worker was lost, and no new worker joined"


def _check_frame(script: Script, reported: ReportedFrame, path: Path) -> Iterator[str]:
    if hashlib.sha256(path.read_bytes()).hexdigest() != reported.sha256:
        yield f"frame {reported.frame} is not the file that was reported: {path}"
    try:
        with Image.open(path) as picture:
            picture.load()
            size = picture.size
    except (OSError, SyntaxError) as error:
        yield f"frame {reported.frame} is no whole picture ({error}): {path}"
        return
    if size != (script.width, script.height):
        yield f"frame {reported.frame} is {size[0]} x {size[1]} pixels: {path}"
