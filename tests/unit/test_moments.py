"""A position or a time, as people write it."""

from datetime import UTC, datetime

import pytest

from rushlight.messages.moments import read_moment

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("0", 0),
        (" 4711 ", 4711),
        ("2026-05-04T12:00:00Z", NOON),
        ("2026-05-04T14:00:00+02:00", NOON),
        ("2026-05-04 14:00:00+02:00", NOON),
        ("2026-05-04T14:00:00 02:00", NOON),
        ("2026-05-04T12:00:00.000001Z", NOON.replace(microsecond=1)),
    ],
)
def test_positions_and_times_with_their_offset_are_moments(text: str, moment: object) -> None:
    assert read_moment(text) == moment


@pytest.mark.parametrize(
    "text",
    [
        *("", "-1", "1e3", "\u0663", "now", "12:00", "2026-05-04", "2026-05-04T12:00:00"),
        *("2026-13-01T00:00:00Z", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59"),
    ],
)
def test_all_else_is_told_what_would_be_one(text: str) -> None:
    with pytest.raises(ValueError, match="as 4711, or a time with its offset"):
        read_moment(text)


def test_a_time_of_this_machine_needs_no_offset_where_that_is_said() -> None:
    local = NOON.astimezone().replace(tzinfo=None)

    assert read_moment(local.isoformat(" "), local=True) == NOON
