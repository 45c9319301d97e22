"""How people write frames."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rushlight.domain.frames import format_frames, parse_frames
from rushlight.errors import InvalidRequest


@pytest.mark.parametrize(
    ("text", "frames"),
    [
        ("7", [7]),
        ("1-3", [1, 2, 3]),
        ("1-10:4", [1, 5, 9]),
        ("1-10:2,15", [1, 3, 5, 7, 9, 15]),
        ("3,1,2,2,1-2", [1, 2, 3]),
        ("-3--1", [-3, -2, -1]),
        ("-1-1", [-1, 0, 1]),
        (" 1 , 2-3 ", [1, 2, 3]),
        ("5-5", [5]),
        ("0", [0]),
        ("1-6000,1-6000", list(range(1, 6001))),
        ("1-10000", list(range(1, 10_001))),
    ],
)
def test_a_range_is_read(text: str, frames: list[int]) -> None:
    assert parse_frames(text) == frames


@pytest.mark.parametrize(
    "text",
    [
        *"1- - , 1,,2 a 1-a 1:2 1-10:0 1-10:-1 1.5 10-1 1-10:2:3 --1 1--- +1 0x10 1e3".split(),
        *("", " ", "1 - 3", "1-3\n-4", "\u0661"),
    ],
)
def test_what_is_no_range_is_refused_with_one_that_works(text: str) -> None:
    with pytest.raises(InvalidRequest, match="write frames like 1-24"):
        parse_frames(text)


@pytest.mark.parametrize("text", ["1-10001", "1-10000000", "0-999999999", "1-6000,5000-12000"])
def test_more_than_ten_thousand_frames_are_refused_at_once(text: str) -> None:
    with pytest.raises(InvalidRequest, match="more than 10,000"):
        parse_frames(text)


@given(st.sets(st.integers(-50, 200), min_size=1))
def test_what_is_written_is_read_back(frames: set[int]) -> None:
    assert parse_frames(format_frames(frames)) == sorted(frames)
