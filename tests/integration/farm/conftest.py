"""A farm on a bus that can be told to lose and double messages."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from rushlight.bus.faulty import FaultyBus
from rushlight.bus.local import LocalBus
from rushlight.eventlog.audit import verify_log
from rushlight.testing import ManualClock, ManualFarm, manual_farm


@dataclass
class Faulty:
    """The farm and its bus."""

    farm: ManualFarm
    bus: FaultyBus


@pytest.fixture
async def faulty(tmp_path: Path) -> AsyncIterator[Faulty]:
    """A farm whose log is audited when the test is over."""
    clock = ManualClock()
    bus = FaultyBus(LocalBus(clock))
    async with manual_farm(tmp_path / "farm", clock=clock, bus=bus) as farm:
        yield Faulty(farm, bus)
        report = verify_log(farm.parts.log)
        assert report.clean, report.differences
