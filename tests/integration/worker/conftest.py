"""A farm that does what the test says, and agents that end with the test."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.integration.worker.agents import AgentProcess
from tests.integration.worker.farm_double import FarmDouble

StartAgent = Callable[..., AgentProcess]


@pytest.fixture
def farm() -> Iterator[FarmDouble]:
    double = FarmDouble()
    yield double
    double.close()
    assert double.ledger.faults == []


@pytest.fixture
def start_agent(farm: FarmDouble, tmp_path: Path) -> Iterator[StartAgent]:
    agents: list[AgentProcess] = []

    def start(**settings: Any) -> AgentProcess:
        url = settings.pop("url", farm.url)
        agents.append(AgentProcess(url, settings.pop("folder", tmp_path), **settings))
        return agents[-1]

    yield start
    for agent in agents:
        agent.end()
