"""What the API, workers and reapers ask of the dispatcher; each ends with one ``Outcome``.

``command_id`` makes a command happen once: the same id again gives the same outcome. ``principal``
is who asks. Times are in UTC, durations in seconds, sizes in bytes.
"""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import Field

from rushlight.messages.base import Kinds, Message, Part

WORKER_ID = r"^[A-Za-z0-9_-]{1,64}$"
# Signs of why an attempt failed, with the last lines of its log.
REASON_MAX = 65_536
Priority = Literal["RUSH", "HIGH", "MEDIUM", "LOW"]


class Output(Part):
    """One finished frame; ``frame`` is None for a still."""

    frame: int | None = None
    path: str = Field(min_length=1, max_length=1024)
    bytes: int | None = Field(None, ge=0)
    sha256: str | None = Field(None, pattern=r"^[0-9a-f]{64}$")
    render_s: float | None = Field(None, ge=0)


class Requirements(Part):
    """What a worker must have for a task."""

    memory_mib: int | None = None
    tags: tuple[str, ...] = ()
    renderer_version: str | None = None


class NewTask(Part):
    """A task as submitted; ``task_id`` is minted by the API. Frames None: a still."""

    task_id: UUID
    priority: Priority = "MEDIUM"
    estimated_render_s: float | None = None
    name: str | None = None
    job_id: str | None = None
    renderer: str | None = None
    scene: str | None = None
    output: str | None = None
    frames: str | None = None
    settings: dict[str, Any] = Field(default_factory=dict)
    args: tuple[str, ...] = ()
    requires: Requirements = Requirements()
    max_retries: int | None = None
    max_render_s: float | None = None


class Command(Message):
    """Base of all commands."""

    command_id: UUID
    principal: str = "anonymous"
    digest: str | None = None


class SubmitTasks(Command):
    """API: take these tasks, all or none."""

    tasks: tuple[NewTask, ...]


class TaskCommand(Command):
    """Asks something of one task; ``expected_version`` refuses if the task has moved on."""

    task_id: UUID
    expected_version: int | None = None


class CancelTask(TaskCommand):
    """API: end the task without a result."""


class PauseTask(TaskCommand):
    """API: hold a pending task."""


class ResumeTask(TaskCommand):
    """API: let a paused task wait again."""


class RetryTask(TaskCommand):
    """API: try a failed task again. Reaper: the same for what is due, with ``attempt`` set."""

    attempt: int | None = None


class RequeueTask(TaskCommand):
    """API: render an ended task again, all frames or the named ones."""

    frames: str | None = None


class ReprioritiseTask(TaskCommand):
    """API: change the priority."""

    priority: Priority


class StartTask(TaskCommand):
    """API (status ``rendering``): give the task to that worker, or note that it runs there."""

    worker_id: str
    attempt: int | None = None


class JobCommand(Command):
    """API: the same verb for every task of a job; those that refuse it are only counted.

    So are, with ``only_of``, those that another principal submitted.
    """

    job_id: str
    verb: Literal["cancel", "pause", "resume", "retry", "requeue", "reprioritise"]
    priority: Priority | None = None
    only_of: str | None = None


class Report(TaskCommand):
    """What a worker says of an attempt. No ``attempt``: the current one (pull workers only)."""

    attempt: int | None = None
    worker_id: str | None = None
    instance: str | None = None


class FramesRendered(Report):
    """These frames are finished and in place."""

    outputs: tuple[Output, ...]


class CompleteTask(Report):
    """The attempt is done; ``outputs`` names every frame. None: not said (plain REST workers)."""

    outputs: tuple[Output, ...] | None = None


class FailAttempt(Report):
    """The attempt failed.

    ``fault`` "render" spends a retry; "worker" (no program, disk full, no root) spends none, and
    the task avoids that worker; "task" (settings that make no sense) is final: no retry can help.
    """

    reason: str = Field(max_length=REASON_MAX)
    fault: Literal["render", "worker", "task"] = "render"
    outputs: tuple[Output, ...] = ()


class AttemptStopped(Report):
    """The attempt was stopped; ``outputs`` are the frames that it had finished."""

    outputs: tuple[Output, ...] = ()


class Capabilities(Part):
    """What a worker offers. ``renderers``: name to version; None: a pull worker that takes any."""

    renderers: dict[str, str] | None = None
    default_scene: bool = False
    memory_mib: int | None = None
    tags: tuple[str, ...] = ()


class WorkerCommand(Command):
    """Asks something of one worker."""

    worker_id: str = Field(pattern=WORKER_ID)


class JoinWorker(WorkerCommand):
    """Worker: a new start of a push agent. ``host`` and ``holds_lock`` prove an old one dead."""

    instance: str
    capabilities: Capabilities
    host: str | None = None
    holds_lock: bool = False
    provisioned: bool = False


class SetWorkerStatus(WorkerCommand):
    """API: a pull worker says how it is; an unknown one is registered."""

    status: Literal["ready", "busy", "offline", "failed"]
    capabilities: Capabilities | None = None


class RequestTask(WorkerCommand):
    """API: a pull worker asks for work."""


class DrainWorker(WorkerCommand):
    """Operator or worker: no new work."""

    instance: str | None = None
    expected_version: int | None = None


class UndrainWorker(WorkerCommand):
    """Operator: new work again."""

    expected_version: int | None = None


class LeaveWorker(WorkerCommand):
    """Worker: this instance ends and has nothing running."""

    instance: str
    reason: str = "stopped"


class ReturnAttempt(TaskCommand):
    """Dispatcher or reaper: an assignment cannot be delivered; the task waits again."""

    attempt: int
    reason: str


class TimeoutWorker(WorkerCommand):
    """Reaper: a condemned instance is lost, or a requested worker never joined (no instance)."""

    instance: str | None = None
    last_heartbeat: datetime | None = None
    sequence: int | None = None


class TimeoutTask(TaskCommand):
    """Reaper: the attempt has rendered for longer than it may."""

    attempt: int


class PreemptTask(TaskCommand):
    """Reaper: stop the attempt so that the waiting task gets its worker."""

    attempt: int
    for_task_id: UUID


class FailTask(TaskCommand):
    """Reaper: the task has lost too many workers."""

    attempt: int


class RequestWorker(WorkerCommand):
    """Reaper: a new worker is needed for the waiting task; ``worker_id`` is its name to be."""

    task_id: UUID


class ClaimWorker(WorkerCommand):
    """Reaper: this reaper's provisioner starts the requested worker."""

    provisioner: str


COMMANDS: tuple[type[Command], ...] = (
    SubmitTasks,
    CancelTask,
    PauseTask,
    ResumeTask,
    RetryTask,
    RequeueTask,
    ReprioritiseTask,
    StartTask,
    JobCommand,
    FramesRendered,
    CompleteTask,
    FailAttempt,
    AttemptStopped,
    JoinWorker,
    SetWorkerStatus,
    RequestTask,
    DrainWorker,
    UndrainWorker,
    LeaveWorker,
    ReturnAttempt,
    TimeoutWorker,
    TimeoutTask,
    PreemptTask,
    FailTask,
    RequestWorker,
    ClaimWorker,
)

REAPER_COMMANDS: tuple[type[Command], ...] = (
    TimeoutWorker,
    FailTask,
    RetryTask,
    TimeoutTask,
    PreemptTask,
    RequestWorker,
    ClaimWorker,
)

COMMAND_KINDS = Kinds(*COMMANDS)
