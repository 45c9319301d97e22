"""A place in the farm's past as people write it: a position of the log, or a time."""

import re
from datetime import UTC, datetime

_POSITION = re.compile(r"[0-9]{1,18}")
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
    time = _time(text, local=local)
    if time is None:
        form = "a time, as" if local else "a time with its offset, as"
        raise ValueError(
            f"should be a position of the log, as 4711, or {form} 2026-05-04T12:00:00Z"
        )
    return time


def _time(text: str, *, local: bool) -> datetime | None:
    """In UTC."""
    if _DAY_ONLY.fullmatch(text):
        return None
    for form in (text, _LOST_PLUS.sub(r"\1+\2", text)):
        try:
            time = datetime.fromisoformat(form)
            return time.astimezone(UTC) if local or time.tzinfo is not None else None
        except (ValueError, OverflowError):
            continue
    return None
