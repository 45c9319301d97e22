"""Cursors go on where a page ended, and nowhere else."""

import base64

import pytest

from rushlight.errors import InvalidRequest
from rushlight_api.cursors import cursor_of, place_of
from rushlight_api.listing import PageQuery
from rushlight_api.routes.renders import RendersQuery

LOW = RendersQuery(priority="LOW", limit=10)


@pytest.mark.parametrize("place", [1, 10**12])
def test_a_cursor_leads_back_to_its_place(place: int) -> None:
    assert place_of(cursor_of(place, LOW), LOW, int) == place


def test_no_cursor_is_the_start_of_the_list() -> None:
    assert place_of(None, LOW, int) is None


def test_a_page_of_another_size_may_follow() -> None:
    assert place_of(cursor_of(7, LOW), RendersQuery(priority="LOW", limit=50), int) == 7


def test_a_cursor_of_other_filters_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="other filters"):
        place_of(cursor_of(7, LOW), RendersQuery(priority="HIGH"), int)


def test_a_cursor_of_another_list_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="cursor"):
        place_of(cursor_of(7, PageQuery()), RendersQuery(), int)


@pytest.mark.parametrize("text", ["", "x", "!!!!", "bnVsbA", "WzFd", "WzEsMiwzXQ", "e30", "ÿ"])
def test_what_is_no_cursor_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest, match="cursor"):
        place_of(text, LOW, int)


def test_a_place_of_another_kind_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="another list"):
        place_of(cursor_of("alpha", LOW), LOW, int)


@pytest.mark.parametrize("place", [-1, 2**63, 10**30])
def test_a_place_that_no_list_has_is_refused(place: int) -> None:
    with pytest.raises(InvalidRequest, match="another list"):
        place_of(cursor_of(place, LOW), LOW, int)


def test_a_sign_that_nobody_can_keep_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="give `next`"):
        place_of(cursor_of("\ud800", LOW), LOW, str)


def test_a_cursor_may_be_nested_as_deeply_as_a_head_allows() -> None:
    deep = base64.urlsafe_b64encode(b"[" * 45_000).decode()

    with pytest.raises(InvalidRequest, match="give `next`"):
        place_of(deep, LOW, int)
