"""What is due: the timed rules, as questions about the farm and the time.

Reapers ask them of the views and send what is due; the dispatcher asks again of its own state
before it folds one. So a doubled or late message changes nothing. The numbers are settings
(``preempt_after_*_s``, ``lost_after_s``, …); the rules are those of the original, corrected.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from rushlight.domain.farm import Farm
from rushlight.domain.placement import helped_by_idle
from rushlight.domain.task import Task
from rushlight.domain.worker import Worker

LOW = 3
PROVISION_BACKOFF_S = 60
PROVISION_BACKOFF_MAX_S = 3600


@dataclass(frozen=True, slots=True)
class Victim:
    """A rendering task that should stop for a waiting one."""

    task_id: UUID
    attempt: int
    for_task_id: UUID


def retry_due(task: Task, farm: Farm, now: datetime) -> bool:
    """A failed task whose time has come, and which has not lost too many workers."""
    return (
        task.status == "failed"
        and task.retry_at is not None
        and task.retry_at <= now
        and not losses_exhausted(task, farm)
    )


def losses_exhausted(task: Task, farm: Farm) -> bool:
    """A failed task that has lost as many workers as it may."""
    return (
        task.status == "failed"
        and task.failure == "lost"
        and task.retry_at is not None
        and task.losses >= farm.settings.max_losses
    )


def overrun(task: Task, farm: Farm, now: datetime) -> bool:
    """A rendering task that has used up its time and was not stopped yet."""
    limit = farm.settings.max_render_s if task.max_render_s is None else task.max_render_s
    return (
        task.status == "rendering"
        and task.stop is None
        and limit is not None
        and task.started_at is not None
        and now - task.started_at >= timedelta(seconds=limit)
    )


def never_joined(worker: Worker, farm: Farm, now: datetime) -> bool:
    """A requested worker that should have joined by now."""
    return (
        worker.presence == "requested"
        and worker.requested_at is not None
        and now - worker.requested_at >= timedelta(seconds=farm.settings.provision_timeout_s)
    )


def silent(worker: Worker, last_heartbeat: datetime, farm: Farm, now: datetime) -> bool:
    """A worker not heard of for too long; a pull worker cannot fence itself and gets longer."""
    settings = farm.settings
    limit = settings.lost_after_pull_s if worker.mode == "pull" else settings.lost_after_s
    return worker.here and now - max(last_heartbeat, worker.joined_at) >= timedelta(seconds=limit)


def stop_unanswered(task: Task, farm: Farm, now: datetime) -> bool:
    """A stop that the worker should have answered by now."""
    return (
        task.status == "rendering"
        and task.stop is not None
        and now - task.stop["requested_at"] >= timedelta(seconds=farm.settings.stop_timeout_s)
    )


def waiting_in_order(farm: Farm) -> Iterator[Task]:
    """All waiting tasks: higher priority first, then older."""
    entries = sorted(entry for queue in farm.waiting.values() for entry in queue)
    for _, _, task_id in entries:
        yield farm.tasks[task_id]


def may_be_victim(victim: Task, worker: Worker, waiting: Task, farm: Farm) -> bool:
    """Whether stopping the victim would help the waiting task, whatever the time."""
    return (
        victim.status == "rendering"
        and victim.stop is None
        and victim.rank > waiting.rank
        and not worker.draining
        and (victim.preemptions < farm.settings.max_preemptions or waiting.rank == 0)
        and farm.can_run(worker, waiting)
    )


def victim_due(victim: Task, worker: Worker, waiting: Task, farm: Farm, now: datetime) -> bool:
    """Whether the victim has had the time that the waiting task's priority allows it."""
    allowance = farm.settings.preempt_after_s(waiting.rank)
    return (
        allowance is not None
        and victim.started_at is not None
        and now - victim.started_at >= timedelta(seconds=allowance)
        and may_be_victim(victim, worker, waiting, farm)
    )


def preemption_due(waiting: Task, victim: Task, farm: Farm, now: datetime) -> bool:
    """The whole rule for one pair, as the dispatcher asks it before it folds."""
    worker = farm.workers.get(victim.worker_id or "")
    return (
        worker is not None
        and waiting.status == "pending"
        and waiting.id not in farm.promised
        and waiting.id not in helped_by_idle(farm)
        and victim_due(victim, worker, waiting, farm, now)
    )


def victims(farm: Farm, now: datetime) -> Iterator[Victim]:
    """One victim for each waiting task that a preemption helps, each victim once.

    Of several the lowest priority first, then the one that loses least: least time since its last
    finished frame.
    """
    hopeless: set[object] = set()
    helped = helped_by_idle(farm)
    # Best first and looked at from there, so that many victims do not each go through them all.
    busy = sorted(_busy(farm), key=lambda pair: _preference(pair[0], now))
    for waiting in waiting_in_order(farm):
        allowance = farm.settings.preempt_after_s(waiting.rank)
        key = (waiting.rank, waiting.signature)
        if allowance is None:
            return
        if key in hopeless or waiting.id in farm.promised or waiting.id in helped:
            continue
        places = (
            place
            for place, (victim, worker) in enumerate(busy)
            if victim_due(victim, worker, waiting, farm, now)
        )
        best = next(places, None)
        if best is None:
            hopeless.add(key)
            continue
        victim, _ = busy.pop(best)
        yield Victim(victim.id, victim.attempt, waiting.id)


def _busy(farm: Farm) -> Iterator[tuple[Task, Worker]]:
    for worker in farm.workers.values():
        task = None if worker.task_id is None else farm.tasks.get(worker.task_id)
        if task is not None:
            yield task, worker


def _preference(victim: Task, now: datetime) -> tuple[int, float, int]:
    return -victim.rank, _lost_work_s(victim, now), victim.seq


def _lost_work_s(task: Task, now: datetime) -> float:
    return (now - (task.progressed_at or now)).total_seconds()


def provisioned(farm: Farm) -> int:
    """Workers that the provisioner has, or was asked for."""
    return sum(
        worker.provisioned and worker.presence in ("here", "requested")
        for worker in farm.workers.values()
    )


def offered_by_provisioner(task: Task, farm: Farm) -> bool:
    """Whether a new worker would have what the task needs, as far as the settings say."""
    if task.renderer is None:
        return farm.settings.provisioned_default_scene or not farm.settings.provisioned_renderers
    return task.renderer in farm.settings.provisioned_renderers


def provisioner_rests(farm: Farm, now: datetime) -> bool:
    """After a requested worker did not come, the next is asked for later, and ever later.

    Each name counts its own failures in a row, as one outage takes all that were asked for at once.
    """
    failed = [
        (worker.requested_at, worker.never_joined)
        for worker in farm.workers.values()
        if worker.never_joined and worker.presence == "failed" and worker.requested_at is not None
    ]
    if not failed:
        return False
    last, failures = max(failed)
    wait_s = min(PROVISION_BACKOFF_MAX_S, PROVISION_BACKOFF_S * 2 ** (failures - 1))
    return now - last < timedelta(seconds=farm.settings.provision_timeout_s + wait_s)


def worker_needed(task: Task, farm: Farm) -> bool:
    """A waiting task that no idle worker and no preemption, now or later, would help."""
    return (
        task.status == "pending"
        and task.id not in farm.requested
        and task.id not in farm.promised
        and task.id not in helped_by_idle(farm)
        and _no_worker_would_do(task, farm)
    )


def _no_worker_would_do(task: Task, farm: Farm) -> bool:
    """Neither preemption nor waiting for it helps, and a new worker would; same for alike tasks."""
    return offered_by_provisioner(task, farm) and not any(
        may_be_victim(farm.tasks[worker.task_id], worker, task, farm)
        for worker in farm.workers.values()
        if worker.task_id is not None and worker.task_id in farm.tasks and task.rank < LOW
    )


def workers_needed(farm: Farm, now: datetime) -> Iterator[UUID]:
    """Waiting tasks that should get a new worker, best first, within the cap."""
    room = farm.settings.provisioned_workers_max - provisioned(farm)
    if room <= 0 or provisioner_rests(farm, now):
        return
    helped = helped_by_idle(farm)
    needed: dict[object, bool] = {}
    for task in waiting_in_order(farm):
        if task.id in helped or task.id in farm.requested or task.id in farm.promised:
            continue
        key = (task.rank, task.signature)
        if key not in needed:
            needed[key] = _no_worker_would_do(task, farm)
        if needed[key]:
            yield task.id
            room -= 1
            if room == 0:
                return
