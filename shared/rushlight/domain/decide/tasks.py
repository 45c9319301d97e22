"""What people ask of tasks: cancel, pause, resume, retry, requeue, priority; one or a job's all."""

from collections.abc import Callable
from uuid import UUID

from rushlight.domain import commands as c
from rushlight.domain.decide.endings import stop_attempt
from rushlight.domain.due import retry_due
from rushlight.domain.frames import format_frames, parse_frames
from rushlight.domain.outputs import files_of
from rushlight.domain.round import Result, Round
from rushlight.domain.task import PRIORITIES, Task
from rushlight.domain.task_events import (
    Cancelled,
    Paused,
    Reprioritised,
    Requeued,
    Resumed,
    Retried,
)
from rushlight.errors import (
    IllegalTransition,
    InvalidRequest,
    NotDue,
    NotFound,
    OutputTaken,
    VersionMoved,
)


def find(current: Round, command: c.TaskCommand) -> Task:
    """The task of a command.

    Raises:
        NotFound: there is none.
        VersionMoved: it has moved on from the version that the command expects.
    """
    task = current.farm.tasks.get(command.task_id)
    if task is None:
        raise NotFound("Task not found", task_id=str(command.task_id))
    if command.expected_version not in (None, task.version):
        raise VersionMoved(
            f"task {task.id} is at version {task.version}, not {command.expected_version}:"
            " read it again"
        )
    return task


def cancel_task(current: Round, command: c.CancelTask) -> Result:
    """End a task; a rendering one stops first.

    Raises:
        IllegalTransition: it has ended already.
    """
    task = find(current, command)
    if task.status == "rendering":
        if task.stop is not None and task.stop["reason"] == "cancelled":
            return unchanged(command, task)
        # A preemption that is under way keeps its promise: the worker will be free all the same.
        promised = None if task.stop is None else task.stop["for_task_id"]
        stop_attempt(current, task, "cancelled", None if promised is None else UUID(promised))
        return Result(command, task_ids=(task.id,))
    if task.ended:
        raise IllegalTransition(f"task {task.id} is {task.status} already")
    current.task_event(Cancelled, task.id)
    return Result(command, task_ids=(task.id,))


def pause_task(current: Round, command: c.PauseTask) -> Result:
    """Hold a pending task.

    Raises:
        IllegalTransition: it renders or has ended.
    """
    task = find(current, command)
    if task.status == "paused":
        return unchanged(command, task)
    _need(task, ("pending",), "only a pending task can be paused")
    current.task_event(Paused, task.id)
    return Result(command, task_ids=(task.id,))


def resume_task(current: Round, command: c.ResumeTask) -> Result:
    """Let a paused task wait again.

    Raises:
        IllegalTransition: it is not paused.
    """
    task = find(current, command)
    _need(task, ("paused",), "only a paused task can be resumed")
    current.task_event(Resumed, task.id)
    return Result(command, task_ids=(task.id,))


def retry_task(current: Round, command: c.RetryTask) -> Result:
    """Try a failed task again: asked for, or due by the timed rule.

    Raises:
        IllegalTransition: it has not failed.
        NotDue: the reaper's, and the rule does not hold (any more).
        OutputTaken: another task writes its files by now.
    """
    task = find(current, command)
    if command.attempt is not None:
        if task.attempt != command.attempt or not retry_due(task, current.farm, current.now):
            raise NotDue(f"no retry of task {task.id} is due")
        spent = task.failure == "render"
        reason = task.failure or "render"
        current.task_event(
            Retried, task.id, reason=reason, retries=task.retries + spent, attempt=task.attempt
        )
        return Result(command, task_ids=(task.id,))
    _need(task, ("failed",), "only a failed task can be retried; requeue reopens an ended one")
    _check_output_free(current, task)
    current.task_event(Retried, task.id, reason="asked", retries=task.retries, attempt=None)
    return Result(command, task_ids=(task.id,))


def requeue_task(current: Round, command: c.RequeueTask) -> Result:
    """Render an ended task again.

    Raises:
        IllegalTransition: it has not ended.
        InvalidRequest: frames that it does not have.
        OutputTaken: another task writes its files by now.
    """
    task = find(current, command)
    _need(task, ("completed", "failed", "cancelled"), "only an ended task can be requeued")
    if command.frames is not None:
        unknown = set(parse_frames(command.frames)) - set(task.frame_list or ())
        if unknown:
            raise InvalidRequest(
                f"task {task.id} has no frames {format_frames(unknown)}: it has"
                f" {task.frames or 'a still, without a number'}"
            )
    _check_output_free(current, task)
    current.task_event(Requeued, task.id, frames=command.frames)
    return Result(command, task_ids=(task.id,))


def reprioritise_task(current: Round, command: c.ReprioritiseTask) -> Result:
    """Change the priority of a task that has not ended.

    Raises:
        IllegalTransition: it has ended.
    """
    task = find(current, command)
    if command.priority not in PRIORITIES:
        raise InvalidRequest(f"priority is one of {', '.join(PRIORITIES)}")
    if task.ended:
        raise IllegalTransition(f"task {task.id} is {task.status}: its priority means nothing now")
    if task.priority == command.priority:
        return unchanged(command, task)
    current.task_event(Reprioritised, task.id, priority=command.priority)
    return Result(command, task_ids=(task.id,))


def job_command(current: Round, command: c.JobCommand) -> Result:
    """Do the verb to every task of the job that allows it.

    Raises:
        NotFound: no task has this job id.
    """
    task_ids = _tasks_of_job(current, command.job_id)
    if not task_ids:
        raise NotFound(f"no task belongs to job {command.job_id}")
    done: list[UUID] = []
    refused = 0
    for task_id in task_ids:
        if command.only_of not in (None, current.farm.tasks[task_id].submitted_by):
            refused += 1
            continue
        single = _single(command, task_id)
        current.caused_by(single)
        try:
            result = _VERBS[command.verb](current, single)
        except (IllegalTransition, OutputTaken):
            refused += 1
            continue
        if result.code == "done":
            done.append(task_id)
    return Result(command, task_ids=tuple(done), refused=refused)


def _tasks_of_job(current: Round, job_id: str) -> list[UUID]:
    farm = current.farm
    return sorted(farm.jobs.get(job_id, ()), key=lambda task_id: farm.tasks[task_id].seq)


def _single(command: c.JobCommand, task_id: UUID) -> c.TaskCommand:
    shared = {
        "command_id": command.command_id,
        "principal": command.principal,
        "task_id": task_id,
    }
    if command.verb == "reprioritise":
        return c.ReprioritiseTask(priority=command.priority or "", **shared)  # type: ignore[arg-type]
    return _COMMANDS[command.verb](**shared)  # type: ignore[arg-type]


_COMMANDS: dict[str, type[c.TaskCommand]] = {
    "cancel": c.CancelTask,
    "pause": c.PauseTask,
    "resume": c.ResumeTask,
    "retry": c.RetryTask,
    "requeue": c.RequeueTask,
}

_VERBS: dict[str, Callable[..., Result]] = {
    "cancel": cancel_task,
    "pause": pause_task,
    "resume": resume_task,
    "retry": retry_task,
    "requeue": requeue_task,
    "reprioritise": reprioritise_task,
}


def unchanged(command: c.Command, task: Task) -> Result:
    """Asked for what is already so."""
    return Result(command, code="unchanged", task_ids=(task.id,))


def _need(task: Task, statuses: tuple[str, ...], rule: str) -> None:
    if task.status not in statuses:
        raise IllegalTransition(f"task {task.id} is {task.status}: {rule}")


def _check_output_free(current: Round, task: Task) -> None:
    other = current.farm.conflict(files_of(task.output, task.wanted()), task.id)
    if other is not None:
        raise OutputTaken(f"task {other} writes {task.output} now: wait until it has ended")
