"""What workers say of attempts.

Every report names (task, attempt); one that speaks for an attempt that is not the current one is
stale and changes nothing. A report without an attempt means the current one, for pull workers only.
"""

from math import fsum
from typing import Any

from rushlight.domain import commands as c
from rushlight.domain.decide.endings import end_stopped, free, retry_time, stop_wins
from rushlight.domain.decide.tasks import find, unchanged
from rushlight.domain.frames import format_frames
from rushlight.domain.round import Result, Round
from rushlight.domain.task import Task
from rushlight.domain.task_events import Completed, Failed, FramesRendered
from rushlight.domain.worker import Draining, Worker
from rushlight.errors import (
    IllegalTransition,
    InvalidRequest,
    NotFound,
    StaleReport,
    WorkerNotReady,
    WrongWorker,
)

WHAT_TO_DO = "; start the worker again, or undrain it"


def current_attempt(current: Round, command: c.Report) -> tuple[Task, Worker]:
    """The attempt that a report speaks for.

    Raises:
        IllegalTransition: the task does not render, and the report names no attempt.
        StaleReport: it speaks for an attempt or instance that is not the current one.
        WrongWorker: another worker holds the attempt.
        InvalidRequest: a push worker's report without an attempt.
    """
    task = find(current, command)
    if command.attempt is not None and command.attempt != task.attempt:
        raise StaleReport(
            f"attempt {command.attempt} of task {task.id} is not the current one: {task.attempt} is"
        )
    if task.status != "rendering":
        text = f"task {task.id} is {task.status}, not rendering"
        raise IllegalTransition(text) if command.attempt is None else StaleReport(text)
    if command.worker_id is not None and command.worker_id != task.worker_id:
        raise WrongWorker(
            f"worker {task.worker_id} holds attempt {task.attempt} of task {task.id}, not"
            f" {command.worker_id}"
        )
    worker = current.farm.workers[task.worker_id or ""]
    if command.instance is not None and command.instance != task.instance:
        raise StaleReport(f"another instance of worker {task.worker_id} holds the attempt")
    if command.attempt is None and worker.mode == "push":
        raise IllegalTransition(
            f"worker {worker.worker_id} reports attempts by number: give attempt {task.attempt}"
        )
    return task, worker


def check_outputs(task: Task, outputs: tuple[dict[str, Any], ...]) -> None:
    """Refuse outputs that name frames which the task does not have, or one twice."""
    wanted: set[int | None] = {None} if task.frame_list is None else set(task.frame_list)
    named = [output["frame"] for output in outputs]
    odd = [frame for frame in named if frame not in wanted]
    if odd or len(set(named)) < len(named):
        what = "a still, without frame" if task.frames is None else f"frames {task.frames}"
        raise InvalidRequest(
            f"outputs name frames {odd or named} of task {task.id}, which has {what}, each once"
        )


def frames_rendered(current: Round, command: c.FramesRendered) -> Result:
    """Keep finished frames."""
    task, worker = current_attempt(current, command)
    check_outputs(task, command.outputs)
    current.task_event(
        FramesRendered,
        task.id,
        attempt=task.attempt,
        worker_id=worker.worker_id,
        outputs=command.outputs,
    )
    return Result(command, task_ids=(task.id,))


def complete_task(current: Round, command: c.CompleteTask) -> Result:
    """End the task with its result; a push worker's report must name every frame.

    Raises:
        InvalidRequest: outputs that do not cover the frames.
    """
    task = find(current, command)
    if task.status == "completed" and command.attempt == task.attempt:
        return unchanged(command, task)
    task, worker = current_attempt(current, command)
    outputs = command.outputs or ()
    check_outputs(task, outputs)
    if command.outputs is not None:
        named = {output["frame"] for output in outputs}
        missing = [frame for frame in task.missing() if frame not in named]
        if missing:
            numbers = format_frames(frame for frame in missing if frame is not None)
            raise InvalidRequest(
                f"outputs do not name {'frames ' + numbers if numbers else 'the picture'}: a"
                " completion names every frame, or leaves outputs out"
            )
    elif worker.mode == "push":
        raise InvalidRequest(f"worker {worker.worker_id} has to name its outputs")
    current.task_event(
        Completed,
        task.id,
        attempt=task.attempt,
        worker_id=worker.worker_id,
        outputs=outputs,
        named=command.outputs is not None,
        **_result(current, task, outputs),
    )
    free(current, task, worker, faults=0)
    return Result(command, task_ids=(task.id,))


def _result(current: Round, task: Task, outputs: tuple[dict[str, Any], ...]) -> dict[str, Any]:
    every = {**task.rendered, **{output["frame"]: output for output in outputs}}
    sizes = [output["bytes"] for output in every.values() if output["bytes"] is not None]
    seconds = [output["render_s"] for output in every.values() if output["render_s"] is not None]
    since = (current.now - (task.started_at or current.now)).total_seconds()
    paths = [output["path"] for output in every.values()]
    return {
        "output_path": (paths[0] if len(paths) == 1 else task.output) if paths else None,
        "output_size": sum(sizes) if sizes else None,
        # fsum, as frames may stand in another order after a start from a checkpoint.
        "final_render_s": round(fsum(seconds), 6) if seconds else since,
    }


def fail_attempt(current: Round, command: c.FailAttempt) -> Result:
    """End the attempt as failed; a worker's own fault spends no retry and counts against it.

    A fault of the task itself is final: it would fail the same way again. Where a cancel or an
    overrun is under way, the attempt has stopped, as asked.
    """
    task, worker = current_attempt(current, command)
    check_outputs(task, command.outputs)
    if stop_wins(task):
        end_stopped(current, task, command.outputs)
        return Result(command, task_ids=(task.id,))
    own = command.fault == "worker"
    again = {"worker": current.now, "task": None}
    current.task_event(
        Failed,
        task.id,
        attempt=task.attempt,
        worker_id=worker.worker_id,
        reason=command.reason,
        fault=command.fault,
        outputs=command.outputs,
        retry_at=again.get(command.fault, retry_time(task, current.farm, current.now)),
    )
    free(current, task, worker, faults=worker.faults + 1 if own else 0)
    return Result(command, task_ids=(task.id,))


def attempt_stopped(current: Round, command: c.AttemptStopped) -> Result:
    """The attempt has stopped, as asked or because its worker gives it back."""
    task, _ = current_attempt(current, command)
    check_outputs(task, command.outputs)
    end_stopped(current, task, command.outputs)
    return Result(command, task_ids=(task.id,))


def return_attempt(current: Round, command: c.ReturnAttempt) -> Result:
    """The assignment never reached its worker: the task waits again, and the worker drains.

    Otherwise it would get the same task at once, and so for ever. A new start of it works again.
    """
    task = find(current, command)
    if task.status != "rendering" or task.attempt != command.attempt:
        raise StaleReport(f"attempt {command.attempt} of task {task.id} is not the current one")
    worker = current.farm.workers[task.worker_id or ""]
    end_stopped(current, task, ())
    if not worker.draining:
        reason = command.reason + WHAT_TO_DO
        current.worker_event(Draining, worker.worker_id, reason=reason)
    return Result(command, task_ids=(task.id,))


def start_task(current: Round, command: c.StartTask) -> Result:
    """Status ``rendering``: give a pending task to a ready worker, or note that it runs there.

    Raises:
        NotFound: no such worker.
        WorkerNotReady: the worker cannot take it.
    """
    task = find(current, command)
    worker = current.farm.workers.get(command.worker_id)
    if worker is None:
        raise NotFound(f"Worker not found: {command.worker_id}")
    if task.status == "rendering":
        return _note_running(current, command, task, worker)
    if task.status != "pending":
        raise IllegalTransition(f"task {task.id} is {task.status}: only a pending one can start")
    if not worker.idle:
        raise WorkerNotReady(f"Worker is not ready: {worker.worker_id} is {worker.status}")
    if not current.farm.can_run(worker, task):
        raise WorkerNotReady(f"worker {worker.worker_id} has not what the task requires")
    current.assign(task, worker)
    return Result(command, task_ids=(task.id,), task_id=task.id, attempt=task.attempt)


def _note_running(current: Round, command: c.StartTask, task: Task, worker: Worker) -> Result:
    if command.attempt not in (None, task.attempt):
        raise StaleReport(f"attempt {command.attempt} of task {task.id} is not the current one")
    if task.worker_id != worker.worker_id:
        raise WrongWorker(f"worker {task.worker_id} renders task {task.id}")
    if task.reported:
        return unchanged(command, task)
    current.task_event(
        FramesRendered,
        task.id,
        attempt=task.attempt,
        worker_id=worker.worker_id,
        outputs=(),
    )
    return Result(command, task_ids=(task.id,))
