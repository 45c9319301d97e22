"""Every test of the contract runs over every adapter."""

from collections.abc import AsyncIterator

import pytest
from tests.contract.bus_adapters import ADAPTERS, Opened

from rushlight.bus.port import Bus


@pytest.fixture(params=ADAPTERS)
async def opened(request: pytest.FixtureRequest) -> AsyncIterator[Opened]:
    async with ADAPTERS[request.param]() as adapter:
        yield adapter


@pytest.fixture
def bus(opened: Opened) -> Bus:
    return opened.bus
