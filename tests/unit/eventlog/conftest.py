"""A log in a folder of the test's own."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.unit.eventlog.farm_rounds import SetClock

from rushlight.eventlog.log import FarmLog


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "farm"


@pytest.fixture
def log(data: Path, clock: SetClock) -> Iterator[FarmLog]:
    with FarmLog.open(data, clock=clock) as opened:
        yield opened
