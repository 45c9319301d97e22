"""SEED, "Timed rules": each one second before and at its limit."""

from datetime import datetime, timedelta
from typing import Any

import pytest

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


async def alive_until(farm: ManualFarm, start: str, seconds: float) -> None:
    """Let time pass, with a heartbeat of w1 now and then."""
    until = datetime.fromisoformat(start) + timedelta(seconds=seconds)
    while (left := (until - farm.clock.now()).total_seconds()) > 0:
        await keep_alive(farm, "w1")
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
