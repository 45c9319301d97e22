"""Frame ranges as people write them: ``1-24``, ``1-10:2,15``."""

import re
from collections.abc import Iterable

from rushlight.errors import InvalidRequest

FRAMES_MAX = 10_000
SHOWN_MAX = 60
_PART = re.compile(r"(-?[0-9]{1,9})(?:-(-?[0-9]{1,9})(?::([0-9]{1,9}))?)?")
_EXAMPLE = "write frames like 1-24 or 1-10:2,15"


def parse_frames(text: str, *, most: int = FRAMES_MAX) -> list[int]:
    """Read a range into its frames, ascending, each once.

    Raises:
        InvalidRequest: not a range, an end before its start, or more than ``most`` frames.
    """
    frames: set[int] = set()
    for part in text.split(","):
        first, last, step = _read(part.strip())
        if (last - first) // step < most:
            frames.update(range(first, last + 1, step))
        if (last - first) // step >= most or len(frames) > most:
            raise InvalidRequest(
                f"frames {_short(text)} are more than {most:,}: split them over several tasks"
                " (framesPerTask in POST /renders/batch)"
            )
    return sorted(frames)


def _read(part: str) -> tuple[int, int, int]:
    match = _PART.fullmatch(part)
    if match is None:
        raise InvalidRequest(f"frames {_short(part)!r} are not a range: {_EXAMPLE}")
    first = int(match[1])
    last = int(match[2]) if match[2] is not None else first
    step = int(match[3]) if match[3] is not None else 1
    if last < first:
        raise InvalidRequest(f"frames {part!r} end before they start: {_EXAMPLE}")
    if step < 1:
        raise InvalidRequest(f"frames {part!r} have a step of 0: {_EXAMPLE}")
    return first, last, step


def _short(text: str) -> str:
    return text if len(text) <= SHOWN_MAX else text[:SHOWN_MAX] + "..."


def format_frames(frames: Iterable[int]) -> str:
    """Write frames as the shortest list of runs: ``1-4,7``."""
    runs: list[list[int]] = []
    for frame in sorted(set(frames)):
        if runs and frame == runs[-1][1] + 1:
            runs[-1][1] = frame
        else:
            runs.append([frame, frame])
    return ",".join(str(a) if a == b else f"{a}-{b}" for a, b in runs)
