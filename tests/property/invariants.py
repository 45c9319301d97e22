"""What must hold of a farm after each round, whatever was said."""

from collections.abc import Iterable
from typing import Any

from rushlight.domain import Farm, FarmEvent, Round
from rushlight.domain import commands as c
from rushlight.domain.base import EVENTS
from rushlight.domain.deciding import decide_one
from rushlight.domain.task import Task
from rushlight.domain.worker import Worker


def state(farm: Farm) -> dict[str, Any]:
    """All that a decision reads, in plain values."""
    return {
        "tasks": {task_id: task.row() for task_id, task in farm.tasks.items()},
        "workers": {name: worker.row() for name, worker in farm.workers.items()},
        "submitted": farm.submitted,
        **indexes(farm),
    }


def indexes(farm: Farm) -> dict[str, Any]:
    """The indexes, in plain values; the order in which workers became idle counts."""
    return {
        "waiting": {signature: list(queue) for signature, queue in farm.waiting.items()},
        "idle": {offer: sorted(names) for offer, names in farm.idle.items()},
        "ended": set(farm.ended),
        "outputs": farm.outputs,
        "jobs": {job_id: set(tasks) for job_id, tasks in farm.jobs.items()},
        "promised": farm.promised,
        "requested": farm.requested,
    }


def rebuilt(farm: Farm) -> Farm:
    """The same farm, made of its rows."""
    return Farm.of_rows(
        (task.row() for task in farm.tasks.values()),
        (worker.row() for worker in farm.workers.values()),
        farm.settings,
    )


def decide_watchfully(current: Round, commands: Iterable[c.Command]) -> None:
    """``decide_all`` with a look before and after: a refused command must not change anything."""
    for command in sorted(commands, key=c.is_timed):
        before, events = state(current.farm), len(current.events)
        result = decide_one(current, command)
        current.results.append(result)
        if not result.ok or result.code == "unchanged":
            assert len(current.events) == events, (command, result)
            assert state(current.farm) == before, (command, result)
    current.place()


def check(farm: Farm) -> None:
    """Raise AssertionError for the first thing that does not hold."""
    for worker in farm.workers.values():
        _check_worker(farm, worker)
    for task in farm.tasks.values():
        _check_task(farm, task)
    assert indexes(farm) == indexes(rebuilt(farm))


def _check_worker(farm: Farm, worker: Worker) -> None:
    assert (worker.task_id is None) is (worker.attempt is None)
    if worker.task_id is not None:
        task = farm.tasks[worker.task_id]
        assert worker.here, worker.row()
        held = (task.status, task.worker_id, task.attempt, task.instance)
        assert held == ("rendering", worker.worker_id, worker.attempt, worker.instance)
    assert Worker.load(worker.row()).row() == worker.row()


def _check_task(farm: Farm, task: Task) -> None:
    assert task.retries <= task.max_retries
    assert task.losses <= farm.settings.max_losses
    assert set(task.rendered) <= set(task.wanted())
    assert (task.status == "rendering") or task.stop is None
    assert (task.completed_at is not None) is task.ended
    assert task.retry_at is None or task.status == "failed"
    if task.status == "rendering":
        assert farm.workers[task.worker_id or ""].task_id == task.id
    elif task.status != "completed":
        assert task.worker_id is None
    assert Task.load(task.row()).row() == task.row()


def through_bytes(events: Iterable[FarmEvent]) -> list[FarmEvent]:
    """The events as the log gives them back."""
    return [
        EVENTS[event.TOPIC].decode(event.originator_id, event.originator_version, event.encode())
        for event in events
    ]
