"""What happened between two snapshots, in words. Pure.

Counters (attempts, preemptions, losses) tell of what came and went unseen between the two.
"""

from collections.abc import Iterator

from rushlight.cli.demo.snapshot import Snapshot
from rushlight.cli.words import first_line
from rushlight.messages.resources import TaskResource, WorkerResource

Line = tuple[str, str]
"""A style of rich, and what happened."""


def narrate(before: Snapshot, after: Snapshot) -> Iterator[Line]:
    """Tell what is new: of workers, then how attempts ended, then which ones began."""
    for worker in after.workers.values():
        yield from _of_worker(before.workers.get(worker.worker_id), worker, after)
    pairs = [(before.tasks.get(task.task_id, _unseen(task)), task) for task in after.tasks.values()]
    for was, task in pairs:
        yield from _ended(was, task, after)
    for was, task in pairs:
        if task.attempt > was.attempt:
            again = "" if task.attempt == 1 else f", attempt {task.attempt}{_kept(task)}"
            yield "blue", f"{task.name} ({task.priority}) renders on {task.worker_id}{again}"


def _unseen(task: TaskResource) -> TaskResource:
    """The task before anything happened to it."""
    nothing = {"status": "pending", "attempt": 0, "preemptions": 0, "losses": 0, "stop": None}
    return task.model_copy(update=nothing)


def _of_worker(
    before: WorkerResource | None, worker: WorkerResource, snapshot: Snapshot
) -> Iterator[Line]:
    name = worker.worker_id
    was = None if before is None else before.status
    here = worker.status in {"ready", "busy"}
    if worker.status == "requested" and was != "requested":
        waiting = snapshot.tasks.get(worker.requested_for) if worker.requested_for else None
        reason = "" if waiting is None else f" for {waiting.name}"
        yield "magenta", f"a new worker is asked for{reason}: {name}"
    elif worker.status == "failed" and was != "failed":
        yield "bold red", f"{name} counts as lost: {worker.reason or 'no heartbeat'}"
    elif here and before is not None and was in {"ready", "busy"}:
        if before.instance != worker.instance:
            yield "cyan", f"{name} was started anew, which proves that the old one is dead"
    elif here:
        yield "cyan", f"{name} joined the farm"


def _ended(was: TaskResource, task: TaskResource, snapshot: Snapshot) -> Iterator[Line]:
    if task.stop is not None and was.stop is None:
        yield "yellow", f"{task.name} is asked to stop{_in_favour(task, snapshot)}"
    if task.preemptions > was.preemptions:
        yield "yellow", f"{task.name} was preempted and waits again{_kept(task)}"
    if task.losses > was.losses:
        yield "bold red", f"{task.name} lost its worker and waits again{_kept(task)}"
    elif task.status == "failed" and was.status != "failed":
        yield "red", f"{task.name} failed: {first_line(task.error_message)}"
    if task.status == "completed" and was.status != "completed":
        yield "green", f"{task.name} is complete"


def _in_favour(task: TaskResource, snapshot: Snapshot) -> str:
    stop = task.stop
    other = snapshot.tasks.get(stop.for_task_id) if stop and stop.for_task_id else None
    return "" if other is None else f" in favour of {other.name} ({other.priority})"


def _kept(task: TaskResource) -> str:
    if not task.frames_rendered or task.frames_done == task.frames_total:
        return ""
    return f"; finished and kept: {task.frames_rendered}"
