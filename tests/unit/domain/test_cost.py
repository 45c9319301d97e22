"""What a decision costs must not grow with the number of tasks that wait."""

import time
from statistics import median
from typing import Any
from uuid import UUID

from tests.rehearsal import ANY_RENDERER, Rehearsal, frame_output, named

from rushlight.domain import commands as c
from rushlight.domain.due import victims

FEW, MANY = 1_000, 100_000
ROUNDS = 60
RATIO_MAX = 3.0  # generous, as machines are shared; measured here: 1.0 to 1.5

VICTIM_RATIO_MAX = 8.0  # 20 if each went through all busy workers; measured here: 1 to 3


def farm_with(waiting: int) -> Rehearsal:
    """Workers of two kinds that render, and so many tasks that wait, of three requirements."""
    farm = Rehearsal()
    for number in range(20):
        farm.join(f"w{number}", tags=("gpu",) if number % 2 else ())
    for tags in ((), ("gpu",), ("nobody has this",)):
        fill(farm, waiting // 3, {"tags": tags})
    farm.round()
    return farm


def fill(farm: Rehearsal, count: int, requires: dict[str, Any]) -> None:
    """Fold many submissions like one; folding is how a farm is read from its log, too."""
    task_id = farm.submit(f"like {requires}", requires=requires)
    pattern = farm.streams[task_id][0]
    first = farm.farm.submitted + 1
    for seq in range(first, first + count):
        changes = {
            "originator_id": UUID(int=seq),
            "seq": seq,
            "priority": "LOW" if seq % 2 else "HIGH",
            "output": f"out:{seq}.png",
        }
        event = pattern.model_copy(update=changes)
        farm.farm.apply(event)
        farm.streams[event.originator_id] = [event]


def seconds_a_round(farm: Rehearsal) -> float:
    """Median time to complete five tasks, submit five, and place what waits."""
    times = []
    for number in range(ROUNDS):
        busy = [worker for worker in farm.farm.workers.values() if worker.task_id is not None][:5]
        commands = [
            farm.command(
                c.CompleteTask,
                task_id=worker.task_id,
                attempt=worker.attempt,
                outputs=(frame_output(None),),
            )
            for worker in busy
        ]
        spec = c.TaskSpec(task_id=named(f"new {number}"), priority="RUSH")
        commands.append(farm.command(c.SubmitTasks, tasks=(spec,)))
        begun = time.monotonic()
        results = farm.round(*commands)
        times.append(time.monotonic() - begun)
        assert all(result.ok for result in results)
    return median(times)


def test_a_round_with_100_000_waiting_tasks_costs_about_what_it_costs_with_1_000() -> None:
    few = seconds_a_round(farm_with(FEW))
    many = seconds_a_round(farm_with(MANY))

    assert many <= few * RATIO_MAX, f"{many * 1e3:.2f} ms against {few * 1e3:.2f} ms"


def seconds_a_victim(workers: int) -> float:
    """Every worker renders a LOW task that a RUSH task waits for."""
    farm = Rehearsal()
    capabilities = c.Capabilities(renderers=ANY_RENDERER, default_scene=True)
    farm.round(
        *(
            farm.command(
                c.JoinWorker, worker_id=f"w{number}", instance="i", capabilities=capabilities
            )
            for number in range(workers)
        )
    )
    for priority in ("LOW", "RUSH"):
        specs = (
            c.TaskSpec(task_id=named(f"{priority} {number}"), priority=priority)
            for number in range(workers)
        )
        assert farm.say(c.SubmitTasks, tasks=tuple(specs)).ok
    farm.later(farm.settings.preempt_after_rush_s)
    begun = time.monotonic()
    found = list(victims(farm.farm, farm.now))
    took_s = time.monotonic() - begun
    assert len(found) == workers
    return took_s / workers


def test_a_victim_among_1_000_busy_workers_costs_about_what_it_costs_among_50() -> None:
    few = min(seconds_a_victim(50) for _ in range(5))
    many = min(seconds_a_victim(1_000) for _ in range(3))

    assert many <= few * VICTIM_RATIO_MAX, f"{many * 1e6:.0f} µs against {few * 1e6:.0f} µs"
