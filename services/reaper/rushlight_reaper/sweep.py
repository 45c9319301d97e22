"""What one look at the farm finds due. Pure: views and heartbeats in, messages out."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import uuid4

from rushlight.domain import Farm, due
from rushlight.domain.base import NEVER
from rushlight.domain.worker import Worker
from rushlight.messages import commands as c

REAPER = "reaper"


@dataclass(frozen=True, slots=True)
class Pulse:
    """When a worker's current instance was last heard; silence counts while a reaper listens."""

    instance: str | None
    sequence: int
    seen_at: datetime
    condemned: bool


def overdue(
    farm: Farm,
    pulses: Mapping[str, Pulse],
    now: datetime,
    listening_since: datetime = NEVER,
) -> list[Worker]:
    """Push workers whose instance should be condemned: silent too long, or a stop unanswered."""
    # An answer could only come while somebody listened.
    listened = now - listening_since >= timedelta(seconds=farm.settings.stop_timeout_s)
    stuck = {
        task.worker_id
        for task in farm.tasks.values()
        if listened and due.stop_unanswered(task, farm, now)
    }
    return [
        worker
        for worker in farm.workers.values()
        if worker.here
        and worker.mode == "push"
        and (pulse := pulses.get(worker.worker_id)) is not None
        and pulse.instance == worker.instance
        and not pulse.condemned
        and (worker.worker_id in stuck or due.silent(worker, pulse.seen_at, farm, now))
    ]


def due_messages(
    farm: Farm, pulses: Mapping[str, Pulse], now: datetime, free_ids: Iterable[str]
) -> list[c.Command]:
    """All that is due now; ``free_ids`` are names for new workers."""
    return [
        *_lost_workers(farm, pulses, now),
        *_failed_tasks(farm, now),
        *_overruns(farm, now),
        *_preemptions(farm, now),
        *_requests(farm, now, free_ids),
    ]


def _lost_workers(farm: Farm, pulses: Mapping[str, Pulse], now: datetime) -> Iterator[c.Command]:
    for worker in farm.workers.values():
        if due.never_joined(worker, farm, now):
            yield c.TimeoutWorker(command_id=uuid4(), principal=REAPER, worker_id=worker.worker_id)
            continue
        pulse = pulses.get(worker.worker_id)
        if pulse is None or pulse.instance != worker.instance:
            continue
        proven = pulse.condemned or worker.mode == "pull"
        if proven and due.silent(worker, pulse.seen_at, farm, now):
            yield c.TimeoutWorker(
                command_id=uuid4(),
                principal=REAPER,
                worker_id=worker.worker_id,
                instance=worker.instance,
                last_heartbeat=pulse.seen_at,
                sequence=pulse.sequence,
            )


def _failed_tasks(farm: Farm, now: datetime) -> Iterator[c.Command]:
    for task in sorted(farm.tasks.values(), key=lambda task: task.seq):
        kind: type[c.FailTask] | type[c.RetryTask]
        if due.losses_exhausted(task, farm):
            kind = c.FailTask
        elif due.retry_due(task, farm, now):
            kind = c.RetryTask
        else:
            continue
        yield kind(command_id=uuid4(), principal=REAPER, task_id=task.id, attempt=task.attempt)


def _overruns(farm: Farm, now: datetime) -> Iterator[c.Command]:
    for task in farm.tasks.values():
        if due.overrun(task, farm, now):
            yield c.TimeoutTask(
                command_id=uuid4(), principal=REAPER, task_id=task.id, attempt=task.attempt
            )


def _preemptions(farm: Farm, now: datetime) -> Iterator[c.Command]:
    for victim in due.victims(farm, now):
        yield c.PreemptTask(
            command_id=uuid4(),
            principal=REAPER,
            task_id=victim.task_id,
            attempt=victim.attempt,
            for_task_id=victim.for_task_id,
        )


def _requests(farm: Farm, now: datetime, free_ids: Iterable[str]) -> Iterator[c.Command]:
    names = list(free_ids)
    for task_id in due.workers_needed(farm, now):
        # A worker that the task avoids would not help it, though it came back.
        avoid = farm.tasks[task_id].avoided_names
        worker_id = next((name for name in names if name not in avoid), None)
        if worker_id is None:
            continue
        names.remove(worker_id)
        yield c.RequestWorker(
            command_id=uuid4(), principal=REAPER, worker_id=worker_id, task_id=task_id
        )
