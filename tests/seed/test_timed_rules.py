"""SEED, "Timed rules": each one second before and at its limit."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest
from tests.integration.farm.agent import ScriptedAgent, outputs

from rushlight.testing import ManualFarm


async def rendering(farm: ManualFarm, priority: str, worker: str = "w1") -> dict[str, Any]:
    """A task that the worker renders."""
    task = await farm.submit(priority=priority)
    await farm.say(worker)
    got = await farm.ask(worker)
    assert got is not None and got["taskId"] == task["taskId"]
    return got


async def keep_alive(farm: ManualFarm, *workers: str) -> None:
    """The workers say that they are busy: a heartbeat each."""
    for worker in workers:
        await farm.say(worker, "busy")


async def test_the_period_is_30_seconds_by_default(farm: ManualFarm) -> None:
    assert farm.settings.sweep_s == 30


async def test_a_silent_pull_worker_is_lost_after_30_minutes(farm: ManualFarm) -> None:
    task = await rendering(farm, "HIGH")
    heard = (await farm.worker("w1"))["lastHeartbeat"]
    await farm.advance_to(heard, 1799)
    assert (await farm.worker("w1"))["status"] == "busy"
    assert (await farm.task(task["taskId"]))["status"] == "rendering"
    await farm.advance_to(heard, 1800.001)
    assert (await farm.worker("w1"))["status"] == "failed"
    lost = await farm.task(task["taskId"])
    # In one sweep: failed with `Worker timeout`, and waiting again.
    assert (lost["status"], lost["retries"], lost["losses"]) == ("pending", 0, 1)
    events = (await farm.http.get(f"/renders/{task['taskId']}/events")).json()["items"]
    assert [event["topic"] for event in events][-2:] == [
        "rushlight.task.lost",
        "rushlight.task.retried",
    ]
    attempts = (await farm.http.get(f"/renders/{task['taskId']}/attempts")).json()["items"]
    assert (attempts[0]["result"], attempts[0]["detail"]) == ("lost", "Worker timeout")


async def test_each_call_of_a_pull_worker_is_a_heartbeat(farm: ManualFarm) -> None:
    task = await rendering(farm, "HIGH")
    for _ in range(4):
        await farm.advance(1700)
        await keep_alive(farm, "w1")
    assert (await farm.task(task["taskId"]))["status"] == "rendering"


async def test_a_lost_worker_speaks_for_nothing_any_more(farm: ManualFarm) -> None:
    task = await rendering(farm, "HIGH")
    await farm.advance(1801)
    late = await farm.http.post(f"/renders/{task['taskId']}/complete", json={"attempt": 1})
    assert late.status_code == 409
    assert (await farm.task(task["taskId"]))["status"] == "pending"


async def test_a_task_that_has_lost_five_workers_fails_for_good(farm: ManualFarm) -> None:
    task = await farm.submit(priority="HIGH")
    for number in range(5):
        await farm.say(f"w{number}")
        assert await farm.ask(f"w{number}") is not None
        await farm.advance(1801)
    lost = await farm.task(task["taskId"])
    assert (lost["status"], lost["errorMessage"]) == ("failed", "Lost 5 workers")
    assert (lost["retries"], lost["retryAt"]) == (0, None)


async def test_a_failed_task_is_tried_again_at_the_next_sweep(farm: ManualFarm) -> None:
    task = await rendering(farm, "HIGH")
    await fail(farm, task)
    failed = await farm.task(task["taskId"])
    assert (failed["status"], failed["retries"]) == ("failed", 0)
    assert failed["retryAt"] is not None
    await farm.advance(30)
    again = await farm.task(task["taskId"])
    assert (again["status"], again["retries"], again["retryAt"]) == ("pending", 1, None)


async def test_after_its_last_retry_it_stays_failed(farm: ManualFarm) -> None:
    task = await rendering(farm, "HIGH")
    await fail(farm, task)
    await farm.advance(30)
    await farm.ask("w1")
    await fail(farm, task)
    await farm.advance(3600)
    failed = await farm.task(task["taskId"])
    assert (failed["status"], failed["retries"], failed["retryAt"]) == ("failed", 1, None)


async def test_later_retries_wait_60_and_120_seconds(farm: ManualFarm) -> None:
    task = await farm.submit(maxRetries=3)
    await farm.say("w1")
    for wait_s in (0, 60, 120):
        await farm.ask("w1")
        await fail(farm, task)
        failed = await farm.task(task["taskId"])
        if wait_s:
            await farm.advance_to(failed["retryAt"], -1)
            assert (await farm.task(task["taskId"]))["status"] == "failed"
        await farm.advance_to(failed["retryAt"], 0.001)
        assert (await farm.task(task["taskId"]))["status"] == "pending"


async def fail(farm: ManualFarm, task: dict[str, Any]) -> None:
    """The worker reports that it failed."""
    response = await farm.http.put(
        f"/renders/{task['taskId']}/status", json={"status": "failed", "errorMessage": "no luck"}
    )
    assert response.status_code == 200


@pytest.mark.parametrize(
    ("waiting", "running", "allowance_s"),
    [
        ("RUSH", "HIGH", 300),
        ("RUSH", "MEDIUM", 300),
        ("RUSH", "LOW", 300),
        ("HIGH", "MEDIUM", 1800),
        ("HIGH", "LOW", 1800),
        ("MEDIUM", "LOW", 43200),
    ],
)
async def test_preemption_at_the_allowance_of_the_waiting_priority(
    farm: ManualFarm, waiting: str, running: str, allowance_s: int
) -> None:
    victim = await rendering(farm, running)
    waiter = await farm.submit(priority=waiting)
    await alive_until(farm, victim["startTime"], allowance_s - 1)
    assert (await farm.task(victim["taskId"]))["status"] == "rendering"
    await alive_until(farm, victim["startTime"], allowance_s)
    stopped = await farm.task(victim["taskId"])
    assert (stopped["status"], stopped["retries"], stopped["preemptions"]) == ("pending", 0, 1)
    got = await farm.ask("w1")
    assert got is not None and got["taskId"] == waiter["taskId"]
    attempts = (await farm.http.get(f"/renders/{victim['taskId']}/attempts")).json()["items"]
    assert attempts[0]["result"] == "preempted"
    assert waiter["taskId"] in attempts[0]["detail"]


async def alive_until(farm: ManualFarm, start: str, seconds: float, *workers: str) -> None:
    """Let time pass, with a heartbeat of these workers (w1 if none) now and then."""
    until = datetime.fromisoformat(start) + timedelta(seconds=seconds)
    while (left := (until - farm.clock.now()).total_seconds()) > 0:
        await keep_alive(farm, *(workers or ("w1",)))
        await farm.advance(min(left, 1500))


async def test_low_never_preempts(farm: ManualFarm) -> None:
    running = await rendering(farm, "LOW")
    await farm.submit(priority="LOW")
    await alive_until(farm, running["startTime"], 100_000)
    assert (await farm.task(running["taskId"]))["status"] == "rendering"


async def test_the_same_priority_gets_a_new_worker_instead(farm: ManualFarm) -> None:
    await rendering(farm, "RUSH")
    waiter = await farm.submit(priority="RUSH")
    await farm.advance(30)
    (worker_id,) = farm.provisioner.started
    requested = await farm.worker(worker_id)
    assert (requested["status"], requested["requestedFor"]) == ("requested", waiter["taskId"])


async def test_the_lowest_priority_is_preempted_first(farm: ManualFarm) -> None:
    medium = await rendering(farm, "MEDIUM", "w1")
    low = await rendering(farm, "LOW", "w2")
    await farm.submit(priority="RUSH")
    await farm.advance(301)
    assert (await farm.task(low["taskId"]))["status"] == "pending"
    assert (await farm.task(medium["taskId"]))["status"] == "rendering"


async def test_nobody_is_preempted_for_a_task_that_could_not_run_there(farm: ManualFarm) -> None:
    low = await farm.submit(priority="LOW", renderer="povray")
    await farm.say("w1", capabilities={"renderers": {"povray": "3.7"}})
    await farm.ask("w1")
    await farm.submit(priority="RUSH", renderer="mitsuba")
    await farm.advance(900)
    assert (await farm.task(low["taskId"]))["status"] == "rendering"


async def test_a_task_past_its_estimate_shows_so_and_goes_on(farm: ManualFarm) -> None:
    task = await farm.submit(priority="HIGH", estimatedRenderTime=60)
    await farm.say("w1")
    await farm.ask("w1")
    await farm.advance(59)
    assert (await farm.task(task["taskId"]))["overrun"] is False
    await farm.advance(2)
    over = await farm.task(task["taskId"])
    assert (over["status"], over["overrun"]) == ("rendering", True)


async def test_max_render_time_ends_an_attempt(farm: ManualFarm) -> None:
    task = await farm.submit(maxRenderTime=600, maxRetries=0)
    await farm.say("w1")
    started = await farm.ask("w1")
    assert started is not None
    await farm.advance_to(started["startTime"], 599)
    assert (await farm.task(task["taskId"]))["status"] == "rendering"
    await farm.advance_to(started["startTime"], 600)
    ended = await farm.task(task["taskId"])
    assert (ended["status"], ended["errorMessage"]) == ("failed", "Task timeout")
    assert ended["retryAt"] is None


async def test_every_waiting_task_above_low_is_helped_oldest_first(farm: ManualFarm) -> None:
    """The original looked at one waiting task only."""
    running = [await rendering(farm, "LOW", f"w{number}") for number in range(2)]
    waiting = [await farm.submit(priority="RUSH") for _ in range(3)]
    await alive_until(farm, running[1]["startTime"], 300, "w0", "w1")
    stopped = [await farm.task(task["taskId"]) for task in running]
    assert [task["status"] for task in stopped] == ["pending", "pending"]
    got = [await farm.ask(f"w{number}") for number in range(2)]
    assert {task["taskId"] for task in got if task} == {task["taskId"] for task in waiting[:2]}


async def test_time_counts_from_the_start_of_rendering_not_from_submission(
    farm: ManualFarm,
) -> None:
    old = await farm.submit(priority="LOW")
    await farm.advance(1000)
    await farm.say("w1")
    started = await farm.ask("w1")
    assert started is not None and started["taskId"] == old["taskId"]
    await farm.submit(priority="RUSH")
    await alive_until(farm, started["startTime"], 299)
    assert (await farm.task(old["taskId"]))["status"] == "rendering"


async def test_of_equal_priority_the_one_that_loses_least_is_preempted(farm: ManualFarm) -> None:
    longer = await rendering(farm, "LOW", "w1")
    await farm.advance(100)
    shorter = await rendering(farm, "LOW", "w2")
    await alive_until(farm, shorter["startTime"], 300, "w1", "w2")
    await farm.submit(priority="RUSH")
    await farm.sweep()
    statuses = [(await farm.task(one["taskId"]))["status"] for one in (longer, shorter)]
    assert statuses == ["rendering", "pending"]


async def test_a_preempted_task_keeps_its_finished_frames(farm: ManualFarm) -> None:
    agent = ScriptedAgent(farm)
    await agent.join()
    low = await farm.submit(priority="LOW", renderer="mitsuba", frames="1-3")
    (assign,) = await agent.messages()
    await agent.report("FramesRendered", assign, outputs=outputs(1, 2))
    for _ in range(10):
        await farm.advance(30)
        await agent.beat(assign)
    await farm.submit(priority="RUSH", renderer="mitsuba")
    await farm.sweep()
    await agent.report("AttemptStopped", assign, outputs=outputs(1, 2))
    stopped = await farm.task(low["taskId"])
    assert (stopped["status"], stopped["retries"], stopped["framesRendered"]) == (
        "pending",
        0,
        "1-2",
    )


async def test_an_agent_is_lost_after_90_seconds_without_a_heartbeat(farm: ManualFarm) -> None:
    agent = ScriptedAgent(farm)
    await agent.join()
    await agent.beat()
    heard = (await farm.worker("node-1"))["lastHeartbeat"]
    await farm.advance_to(heard, 89)
    assert (await farm.worker("node-1"))["status"] == "ready"
    await farm.advance_to(heard, 90)
    assert (await farm.worker("node-1"))["status"] == "failed"


async def test_a_failed_task_waits_for_the_sweep(farm: ManualFarm) -> None:
    task = await rendering(farm, "HIGH")
    await fail(farm, task)
    await farm.advance(29, sweep=False)
    assert (await farm.task(task["taskId"]))["status"] == "failed"
    await farm.advance(1)
    assert (await farm.task(task["taskId"]))["status"] == "pending"


async def test_the_reaper_sweeps_every_30_seconds_and_not_before(farm: ManualFarm) -> None:
    """The original's `setInterval(…, 30)` meant 30 milliseconds."""
    reaper = farm.parts.reaper
    sweeping = asyncio.create_task(reaper._sweeps())
    await swept(farm, 1)
    farm.clock.advance(29.9)
    await farm.http.get("/renders")
    assert reaper.sweeps == 1
    farm.clock.advance(0.1)
    await swept(farm, 2)
    sweeping.cancel()


async def swept(farm: ManualFarm, times: int) -> None:
    """Wait until the reaper has swept so often."""
    async with asyncio.timeout(10):
        while farm.parts.reaper.sweeps < times:
            await farm.http.get("/renders")
