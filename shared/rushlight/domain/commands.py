"""The commands that the rules decide, in the domain's own terms.

They have the fields of the messages of the same name; the dispatcher translates. Each is decided
by one function in ``rushlight.domain.decide``, which may refuse it.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

Outputs = tuple[dict[str, Any], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskSpec:
    """A task as submitted; durations in seconds."""

    task_id: UUID
    priority: str = "MEDIUM"
    estimated_render_s: float | None = None
    name: str | None = None
    job_id: str | None = None
    renderer: str | None = None
    scene: str | None = None
    output: str | None = None
    frames: str | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    args: tuple[str, ...] = ()
    requires: dict[str, Any] = field(default_factory=dict)
    max_retries: int | None = None
    max_render_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a worker offers; ``renderers`` None: any task (pull workers)."""

    renderers: dict[str, str] | None = None
    default_scene: bool = False
    memory_mib: int | None = None
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """Something asked; ``command_id`` and ``principal`` say by whom."""

    command_id: UUID
    principal: str = "anonymous"


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmitTasks(Command):
    """Take these tasks, all or none."""

    tasks: tuple[TaskSpec, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskCommand(Command):
    """Asks something of a task."""

    task_id: UUID
    expected_version: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelTask(TaskCommand):
    """End the task without a result."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PauseTask(TaskCommand):
    """Hold a pending task."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResumeTask(TaskCommand):
    """Let a paused task wait again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryTask(TaskCommand):
    """Try a failed task again; with ``attempt`` it is the reaper's, and must be due."""

    attempt: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RequeueTask(TaskCommand):
    """Render an ended task again, all frames or these."""

    frames: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReprioritiseTask(TaskCommand):
    """Change the priority."""

    priority: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StartTask(TaskCommand):
    """Give the task to that ready worker, or note that it runs there."""

    worker_id: str
    attempt: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobCommand(Command):
    """The same verb for every task of a job, or for those that ``only_of`` submitted."""

    job_id: str
    verb: str
    priority: str | None = None
    only_of: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Report(TaskCommand):
    """What a worker says of an attempt; None: the current one (pull workers)."""

    attempt: int | None = None
    worker_id: str | None = None
    instance: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FramesRendered(Report):
    """These frames are in place."""

    outputs: Outputs


@dataclass(frozen=True, slots=True, kw_only=True)
class CompleteTask(Report):
    """The attempt is done."""

    outputs: Outputs | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FailAttempt(Report):
    """The attempt failed; ``fault`` is "render", "worker" or "task" (no retry can help)."""

    reason: str
    fault: str = "render"
    outputs: Outputs = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptStopped(Report):
    """The attempt was stopped or given back."""

    outputs: Outputs = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnAttempt(TaskCommand):
    """The assignment could not be delivered."""

    attempt: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerCommand(Command):
    """Asks something of a worker."""

    worker_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinWorker(WorkerCommand):
    """A new start of a push agent."""

    instance: str
    capabilities: Capabilities
    host: str | None = None
    holds_lock: bool = False
    provisioned: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SetWorkerStatus(WorkerCommand):
    """A pull worker says how it is."""

    status: str
    capabilities: Capabilities | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestTask(WorkerCommand):
    """A pull worker asks for work."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DrainWorker(WorkerCommand):
    """No new work."""

    instance: str | None = None
    expected_version: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UndrainWorker(WorkerCommand):
    """New work again."""

    expected_version: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaveWorker(WorkerCommand):
    """This instance ends."""

    instance: str
    reason: str = "stopped"


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeoutWorker(WorkerCommand):
    """A condemned instance is lost, or a requested worker never joined."""

    instance: str | None = None
    last_heartbeat: datetime | None = None
    sequence: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeoutTask(TaskCommand):
    """The attempt has rendered for longer than it may."""

    attempt: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PreemptTask(TaskCommand):
    """Stop the attempt for a waiting task."""

    attempt: int
    for_task_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class FailTask(TaskCommand):
    """The task has lost too many workers."""

    attempt: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestWorker(WorkerCommand):
    """A new worker is needed for the waiting task."""

    task_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimWorker(WorkerCommand):
    """A provisioner starts the requested worker."""

    provisioner: str


REAPER_COMMANDS = (
    TimeoutWorker,
    FailTask,
    TimeoutTask,
    PreemptTask,
    RequestWorker,
    ClaimWorker,
)


def is_timed(command: Command) -> bool:
    """Whether it comes from a reaper: those are decided after reports and requests."""
    if isinstance(command, RetryTask):
        return command.attempt is not None
    return isinstance(command, REAPER_COMMANDS)
