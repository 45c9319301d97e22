"""What a decision costs must not grow with the number of tasks that wait."""

import time
from statistics import median
from typing import Any
from uuid import UUID

from tests.rehearsal import Rehearsal, frame_output, named

from rushlight.domain import commands as c

FEW, MANY = 1_000, 100_000
ROUNDS = 60
RATIO_MAX = 3.0  # generous, as machines are shared; measured here: 1.0 to 1.5


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
