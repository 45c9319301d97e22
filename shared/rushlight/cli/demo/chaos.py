"""When to disturb the farm, and whom. Pure; the story does the deed."""

from rushlight.cli.demo.script import JOB
from rushlight.cli.demo.snapshot import Snapshot
from rushlight.messages.resources import TaskResource

_EARLY = 0.5
_LATE_SHARE = 0.75


def is_rush_moment(snapshot: Snapshot, workers: int) -> bool:
    """Every worker is busy with work that a RUSH may stop, none will be free by itself soon.

    One of them has a finished frame, so that it shows that frames are kept.
    """
    running = [task for task in snapshot.rendering() if task.job_id == JOB]
    return (
        len(running) >= workers
        and all(_done(task) <= _EARLY for task in running)
        and any(task.frames_done > 0 for task in running)
    )


def worker_to_kill(snapshot: Snapshot) -> str | None:
    """Half way, the worker that has finished some of a task's frames and has some to go.

    At its first attempt, so that the frames are its own; near the end any running task will do.
    """
    share = snapshot.frames_done / max(1, snapshot.frames_total)
    if share < _EARLY:
        return None
    running = [task for task in snapshot.rendering() if task.job_id == JOB]
    with_kept = [task for task in running if task.frames_done > 0 and task.attempt == 1]
    choice = with_kept or (running if share >= _LATE_SHARE else [])
    early = [task for task in choice if _done(task) <= _EARLY]
    return min(early, key=_done).worker_id if early else None


def _done(task: TaskResource) -> float:
    """How much of the task is done, 0 to 1."""
    return max(task.frames_done / max(1, task.frames_total), task.progress or 0)
