"""A message that the dispatcher cannot decide is put aside; those beside it are served."""

import asyncio
import errno
from pathlib import Path
from uuid import UUID

import pytest

from rushlight.bus.local import LocalBus
from rushlight.bus.port import Queue
from rushlight.domain import commands as domain
from rushlight.domain import decide
from rushlight.domain.round import Result, Round
from rushlight.eventlog.audit import verify_log
from rushlight.messages.work import Heartbeat
from rushlight.testing import ManualClock, ManualFarm, manual_farm
from rushlight_dispatcher.main import LOG_RETRY_S

DEADLINE_S = 20


async def test_what_is_no_command_is_parked_and_the_next_is_served(tmp_path: Path) -> None:
    clock = ManualClock()
    bus = LocalBus(clock)
    async with manual_farm(tmp_path, clock=clock, bus=bus) as farm:
        await bus.publish(Queue.COMMANDS, Heartbeat(worker_id="w", sequence=1))
        task = await farm.submit()
        assert task["status"] == "pending"
        (parked,) = bus.parked()
        assert "not a command" in parked.reason


async def test_a_command_that_breaks_the_rules_code_is_parked_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    poison: list[UUID] = []

    def broken(current: Round, command: domain.PauseTask) -> Result:
        if command.task_id in poison:
            raise ZeroDivisionError("a fault in the rules, by order")
        return pause(current, command)

    pause = decide.DECIDERS[domain.PauseTask]
    monkeypatch.setitem(decide.DECIDERS, domain.PauseTask, broken)
    clock = ManualClock()
    bus = LocalBus(clock)
    async with manual_farm(tmp_path, clock=clock, bus=bus) as farm:
        tasks = [UUID((await farm.submit())["taskId"]) for _ in range(5)]
        poison.append(tasks[2])
        answers = await asyncio.gather(*(_pause(farm, task_id) for task_id in tasks))
        assert answers == [200, 200, 500, 200, 200]
        (parked,) = bus.parked()
        assert "ZeroDivisionError" in parked.reason
        assert (await farm.submit())["status"] == "pending"
        assert verify_log(farm.parts.log).clean


async def test_a_machine_short_of_something_is_no_fault_of_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed = asyncio.Event()

    def short(current: Round, command: domain.PauseTask) -> Result:
        if failed.is_set():
            return pause(current, command)
        failed.set()
        raise OSError(errno.EMFILE, "Too many open files")

    pause = decide.DECIDERS[domain.PauseTask]
    monkeypatch.setitem(decide.DECIDERS, domain.PauseTask, short)
    clock = ManualClock()
    bus = LocalBus(clock)
    async with manual_farm(tmp_path, clock=clock, bus=bus) as farm:
        task_id = UUID((await farm.submit())["taskId"])
        answer = asyncio.create_task(_pause(farm, task_id))
        async with asyncio.timeout(DEADLINE_S):
            while not answer.done():
                await asyncio.sleep(0.01)
                clock.advance(LOG_RETRY_S)
        assert await answer == 200
        assert bus.parked() == []
        assert verify_log(farm.parts.log).clean


async def _pause(farm: ManualFarm, task_id: UUID) -> int:
    return (await farm.http.post(f"/renders/{task_id}/pause")).status_code
