"""``/readyz`` says no for as long as a part of the farm does not do its work, and which."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.integration.api.conftest import ServedFarm, serve

from rushlight.errors import LogUnavailable
from rushlight.messages.work import Heartbeat
from rushlight.settings import FarmSettings
from rushlight.testing import ManualFarm, manual_farm


async def readiness(served: ServedFarm) -> tuple[int, dict[str, str]]:
    answer = await served.http.get("/readyz")
    return answer.status_code, answer.json()["checks"]


async def until(served: ServedFarm, holds: Callable[[int, dict[str, str]], bool]) -> None:
    deadline = time.monotonic() + 20
    while not holds(*(found := await readiness(served))):
        assert time.monotonic() < deadline, found
        await asyncio.sleep(0.01)


async def test_a_farm_that_is_well_says_so_of_each_part(served: ServedFarm) -> None:
    await until(served, lambda status, _: status == 200)
    _, checks = await readiness(served)

    assert set(checks) >= {"log", "heartbeats", "events", "dispatcher", "reaper", "shutdown"}
    assert set(checks.values()) == {"ok"}


async def test_a_log_that_cannot_be_written_makes_the_farm_unready_until_it_can(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serve(tmp_path, outcome_wait_s=0.1) as served:
        await served.submit()
        log, full = served.parts.log, True
        put = log.put

        def failing(**rows: Any) -> list[int]:
            if full:
                raise LogUnavailable("no space left for the log: free some on that disk")
            return put(**rows)

        monkeypatch.setattr(log, "put", failing)
        await served.http.post("/renders", json={})
        await until(served, lambda status, _: status == 503)
        status, checks = await readiness(served)
        assert checks["dispatcher"] == "no space left for the log: free some on that disk"
        assert (status, checks["log"]) == (503, "ok")
        full = False
        await until(served, lambda status, _: status == 200)


async def test_where_the_farm_has_its_files_is_not_told_to_everybody(served: ServedFarm) -> None:
    await until(served, lambda status, _: status == 200)
    served.parts.keys._file._reader.close()
    status, checks = await readiness(served)

    assert status == 503
    assert checks["keys"].startswith("the keys in DATA/keys.sqlite3 cannot be used")


async def test_a_dispatcher_that_has_ended_is_told(served: ServedFarm) -> None:
    await until(served, lambda status, _: status == 200)
    dispatcher, reaper = served.parts._tasks
    dispatcher.cancel()
    await asyncio.wait((dispatcher,))
    status, checks = await readiness(served)

    assert (status, checks["reaper"]) == (503, "ok")
    assert checks["dispatcher"].startswith("has ended")
    reaper.cancel()
    await asyncio.wait((reaper,))
    assert (await readiness(served))[1]["reaper"].startswith("has ended")


async def test_a_listener_that_has_ended_is_told(
    served: ServedFarm, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(event: Any) -> None:
        raise RuntimeError("a defect")

    await until(served, lambda status, _: status == 200)
    served.farm.pulse.tell(broken)
    await served.submit()
    await until(served, lambda status, checks: checks["events"] != "ok" and status == 503)


async def test_heartbeats_that_cannot_be_kept_are_told(
    served: ServedFarm, monkeypatch: pytest.MonkeyPatch
) -> None:
    await served.join("w1", "i1")

    def full(*_: Any) -> Any:
        raise LogUnavailable("the heartbeats cannot be kept: look at its disk")

    with monkeypatch.context() as patched:
        patched.setattr(served.parts.liveness, "beats", full)
        served.farm.settings = served.farm.settings.model_copy(update={"outcome_wait_s": 0.1})
        beat = Heartbeat(worker_id="w1", instance="i1", sequence=1).to_wire()
        assert (await served.http.post("/workers/w1/heartbeat", json=beat)).status_code == 503
        _, checks = await readiness(served)
        assert checks["reaper"] == "the heartbeats cannot be kept: look at its disk"
    again = {**beat, "sequence": 2}
    assert (await served.http.post("/workers/w1/heartbeat", json=again)).status_code == 200
    assert (await readiness(served))[0] == 200


async def test_a_farm_that_is_told_to_stop_is_unready_while_it_still_answers(
    served: ServedFarm,
) -> None:
    served.server.closing()
    status, checks = await readiness(served)

    assert (status, checks["shutdown"]) == (503, "begun")
    await served.submit()


async def test_a_reaper_that_has_not_swept_for_three_periods_is_told(tmp_path: Path) -> None:
    settings = FarmSettings(sweep_s=30)
    async with manual_farm(tmp_path, settings=settings) as farm:
        # This farm's reaper sweeps when it is told to; as if it were to sweep by itself:
        farm.parts.reaper._swept_s = farm.clock.elapsed_s()
        await farm.advance(90, sweep=False)
        assert (await checks_of(farm))["reaper"] == "ok"
        await farm.advance(1, sweep=False)
        assert (await checks_of(farm))["reaper"].startswith("the last sweep was 91 s ago")


async def checks_of(farm: ManualFarm) -> dict[str, str]:
    checks: dict[str, str] = (await farm.http.get("/readyz")).json()["checks"]
    return checks
