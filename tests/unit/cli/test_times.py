"""Times as people see and write them: those of today without their day."""

from datetime import datetime, timedelta

import click
import pytest

from rushlight.cli.data_folder import MOMENT
from rushlight.cli.words import listed_time
from rushlight.clock import SystemClock


def test_a_table_leaves_out_the_day_if_it_is_today() -> None:
    now = SystemClock().now()
    past = now - timedelta(days=2)

    assert listed_time(now.isoformat()) == f"{now.astimezone():%H:%M:%S}"
    assert listed_time(past.isoformat()) == f"{past.astimezone():%Y-%m-%d %H:%M}"
    assert listed_time(None) is None


@pytest.mark.parametrize("given", ["09:30", "09:30:15", " 09:30 "])
def test_what_a_table_shows_can_be_asked_for(given: str) -> None:
    found = MOMENT.convert(given, None, None)

    assert isinstance(found, datetime)
    local = found.astimezone()
    assert f"{local:%H:%M:%S}".startswith(given.strip())
    assert local.date() == SystemClock().now().astimezone().date()


@pytest.mark.parametrize("given", ["29:30", "9:30", "09:30:15:00"])
def test_what_is_no_time_of_day_is_wrong_usage(given: str) -> None:
    with pytest.raises(click.BadParameter, match="should be a position"):
        MOMENT.convert(given, None, None)
