"""Starting from a checkpoint gives the farm that the whole log gives."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from rushlight.domain import Farm
from rushlight.eventlog.audit import verify_log
from rushlight.eventlog.log import FarmLog
from rushlight.messages import commands as c
from rushlight.settings import FarmSettings
from rushlight.testing import START, ManualClock
from rushlight_dispatcher.writer import Writer

PRIORITIES: tuple[c.Priority, ...] = ("RUSH", "HIGH", "MEDIUM", "LOW")
SETTINGS = FarmSettings(provisioned_workers_max=3, max_retries=2)


@pytest.fixture
def log(tmp_path: Path) -> Iterator[FarmLog]:
    """An open, empty log."""
    with FarmLog.open(tmp_path / "farm", clock=ManualClock()) as opened:
        yield opened


def writer(log: FarmLog) -> Writer:
    """A dispatcher's writer, as after a start."""
    return Writer(log, "test", SETTINGS)


def busy_rounds(one: Writer, rounds: int) -> None:
    """Rounds in which tasks come, are rendered by pull workers, fail and end."""
    for number in range(rounds):
        now = START + timedelta(seconds=number + one.farm.term.rounds)
        one.write([*_new_work(number), *_reports(one.farm)], now)


def _new_work(number: int) -> Iterator[c.Command]:
    priority: c.Priority = PRIORITIES[number % 4]
    task = c.NewTask(task_id=uuid4(), priority=priority, frames="1-3", job_id=f"j{number % 3}")
    yield c.SubmitTasks(command_id=uuid4(), tasks=(task,))
    worker_id = f"w{number % 5}"
    yield c.SetWorkerStatus(command_id=uuid4(), worker_id=worker_id, status="busy")
    if number % 3:
        yield c.RequestTask(command_id=uuid4(), worker_id=worker_id)


def _reports(farm: Farm) -> Iterator[c.Command]:
    for task in list(farm.tasks.values()):
        if task.status == "rendering" and task.seq % 2:
            yield c.CompleteTask(command_id=uuid4(), task_id=task.id, attempt=task.attempt)
        elif task.status == "rendering" and task.seq % 3:
            yield c.FailAttempt(
                command_id=uuid4(), task_id=task.id, attempt=task.attempt, reason="no luck"
            )


def seen(farm: Farm) -> dict[str, Any]:
    """All that decisions read."""
    return {
        "tasks": {task_id: task.row() for task_id, task in farm.tasks.items()},
        "workers": {worker_id: worker.row() for worker_id, worker in farm.workers.items()},
        "waiting": {key: list(queue) for key, queue in farm.waiting.items()},
        "idle": {offer: list(workers) for offer, workers in farm.idle.items()},
        "outputs": farm.outputs,
        "jobs": {job: set(tasks) for job, tasks in farm.jobs.items()},
        "promised": farm.promised,
        "requested": farm.requested,
        "submitted": farm.submitted,
        "settings": farm.settings,
        "term": (farm.term.version, farm.term.rounds, farm.term.digest, farm.term.now),
    }


def test_a_start_from_a_checkpoint_and_the_tail_equals_a_start_from_the_log(log: FarmLog) -> None:
    first = writer(log)
    busy_rounds(first, 40)
    first.save_checkpoint()
    busy_rounds(first, 15)
    loaded = log.checkpoints.load()
    assert loaded is not None
    from_checkpoint = writer(log)
    log.checkpoints.save(loaded[0], {**loaded[1], "format": 0})
    from_log = writer(log)
    assert seen(from_checkpoint.farm) == seen(from_log.farm) == seen(first.farm)


def test_the_rounds_after_it_are_the_same_too(log: FarmLog) -> None:
    first = writer(log)
    busy_rounds(first, 30)
    first.save_checkpoint()
    second = writer(log)
    busy_rounds(second, 30)
    assert verify_log(log).differences == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"format": 99},
        {"events": ["rushlight.task.submitted 7"]},
        {"term": {"version": 3, "digest": "0" * 64}},
    ],
)
def test_a_checkpoint_that_does_not_fit_the_log_is_not_used(
    log: FarmLog, wrong: dict[str, Any]
) -> None:
    first = writer(log)
    busy_rounds(first, 20)
    first.save_checkpoint()
    loaded = log.checkpoints.load()
    assert loaded is not None
    log.checkpoints.save(loaded[0], {**loaded[1], "tasks": [], "workers": [], **wrong})
    assert seen(writer(log).farm) == seen(first.farm)


def test_a_checkpoint_at_a_position_that_is_no_rounds_end_is_not_used(log: FarmLog) -> None:
    first = writer(log)
    busy_rounds(first, 20)
    first.save_checkpoint()
    loaded = log.checkpoints.load()
    assert loaded is not None
    log.checkpoints.save(loaded[0] - 1, loaded[1])
    assert seen(writer(log).farm) == seen(first.farm)


def test_it_is_used(log: FarmLog) -> None:
    first = writer(log)
    busy_rounds(first, 20)
    first.save_checkpoint()
    loaded = log.checkpoints.load()
    assert loaded is not None
    extra = {**loaded[1]["tasks"][0], "name": "only in the checkpoint"}
    log.checkpoints.save(loaded[0], {**loaded[1], "tasks": [extra, *loaded[1]["tasks"][1:]]})
    task = writer(log).farm.tasks[UUID(extra["task_id"])]
    assert task.name == "only in the checkpoint"
