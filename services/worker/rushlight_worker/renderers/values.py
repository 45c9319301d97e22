"""Values that tasks give to renderers: whole numbers within limits, and keyframes.

Keyframes are frame numbers to numbers, as in ``{"1": 0, "49": 360}``: between them a value lies on
a straight line, outside it is held, and a still has the first.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from rushlight.errors import InvalidRequest

Keys = Sequence[tuple[int, float]]


def whole(name: str, value: Any, limits: tuple[int, int]) -> int | None:
    """A whole number from the least to the most of ``limits``; None stays None.

    Raises:
        InvalidRequest: it is none.
    """
    if value is None:
        return None
    least, most = limits
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise InvalidRequest(
            f"setting {name} is a whole number from {least} to {most}, not {value!r}"
        )
    return value


def keyframes(what: str, given: Mapping[str, Any]) -> list[tuple[int, float]]:
    """Frames and values, in order.

    Raises:
        InvalidRequest: there are none, or they are no numbers.
    """
    try:
        keys = sorted((int(frame), float(value)) for frame, value in given.items())
    except (TypeError, ValueError):
        keys = []
    if not keys:
        raise InvalidRequest(
            f'keyframes of {what} are frame numbers to numbers, like {{"1": 0, "49": 360}}'
        )
    return keys


def value_at(keys: Keys, frame: int | None) -> float:
    """The value at a frame; None: of the still."""
    if frame is None or frame <= keys[0][0]:
        return keys[0][1]
    for (before, low), (after, high) in pairwise(keys):
        if frame <= after:
            return low + (high - low) * (frame - before) / (after - before)
    return keys[-1][1]
