"""A place in the farm's past as people write it: a position of the log, or a time."""

import re
from datetime import datetime

_POSITION = re.compile(r"\d{1,18}")
# In a query a plus sign that is not encoded arrives as a space.
_LOST_PLUS = re.compile(r"(\d) (\d\d:\d\d)$")
_DAY_ONLY = re.compile(r"\d{4}-\d\d-\d\d")


def read_moment(text: str, *, local: bool = False) -> int | datetime:
    """A position, or a time with its offset; ``local``: it may be one of this machine's zone.

    Raises:
        ValueError: it is neither; says what would be.
    """
    text = text.strip()
    if _POSITION.fullmatch(text):
        return int(text)
    time = _time(text)
    if time is None or (time.tzinfo is None and not local):
        raise ValueError(
            "should be a position of the log, as 4711, or a time with its offset, as"
            " 2026-05-04T12:00:00Z"
        )
    return time if time.tzinfo is not None else time.astimezone()


def _time(text: str) -> datetime | None:
    if _DAY_ONLY.fullmatch(text):
        return None
    whole = text if _is_time(text) else _LOST_PLUS.sub(r"\1+\2", text)
    return datetime.fromisoformat(whole) if _is_time(whole) else None


def _is_time(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True
