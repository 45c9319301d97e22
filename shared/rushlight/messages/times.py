"""Times as HTTP takes them: written out, with their offset, and of a year that a farm can have."""

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, BeforeValidator

_EARLIEST, _LATEST = (datetime(year, 1, 1, tzinfo=UTC) for year in (1970, 9999))


def _written_out(text: Any) -> Any:
    """Pydantic would take a bare number for seconds since 1970."""
    if not isinstance(text, datetime | str) or (isinstance(text, str) and "T" not in text.upper()):
        raise ValueError("should be a time as 2026-05-04T12:00:00Z")
    return text


def _within_reach(time: datetime) -> datetime:
    """No farm is older or will be; at the ends of the calendar sums would fail."""
    return min(max(time, _EARLIEST), _LATEST).astimezone(UTC)


Time = Annotated[AwareDatetime, BeforeValidator(_written_out), AfterValidator(_within_reach)]
