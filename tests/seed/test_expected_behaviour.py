"""SEED, "Behaviour that its own tests expect"."""

from rushlight.domain.task import RANK
from rushlight.testing import ManualFarm


async def give(farm: ManualFarm, priority: str, worker: str) -> str:
    """A task of this priority, rendering on this worker."""
    task = await farm.submit(priority=priority)
    await farm.say(worker)
    got = await farm.ask(worker)
    assert got is not None and got["taskId"] == task["taskId"]
    return str(task["taskId"])


async def wait_minutes(farm: ManualFarm, minutes: int, *workers: str) -> None:
    """Time passes; the workers give signs of life."""
    for _ in range(minutes):
        await farm.advance(60)
        for worker in workers:
            await farm.say(worker, "busy")


async def test_a_low_task_without_any_worker_gets_a_new_worker(farm: ManualFarm) -> None:
    task = await farm.submit(priority="LOW")
    await farm.advance(30)
    (worker_id,) = farm.provisioner.started
    await farm.say(worker_id)
    got = await farm.ask(worker_id)
    assert got is not None and got["taskId"] == task["taskId"]


async def test_rush_preempts_a_low_of_6_minutes(farm: ManualFarm) -> None:
    low = await give(farm, "LOW", "w1")
    await wait_minutes(farm, 6, "w1")
    rush = await farm.submit(priority="RUSH")
    await farm.advance(30)
    got = await farm.ask("w1")
    assert got is not None and got["taskId"] == rush["taskId"]
    assert (await farm.task(low))["status"] == "pending"


async def test_high_preempts_a_medium_of_725_minutes(farm: ManualFarm) -> None:
    medium = await give(farm, "MEDIUM", "w1")
    await wait_minutes(farm, 725, "w1")
    high = await farm.submit(priority="HIGH")
    await farm.advance(30)
    got = await farm.ask("w1")
    assert got is not None and got["taskId"] == high["taskId"]
    assert (await farm.task(medium))["status"] == "pending"


async def test_medium_preempts_a_low_of_725_minutes(farm: ManualFarm) -> None:
    low = await give(farm, "LOW", "w1")
    await wait_minutes(farm, 725, "w1")
    medium = await farm.submit(priority="MEDIUM")
    await farm.advance(30)
    got = await farm.ask("w1")
    assert got is not None and got["taskId"] == medium["taskId"]
    assert (await farm.task(low))["status"] == "pending"


async def test_a_second_rush_renders_on_a_new_worker(farm: ManualFarm) -> None:
    first = await give(farm, "RUSH", "w1")
    await wait_minutes(farm, 6, "w1")
    second = await farm.submit(priority="RUSH")
    await farm.advance(30)
    (worker_id,) = farm.provisioner.started
    await farm.say(worker_id)
    got = await farm.ask(worker_id)
    assert got is not None and got["taskId"] == second["taskId"]
    assert (await farm.task(first))["status"] == "rendering"


async def test_high_goes_first_among_low_medium_and_high(farm: ManualFarm) -> None:
    for priority in ("LOW", "MEDIUM", "HIGH"):
        await farm.submit(priority=priority)
    order = []
    for number in range(3):
        await farm.say(f"w{number}")
        got = await farm.ask(f"w{number}")
        assert got is not None
        order.append(got["priority"])
    assert order == ["HIGH", "MEDIUM", "LOW"]


async def test_a_worker_silent_for_60_minutes_is_failed(farm: ManualFarm) -> None:
    await farm.say("w1")
    await farm.advance(3600)
    assert (await farm.worker("w1"))["status"] == "failed"


async def test_a_failed_task_with_0_retries_goes_back_to_pending(farm: ManualFarm) -> None:
    task = await give(farm, "HIGH", "w1")
    await farm.http.put(f"/renders/{task}/status", json={"status": "failed"})
    await farm.advance(30)
    again = await farm.task(task)
    assert (again["status"], again["retries"]) == ("pending", 1)


async def test_a_failed_task_with_2_retries_stays_failed(farm: ManualFarm) -> None:
    submitted = await farm.submit(priority="HIGH", maxRetries=2)
    task = submitted["taskId"]
    await farm.say("w1")
    for _ in range(3):
        assert await farm.ask("w1") is not None
        await farm.http.put(f"/renders/{task}/status", json={"status": "failed"})
        await farm.advance(600)
    failed = await farm.task(task)
    assert (failed["status"], failed["retries"]) == ("failed", 2)


async def test_the_values_of_the_priorities() -> None:
    assert RANK == {"RUSH": 0, "HIGH": 1, "MEDIUM": 2, "LOW": 3}
