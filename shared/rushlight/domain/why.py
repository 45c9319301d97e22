"""Why a task waits, or a worker idles: the scheduler's own predicate, counted per reason."""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from rushlight.domain.due import offered_by_provisioner, provisioned
from rushlight.domain.farm import Farm
from rushlight.domain.matching import offer_of
from rushlight.domain.placement import helped_by_idle
from rushlight.domain.task import Task
from rushlight.domain.worker import Worker
from rushlight.settings import FarmSettings

Row = Mapping[str, Any]
Why = dict[str, Any]

DETAILS_MAX = 200
NEEDS_WORKER = ("pending", "paused", "failed")

WORDS = {
    "busy": "busy",
    "draining": "draining",
    "gone": "offline or failed",
    "requested": "requested, not joined yet",
    "no_renderer": "without its renderer",
    "renderer_version": "with another version of its renderer",
    "memory": "with too little memory",
    "tags": "without its tags",
    "avoided": "avoided, as it failed there",
    "not_asking": "that have to ask for work",
    "free": "free",
}


def why_task(
    task_row: Row,
    worker_rows: Iterable[Row],
    settings: FarmSettings,
    now: datetime,
    tasks: Iterable[Row] = (),
) -> Why:
    """Why the task is where it is: ``{summary, status, reasons, details}``.

    ``reasons`` counts all workers, each once, by the first thing that stands against it; none where
    no worker is looked for. ``tasks`` are the live ones, to say who is ahead.
    """
    task = Task.load(dict(task_row))
    farm = Farm.of_rows(map(dict, tasks), map(dict, worker_rows), settings)
    if task.id not in farm.tasks:
        farm.admit(task)
    looked_at = farm.workers if task.status in NEEDS_WORKER else {}
    verdicts = {name: _verdict(farm, worker, task) for name, worker in looked_at.items()}
    reasons = dict(Counter(verdicts.values()))
    details = [
        {
            "workerId": name,
            "reason": verdict,
            "taskId": _text(farm.workers[name].task_id),
        }
        for name, verdict in list(verdicts.items())[:DETAILS_MAX]
    ]
    summary = _summary(task, farm, reasons, now)
    return {"summary": summary, "status": task.status, "reasons": reasons, "details": details}


def _verdict(farm: Farm, worker: Worker, task: Task) -> str:
    if not worker.here:
        return "requested" if worker.presence == "requested" else "gone"
    against = farm.misfit(task.signature, offer_of(worker))
    if against is not None:
        return against
    if worker.running in task.avoid:
        return "avoided"
    if worker.draining:
        return "draining"
    if worker.task_id is not None:
        return "busy"
    return "not_asking" if worker.mode == "pull" else "free"


def _reason(task: Task) -> str:
    """The first line of the error; what follows is the end of the renderer's log."""
    return (task.error_message or "").strip().partition("\n")[0]


def _summary(task: Task, farm: Farm, reasons: dict[str, int], now: datetime) -> str:
    if task.status == "rendering":
        stop = "" if task.stop is None else f", and shall stop: {task.stop['reason']}"
        return f"Worker {task.worker_id} renders it, as attempt {task.attempt}{stop}."
    if task.status == "failed" and task.retry_at is not None:
        return (
            f"It failed ({_reason(task)}) and is tried again at the first sweep after"
            f" {task.retry_at.isoformat(timespec='seconds')}."
        )
    if task.status == "failed":
        return f"It failed for good: {_reason(task)}. `retry` tries it again."
    if task.status == "paused":
        return "It is paused: `resume` lets it wait again."
    if task.status != "pending":
        return f"It is {task.status}: nothing is left to do."
    return _why_waiting(task, farm, reasons, now)


def _why_waiting(task: Task, farm: Farm, reasons: dict[str, int], now: datetime) -> str:
    parts = [f"It waits, {task.priority}, for {_seconds(now, task.created_at)}."]
    counted = [f"{count} {WORDS[reason]}" for reason, count in sorted(reasons.items())]
    total = sum(reasons.values())
    parts.append(
        f"Of {total} worker{'s' if total != 1 else ''}: {', '.join(counted)}."
        if total
        else "There is no worker."
    )
    ahead = sum(
        queue.bisect_left((task.rank, task.seq, task.id))
        for signature, queue in farm.waiting.items()
        if signature[0] == task.renderer
    )
    if ahead:
        parts.append(f"{ahead} waiting task{'s are' if ahead > 1 else ' is'} ahead of it.")
    if task.id in farm.promised:
        parts.append(f"Task {farm.promised[task.id]} is stopping for it.")
    elif task.id not in helped_by_idle(farm):
        parts.append(_new_worker(task, farm))
    return " ".join(parts)


def _new_worker(task: Task, farm: Farm) -> str:
    if task.id in farm.requested:
        return f"A new worker, {farm.requested[task.id]}, was requested for it."
    room = farm.settings.provisioned_workers_max
    if room == 0:
        return "No new workers are started here (provisioned_workers_max is 0)."
    if not offered_by_provisioner(task, farm):
        return "New workers would not have its renderer."
    if provisioned(farm) >= room:
        return f"No more workers are started: provisioned_workers_max is {room}."
    return "A preemption or a new worker is looked at with the next sweep."


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _seconds(now: datetime, then: datetime) -> str:
    return f"{max(0, round((now - then).total_seconds()))} s"


def why_worker(
    worker_row: Row,
    settings: FarmSettings,
    tasks: Iterable[Row],
) -> Why:
    """Why the worker does what it does; ``tasks`` are the live ones, counted by what bars each."""
    farm = Farm.of_rows(map(dict, tasks), [dict(worker_row)], settings)
    worker = next(iter(farm.workers.values()))
    waiting = [task for task in farm.tasks.values() if task.status == "pending"]
    verdicts = {task.id: _verdict(farm, worker, task) for task in waiting}
    reasons = dict(Counter(verdicts.values()))
    details = [
        {"taskId": str(task_id), "reason": verdict}
        for task_id, verdict in list(verdicts.items())[:DETAILS_MAX]
    ]
    summary = _worker_summary(worker, len(waiting), reasons)
    return {"summary": summary, "status": worker.status, "reasons": reasons, "details": details}


def _worker_summary(worker: Worker, waiting: int, reasons: dict[str, int]) -> str:
    if not worker.here:
        return f"It is {worker.status}: {worker.reason or 'not joined yet'}."
    if worker.task_id is not None:
        return f"It renders task {worker.task_id}, attempt {worker.attempt}."
    if worker.draining:
        return f"It is draining ({worker.reason}): `worker undrain` gives it work again."
    if not waiting:
        return "No task waits."
    fitting = reasons.get("free", 0) + reasons.get("not_asking", 0)
    if worker.mode == "pull" and fitting:
        return f"{fitting} of {waiting} waiting tasks fit it; it has to ask for one."
    return f"{fitting} of {waiting} waiting tasks fit it."
