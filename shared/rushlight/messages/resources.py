"""What HTTP takes and gives: camelCase on the wire, snake_case here.

Bodies are strict: wrong JSON types and unknown fields are refused. Durations are in seconds, sizes
in bytes, times RFC 3339 in UTC.
"""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from rushlight.messages.commands import Priority

TaskStatus = Literal["pending", "rendering", "completed", "failed", "cancelled", "paused"]
WorkerStatus = Literal["requested", "ready", "busy", "draining", "offline", "failed"]
TASKS_MAX = 10_000
FRAMES_MAX = 10_000
Text = Annotated[str, Field(min_length=1, max_length=1024)]
Label = Annotated[str, Field(max_length=256)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._ -]{0,127}$")]
RootPath = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z0-9_-]+:[^\x00]+$",
        max_length=1024,
        description="`root:relative/path`",
        examples=["scenes:orrery.xml"],
    ),
]


class Body(BaseModel):
    """What a client sends."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, alias_generator=to_camel, populate_by_name=True
    )


class Resource(BaseModel):
    """What the farm answers."""

    model_config = ConfigDict(frozen=True, alias_generator=to_camel, populate_by_name=True)


class RequirementsBody(Body):
    """What a worker must have."""

    memory_mib: int | None = Field(None, gt=0, examples=[16000])
    tags: list[Name] = Field(default_factory=list, max_length=32, examples=[["gpu"]])
    renderer_version: Text | None = Field(None, examples=[">=3.9"])


class RenderBody(Body):
    """A task to render; everything is optional."""

    priority: Priority = "MEDIUM"
    estimated_render_time: float | None = Field(None, ge=0, le=31_536_000, examples=[3600])
    name: Name | None = Field(None, examples=["orrery"])
    job_id: Name | None = Field(None, examples=["shot-010"])
    renderer: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,31}$")] | None = Field(
        None, examples=["mitsuba"]
    )
    scene: RootPath | None = None
    output: RootPath | None = Field(None, examples=["out:shot-010/orrery.####.png"])
    frames: Text | None = Field(None, examples=["1-24", "1-10:2,15"])
    settings: dict[str, Any] = Field(default_factory=dict, max_length=64)
    args: list[Annotated[str, Field(max_length=4096)]] = Field(default_factory=list, max_length=64)
    requires: RequirementsBody = RequirementsBody()
    max_retries: int | None = Field(None, ge=0, le=100)
    max_render_time: float | None = Field(None, gt=0, le=31_536_000)


class ExpandBody(RenderBody):
    """One body that the server expands into tasks of ``framesPerTask`` frames each."""

    frames: Text = Field(examples=["1-48"])
    frames_per_task: int = Field(ge=1, le=FRAMES_MAX, examples=[4])


class TasksBody(Body):
    """A list of tasks; ``jobId`` here is the default of each."""

    job_id: Name | None = None
    tasks: list[RenderBody] = Field(min_length=1, max_length=TASKS_MAX)


class OutputBody(Body):
    """One finished frame."""

    frame: int | None = None
    path: Text
    bytes: int = Field(ge=0)
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None
    render_time: float | None = Field(None, ge=0)


class StatusBody(Body):
    """``PUT /renders/{id}/status``."""

    status: TaskStatus
    worker_id: str | None = None
    error_message: str | None = Field(None, max_length=65_536)
    attempt: int | None = Field(None, ge=1)
    outputs: list[OutputBody] | None = Field(None, max_length=FRAMES_MAX)


class CompleteBody(Body):
    """``POST /renders/{id}/complete``; an empty body means the current attempt."""

    attempt: int | None = Field(None, ge=1)
    worker_id: str | None = None
    outputs: list[OutputBody] | None = Field(None, max_length=FRAMES_MAX)


class PriorityBody(Body):
    """``PATCH /renders/{id}``."""

    priority: Priority


class RequeueBody(Body):
    """``POST /renders/{id}/requeue``: all frames, or these."""

    frames: Text | None = None


class CapabilitiesBody(Body):
    """What a worker offers; no ``renderers``: any task (plain REST workers)."""

    renderers: dict[Label, Label] | None = Field(
        None, max_length=64, examples=[{"mitsuba": "3.9.1"}]
    )
    default_scene: bool = False
    memory_mib: int | None = Field(None, gt=0)
    tags: list[Name] = Field(default_factory=list, max_length=32)


class WorkerStatusBody(Body):
    """``PUT /workers/{id}/status``.

    With ``instance`` it is a push agent's: ``ready`` joins (``capabilities`` needed), ``offline``
    leaves. Without: a pull worker's, and each call is a heartbeat.
    """

    status: Literal["ready", "busy", "offline", "failed"]
    instance: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")] | None = None
    capabilities: CapabilitiesBody | None = None
    host: Text | None = None
    holds_lock: bool = False
    provisioned: bool = False
    reason: Text | None = None


class ReportsBody(Body):
    """``POST /workers/{id}/reports``: reports in the form that they have on the bus."""

    instance: Text
    reports: list[dict[str, Any]] = Field(min_length=1, max_length=64)


class ErrorPart(Resource):
    """One wrong place in a body; ``pointer`` is a JSON pointer with a leading ``#``."""

    pointer: str
    detail: str


class Problem(Resource):
    """RFC 9457 problem details; ``type`` ends with the error's stable code."""

    model_config = ConfigDict(extra="allow", alias_generator=to_camel, populate_by_name=True)

    type: str
    title: str
    status: int
    detail: str
    errors: list[ErrorPart] | None = None


class StopResource(Resource):
    """A stop that the worker has not answered yet."""

    reason: str
    for_task_id: UUID | None = None
    requested: datetime


class TaskResource(Resource):
    """A task."""

    task_id: UUID
    name: str | None
    job_id: str | None
    submitted_by: str = Field(description="principal of the submission")
    status: TaskStatus
    priority: Priority
    estimated_render_time: float | None
    overrun: bool = Field(description="it renders for longer than its estimate")
    attempt: int = Field(description="number of the current or last attempt; 0: none yet")
    worker_id: str | None
    retries: int
    max_retries: int
    losses: int
    preemptions: int
    error_message: str | None
    retry_at: datetime | None = Field(description="when a failed task is tried again; null: never")
    creation_time: datetime
    start_time: datetime | None
    completion_time: datetime | None
    renderer: str | None
    scene: str | None
    output: str
    frames: str | None
    frames_rendered: str | None = Field(description="finished frames, kept through retries")
    frames_total: int
    frames_done: int
    progress: float | None = Field(None, description="0 to 1, from the last heartbeat")
    output_path: str | None
    output_size: int | None
    final_render_time: float | None
    settings: dict[str, Any]
    args: list[str]
    requires: dict[str, Any]
    stop: StopResource | None
    version: int


class TaskPage(Resource):
    """A page of tasks, newest first; ``next`` is the cursor of the next page, null at the end."""

    items: list[TaskResource]
    next: str | None


class BatchResource(Resource):
    """What became of a batch."""

    job_id: str | None
    task_ids: list[UUID]
    count: int


class CompletionResource(Resource):
    """Answer of ``POST /renders/{id}/complete``."""

    status: TaskStatus
    output_path: str | None
    output_size: int | None
    final_render_time: float | None


class WorkerResource(Resource):
    """A worker; ``mode``: push (our agent) or pull (any client that asks)."""

    worker_id: str
    status: WorkerStatus
    mode: Literal["push", "pull"] | None
    last_heartbeat: datetime | None
    current_task_id: UUID | None
    current_attempt: int | None
    instance: str | None
    renderers: dict[str, str] | None
    default_scene: bool
    memory_mib: int | None
    tags: list[str]
    provisioned: bool
    requested_for: UUID | None
    reason: str | None = Field(description="why it is offline, failed or draining")
    version: int


class WorkerPage(Resource):
    """A page of workers, by id."""

    items: list[WorkerResource]
    next: str | None


class JobResource(Resource):
    """The tasks that share a ``jobId``, counted."""

    job_id: str
    tasks: int
    by_status: dict[str, int]
    frames_total: int
    frames_done: int
    creation_time: datetime
    completion_time: datetime | None = Field(description="null while a task is live")


class JobVerbResource(Resource):
    """How many tasks of a job a verb reached."""

    job_id: str
    changed: int
    refused: int


class AttemptResource(Resource):
    """One attempt: who, when, and what became of it."""

    attempt: int
    worker_id: str
    start_time: datetime
    end_time: datetime | None
    result: str = Field(
        description="rendering, completed, failed, preempted, cancelled, lost, timed_out or"
        " given_back"
    )
    detail: str | None
    frames_rendered: str | None
    outputs: list[dict[str, Any]]


class AttemptPage(Resource):
    """All attempts of a task, first to last."""

    items: list[AttemptResource]
    next: str | None = None


class EventResource(Resource):
    """An event of the log."""

    position: int
    topic: str
    time: datetime
    version: int
    task_id: UUID | None = None
    worker_id: str | None = None
    principal: str
    command_id: UUID | None
    command: str
    payload: dict[str, Any]


class EventPage(Resource):
    """A page of events, oldest first."""

    items: list[EventResource]
    next: str | None


class WhyResource(Resource):
    """Why a task waits, or a worker idles: a sentence, and counts per reason."""

    summary: str
    status: str
    reasons: dict[str, int] = Field(description="how many workers (or tasks) per reason")
    details: list[dict[str, Any]]


class CommandResource(Resource):
    """What became of a command."""

    command_id: UUID
    status: Literal["done", "refused"]
    code: str
    detail: str
    task_ids: list[UUID]


class AcceptedResource(Resource):
    """The farm has the command and no outcome yet: ``GET /commands/{commandId}`` will know."""

    command_id: UUID
    status: Literal["accepted"]
    task_ids: list[UUID]


class LogSizeResource(Resource):
    """How much of an attempt's log the farm has: send on from there."""

    size: int


class MessagesResource(Resource):
    """Messages for a push agent, in the form that they have on the bus, numbered from 1."""

    items: list[dict[str, Any]] = Field(description="{seq, message}")
    next: int = Field(description="give as `after`: it acknowledges all up to here")


class ReportsResource(Resource):
    """An outcome per report, in the form that it has on the bus."""

    outcomes: list[dict[str, Any]]


class HealthResource(Resource):
    """Whether the service works; ``checks`` says what was looked at."""

    status: Literal["ok", "unavailable"]
    checks: dict[str, str]
