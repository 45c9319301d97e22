"""A farm that could not listen blames nobody: suspended, or unable to write heartbeats down."""

import os
import signal
import time
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import httpx
import pytest
from tests.integration.farm.agent import ScriptedAgent
from tests.integration.farm.node import SHORT, until, worker
from tests.integration.farm.process import FarmProcess

from rushlight.bus.port import Queue
from rushlight.errors import NoAnswer
from rushlight.eventlog.audit import verify
from rushlight.messages.work import Heartbeat, RunningAttempt
from rushlight.testing import ManualClock, ManualFarm, manual_farm

SUSPENDED_S = SHORT["lost_after_s"] + 1.0


def beat(farm: FarmProcess, sequence: int) -> str:
    """A heartbeat of worker a; returns ok or stale."""
    response = httpx.post(
        f"{farm.url}/workers/a/heartbeat",
        json={
            "kind": "Heartbeat",
            "version": 1,
            "worker_id": "a",
            "instance": "i1",
            "sequence": sequence,
        },
    )
    return str(response.json()["status"])


def test_a_suspended_farm_condemns_nobody_when_it_wakes(tmp_path: Path) -> None:
    farm = FarmProcess(tmp_path / "farm", **SHORT)
    farm.start()
    joined = httpx.put(
        f"{farm.url}/workers/a/status",
        json={"status": "ready", "instance": "i1", "capabilities": {"renderers": {}}},
    )
    assert joined.status_code == 200
    assert beat(farm, 1) == "ok"
    assert farm.process is not None
    os.kill(farm.process.pid, signal.SIGSTOP)
    time.sleep(SUSPENDED_S)
    os.kill(farm.process.pid, signal.SIGCONT)
    sweep_s = SHORT["sweep_s"]
    woken = time.monotonic()
    until(lambda: time.monotonic() - woken > 2 * sweep_s, "two sweeps after it woke")
    assert beat(farm, 2) == "ok"
    until(lambda: worker(farm, "a")["status"] == "failed", "now it is silent, and lost")
    assert farm.stop() == 0
    assert verify(farm.data).clean


async def lost_after(farm: ManualFarm, seconds: float) -> bool:
    """Whether worker node-1 is lost so long after now."""
    await farm.advance(seconds)
    return bool((await farm.worker("node-1"))["status"] == "failed")


async def test_heartbeats_that_cannot_be_kept_end_nothing(tmp_path: Path) -> None:
    async with manual_farm(tmp_path / "farm") as farm:
        agent = ScriptedAgent(farm)
        await agent.join()
        assert await agent.beat() == "ok"
        lost_after_s = farm.settings.lost_after_s
        await farm.advance(lost_after_s - 10)
        connection = farm.parts.liveness._connection
        connection.execute("PRAGMA max_page_count=1")
        large = tuple(RunningAttempt(task_id=UUID(int=n), attempt=1) for n in range(16))
        unkept = Heartbeat(
            worker_id=agent.worker_id, instance=agent.instance, sequence=2, running=large
        )
        with pytest.raises(NoAnswer):
            await farm.parts.bus.request(Queue.HEARTBEATS, unkept, timeout_s=0.3)
        assert not await lost_after(farm, lost_after_s - 1)
        connection.execute("PRAGMA max_page_count=1000000")
        agent.sequence = 2
        assert await agent.beat() == "ok"
        assert await lost_after(farm, lost_after_s)


async def test_a_clock_set_back_before_a_restart_loses_silent_workers_in_time(
    tmp_path: Path,
) -> None:
    async with manual_farm(tmp_path / "farm") as farm:
        agent = ScriptedAgent(farm)
        await agent.join()
        await farm.advance(3600 - 60, sweep=False)
        assert await agent.beat() == "ok"
        before = farm.clock.now()
    set_back = ManualClock(before - timedelta(hours=2))
    async with manual_farm(tmp_path / "farm", clock=set_back) as farm:
        lost_after_s = farm.settings.lost_after_s
        assert not await lost_after(farm, lost_after_s - 1)
        assert await lost_after(farm, 1)
