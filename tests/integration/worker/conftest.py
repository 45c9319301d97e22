"""A farm that does what the test says, and agents that end with the test."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.integration.worker.agents import AgentProcess
from tests.integration.worker.farm_double import FarmDouble

from rushlight.messages.commands import FailAttempt
from rushlight.messages.work import Assign

StartAgent = Callable[..., AgentProcess]


@pytest.fixture
def farm() -> Iterator[FarmDouble]:
    double = FarmDouble()
    yield double
    double.close()
    assert double.ledger.faults == []


@dataclass(frozen=True)
class Standing:
    """A farm and an agent that many tests share: each with a task of its own."""

    farm: FarmDouble
    agent: AgentProcess
    instance: str
    folder: Path

    def failure_of(self, assign: Assign) -> FailAttempt:
        """What becomes of an assignment that cannot be rendered."""
        self.farm.send(assign)
        return self.farm.wait_for_report(FailAttempt, task_id=assign.task_id)


@pytest.fixture(scope="module")
def standing_with(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Standing]]:
    """Starts an agent with these renderers, and a farm for it, for the tests of a file."""
    begun: list[Standing] = []

    def begin(*renderers: str) -> Standing:
        folder, farm = tmp_path_factory.mktemp("standing"), FarmDouble()
        agent = AgentProcess(farm.url, folder, renderers=list(renderers))
        begun.append(Standing(farm, agent, farm.wait_for_join(), folder))
        return begun[-1]

    yield begin
    for one in begun:
        one.agent.end()
        one.farm.close()
        assert one.farm.ledger.faults == []


@pytest.fixture(scope="module")
def standing(standing_with: Callable[..., Standing]) -> Standing:
    """One for the renderers that need no program of the system."""
    return standing_with("command", "mitsuba")


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
