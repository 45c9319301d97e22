"""When to disturb the farm, and whom. Pure; the story does the deed.

What is seen is up to a second old: reports of frames are grouped, progress comes with heartbeats.
"""

from rushlight.cli.demo.script import JOB
from rushlight.cli.demo.snapshot import Snapshot
from rushlight.messages.resources import TaskResource

# A task so far done has still enough to do to be stopped or lost before it ends.
_DONE_MAX = 0.67
_DONE_MAX_LATE = 0.8
_PATIENT_SHARE = 0.3
_HALF_WAY_SHARE = 0.5
_LATE_SHARE = 0.75


def is_rush_moment(snapshot: Snapshot, workers: int) -> bool:
    """Every worker is busy with work that a RUSH may stop, none will be free by itself soon.

    At first also: one of them has a finished frame, so that it shows that frames are kept.
    """
    running = [task for task in snapshot.rendering() if task.job_id == JOB]
    patient = _share(snapshot) < _PATIENT_SHARE
    return (
        len(running) >= workers
        and all(_done(task) <= _DONE_MAX for task in running)
        and (not patient or any(task.frames_done > 0 for task in running))
    )


def worker_to_kill(snapshot: Snapshot) -> str | None:
    """Half way, the worker that has finished some of a task's frames and has some to go.

    At its first attempt, so that the frames are its own; near the end any running task will do.
    """
    running = [task for task in snapshot.rendering() if task.job_id == JOB]
    if _share(snapshot) >= _LATE_SHARE:
        choice = [task for task in running if _done(task) <= _DONE_MAX_LATE]
    elif _share(snapshot) >= _HALF_WAY_SHARE:
        first = [task for task in running if task.attempt == 1]
        choice = [task for task in first if task.frames_done > 0 and _done(task) <= _DONE_MAX]
    else:
        choice = []
    return min(choice, key=_done).worker_id if choice else None


def _share(snapshot: Snapshot) -> float:
    """How much of the animation is done, 0 to 1."""
    return snapshot.frames_done / max(1, snapshot.frames_total)


def _done(task: TaskResource) -> float:
    """How much of the task is done, 0 to 1."""
    return max(task.frames_done / max(1, task.frames_total), task.progress or 0)
