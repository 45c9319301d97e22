"""What reapers send: each is folded only if the same rule still says so on this state."""

from rushlight.domain import commands as c
from rushlight.domain import due
from rushlight.domain.base import NEVER
from rushlight.domain.decide.endings import end_stopped, free, stop_attempt, stop_wins
from rushlight.domain.round import Result, Round
from rushlight.domain.task_events import Failed, Lost
from rushlight.domain.worker import Claimed, Requested, Worker, WorkerLost
from rushlight.errors import NotDue


def timeout_worker(current: Round, command: c.TimeoutWorker) -> Result:
    """A condemned instance is lost with its attempt, or a requested worker never joined.

    That an instance was condemned is decided in the table of heartbeats, once and for all; so the
    message is right however late it comes, as long as that instance is the current one.

    Raises:
        NotDue: another instance is there, or it has gone, or was heard of since.
    """
    farm = current.farm
    worker = farm.workers.get(command.worker_id)
    if worker is None:
        raise NotDue(f"there is no worker {command.worker_id}")
    if worker.presence == "requested":
        if not due.never_joined(worker, farm, current.now):
            raise NotDue(f"worker {command.worker_id} still has time to join")
        limit = farm.settings.provision_timeout_s
        return _lose(current, command, worker, f"Not joined within {limit:g} s")
    if not worker.here or worker.instance != command.instance:
        raise NotDue(f"that instance of worker {command.worker_id} is not there any more")
    heard = command.last_heartbeat or NEVER
    if not due.silent(worker, heard, farm, current.now):
        raise NotDue(f"worker {command.worker_id} was heard of since")
    return _lose(current, command, worker, "Worker timeout")


def _lose(current: Round, command: c.TimeoutWorker, worker: Worker, reason: str) -> Result:
    current.worker_event(
        WorkerLost,
        worker.worker_id,
        instance=command.instance,
        reason=reason,
        last_heartbeat=command.last_heartbeat,
        sequence=command.sequence,
    )
    lose_attempt(current, worker, reason)
    return Result(command)


def lose_attempt(current: Round, worker: Worker, reason: str) -> None:
    """The attempt of a dead worker is lost; a stop that was under way has its way."""
    if worker.task_id is None:
        return
    task = current.farm.tasks[worker.task_id]
    if stop_wins(task):
        end_stopped(current, task, ())
        return
    current.task_event(
        Lost,
        task.id,
        attempt=task.attempt,
        worker_id=worker.worker_id,
        reason=reason,
        retry_at=current.now,
    )
    free(current, task, worker)


def timeout_task(current: Round, command: c.TimeoutTask) -> Result:
    """An attempt that has rendered for longer than it may is stopped."""
    task = current.farm.tasks.get(command.task_id)
    if (
        task is None
        or task.attempt != command.attempt
        or not due.overrun(task, current.farm, current.now)
    ):
        raise NotDue(f"attempt {command.attempt} of task {command.task_id} may go on")
    stop_attempt(current, task, "overrun")
    return Result(command, task_ids=(task.id,))


def preempt_task(current: Round, command: c.PreemptTask) -> Result:
    """A rendering task stops for a waiting one of higher priority."""
    farm = current.farm
    victim = farm.tasks.get(command.task_id)
    waiting = farm.tasks.get(command.for_task_id)
    if (
        victim is None
        or waiting is None
        or victim.attempt != command.attempt
        or not due.preemption_due(waiting, victim, farm, current.now)
    ):
        raise NotDue(f"task {command.task_id} need not stop for {command.for_task_id}")
    stop_attempt(current, victim, "preempted", waiting.id)
    return Result(command, task_ids=(victim.id, waiting.id))


def fail_task(current: Round, command: c.FailTask) -> Result:
    """A task that has lost too many workers fails for good."""
    task = current.farm.tasks.get(command.task_id)
    if (
        task is None
        or task.attempt != command.attempt
        or not due.losses_exhausted(task, current.farm)
    ):
        raise NotDue(f"task {command.task_id} has not lost too many workers")
    current.task_event(
        Failed,
        task.id,
        attempt=task.attempt,
        worker_id=None,
        reason=f"Lost {task.losses} workers",
        fault="losses",
        outputs=(),
        retry_at=None,
    )
    return Result(command, task_ids=(task.id,))


def request_worker(current: Round, command: c.RequestWorker) -> Result:
    """A new worker for a waiting task, within the cap."""
    farm = current.farm
    task = farm.tasks.get(command.task_id)
    worker = farm.workers.get(command.worker_id)
    if (
        task is None
        or command.worker_id in task.avoided_names
        or (worker is not None and worker.presence in ("here", "requested"))
        or due.provisioned(farm) >= farm.settings.provisioned_workers_max
        or due.provisioner_rests(farm, current.now)
        or not due.worker_needed(task, farm)
    ):
        raise NotDue(f"no new worker is needed for task {command.task_id}")
    current.worker_event(Requested, command.worker_id, for_task_id=task.id)
    return Result(command, task_ids=(task.id,))


def claim_worker(current: Round, command: c.ClaimWorker) -> Result:
    """One provisioner starts a requested worker, no other."""
    worker = current.farm.workers.get(command.worker_id)
    if worker is None or worker.presence != "requested" or worker.claimed_by is not None:
        raise NotDue(f"worker {command.worker_id} is not there to be claimed")
    current.worker_event(Claimed, worker.worker_id, provisioner=command.provisioner)
    return Result(command)
