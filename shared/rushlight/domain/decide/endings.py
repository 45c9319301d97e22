"""How an attempt ends; shared by reports, people's verbs and timed rules."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from rushlight.domain.farm import Farm
from rushlight.domain.round import Round
from rushlight.domain.task import Task
from rushlight.domain.task_events import Cancelled, Stopped, StopRequested, TimedOut
from rushlight.domain.worker import Draining, Freed, Worker

GIVEN_BACK = "given_back"
RETRY_WAIT_MAX_S = 86_400


def free(current: Round, task: Task, worker: Worker | None, *, faults: int | None = None) -> None:
    """Take the attempt from its worker.

    ``faults`` is its new count of failures in a row that are its own; None: an end that says
    nothing about the worker leaves the count.
    """
    if worker is None or worker.task_id != task.id:
        return
    faults = worker.faults if faults is None else faults
    current.worker_event(
        Freed, worker.worker_id, task_id=task.id, attempt=task.attempt, faults=faults
    )
    limit = current.farm.settings.max_worker_failures
    if faults >= limit and not worker.draining:
        current.worker_event(
            Draining, worker.worker_id, reason=f"{faults} failures in a row that are its own"
        )


def stop_attempt(current: Round, task: Task, reason: str, for_task_id: UUID | None = None) -> None:
    """Ask the attempt to stop; for a pull worker, which cannot be asked, it has stopped."""
    worker = current.farm.workers.get(task.worker_id or "")
    current.task_event(
        StopRequested,
        task.id,
        attempt=task.attempt,
        worker_id=task.worker_id,
        reason=reason,
        for_task_id=for_task_id,
    )
    if worker is None or worker.mode == "pull":
        end_stopped(current, task, ())


def end_stopped(current: Round, task: Task, outputs: Sequence[dict[str, Any]]) -> None:
    """The attempt has stopped: record it, free the worker, and finish what the stop was for."""
    worker = current.farm.workers.get(task.worker_id or "")
    reason = GIVEN_BACK if task.stop is None else task.stop["reason"]
    attempt, worker_id = task.attempt, task.worker_id
    current.task_event(
        Stopped,
        task.id,
        attempt=attempt,
        worker_id=worker_id,
        reason=reason,
        outputs=tuple(outputs),
    )
    free(current, task, worker)
    if reason == "cancelled":
        current.task_event(Cancelled, task.id)
    elif reason == "overrun":
        current.task_event(
            TimedOut,
            task.id,
            attempt=attempt,
            worker_id=worker_id,
            retry_at=retry_time(task, current.farm, current.now),
        )


def stop_wins(task: Task) -> bool:
    """A cancel or an overrun is under way: whatever ends the attempt but a completion ends it."""
    return task.stop is not None and task.stop["reason"] in ("cancelled", "overrun")


def retry_time(task: Task, farm: Farm, now: datetime) -> datetime | None:
    """When a render failure is tried again: first at once, then 60 s, 120 s, …; None: never."""
    if task.retries >= task.max_retries:
        return None
    if task.retries == 0:
        return now
    wait_s = farm.settings.retry_backoff_s * 2 ** (task.retries - 1)
    return now + timedelta(seconds=min(wait_s, RETRY_WAIT_MAX_S))
