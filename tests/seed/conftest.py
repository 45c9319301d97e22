"""The original's contract, through HTTP, with a clock that the test moves."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from rushlight.eventlog.audit import verify_log
from rushlight.testing import ManualFarm, manual_farm


@pytest.fixture
async def farm(tmp_path: Path) -> AsyncIterator[ManualFarm]:
    """A farm whose log is audited when the test is over."""
    async with manual_farm(tmp_path / "farm") as running:
        yield running
        report = verify_log(running.parts.log)
        assert report.clean, report.differences
