"""What happened between two snapshots, in words. Pure.

Counters (attempts, preemptions, losses) tell of what came and went unseen between the two.
"""

from collections.abc import Iterator

from rushlight.cli.demo.snapshot import Snapshot
from rushlight.messages.resources import TaskResource, WorkerResource

Line = tuple[str, str]
"""A style of rich, and what happened."""


def narrate(before: Snapshot, after: Snapshot) -> Iterator[Line]:
    """Tell what is new, workers first."""
    for worker in after.workers.values():
        yield from _of_worker(before.workers.get(worker.worker_id), worker, after)
    for task in after.tasks.values():
        yield from _of_task(before.tasks.get(task.task_id), task, after)


def _of_worker(
    before: WorkerResource | None, worker: WorkerResource, snapshot: Snapshot
) -> Iterator[Line]:
    name = worker.worker_id
    was = None if before is None else before.status
    if worker.status == was:
        return
    if worker.status == "requested":
        waiting = snapshot.tasks.get(worker.requested_for) if worker.requested_for else None
        reason = "" if waiting is None else f" for {waiting.name}"
        yield "magenta", f"a new worker is asked for{reason}: {name}"
    elif worker.status in {"ready", "busy"} and was in {None, "requested", "offline", "failed"}:
        yield "cyan", f"{name} joined the farm"
    elif worker.status == "failed":
        yield "bold red", f"{name} counts as lost: {worker.reason or 'no heartbeat'}"


def _of_task(before: TaskResource | None, task: TaskResource, snapshot: Snapshot) -> Iterator[Line]:
    attempts, preemptions, losses = (
        (0, 0, 0) if before is None else (before.attempt, before.preemptions, before.losses)
    )
    if task.stop is not None and (before is None or before.stop is None):
        yield "yellow", f"{task.name} is asked to stop{_in_favour(task, snapshot)}"
    if task.preemptions > preemptions:
        yield "yellow", f"{task.name} was preempted and waits again{_kept(task)}"
    if task.losses > losses:
        yield "bold red", f"{task.name} lost its worker{_kept(task)}"
    if task.attempt > attempts:
        again = "" if task.attempt == 1 else f", attempt {task.attempt}{_kept(task)}"
        yield "blue", f"{task.name} ({task.priority}) renders on {task.worker_id}{again}"
    if task.status == "completed" and (before is None or before.status != "completed"):
        yield "green", f"{task.name} is complete"
    elif task.status == "failed" and (before is None or before.status != "failed"):
        yield "red", f"{task.name} failed: {(task.error_message or '').splitlines()[:1]}"


def _in_favour(task: TaskResource, snapshot: Snapshot) -> str:
    stop = task.stop
    other = snapshot.tasks.get(stop.for_task_id) if stop and stop.for_task_id else None
    return "" if other is None else f" in favour of {other.name} ({other.priority})"


def _kept(task: TaskResource) -> str:
    if not task.frames_rendered or task.frames_done == task.frames_total:
        return ""
    return f"; finished and kept: {task.frames_rendered}"
