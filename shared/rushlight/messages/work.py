"""What goes to and from a worker beside its reports: assignments, stops, heartbeats."""

from collections.abc import Mapping
from typing import Any, Literal
from uuid import UUID

from pydantic import Field

from rushlight.messages.base import Kinds, Message, Part
from rushlight.messages.commands import WORKER_ID, Output


class Assign(Message):
    """dispatcher -> worker: render this attempt.

    ``frames`` are those to render, None for a still; ``kept`` are frames of earlier attempts, to be
    checked for existence and size, and rendered again where missing.
    """

    task_id: UUID
    attempt: int
    worker_id: str
    instance: str | None
    renderer: str | None
    scene: str | None
    output: str
    frames: tuple[int, ...] | None
    kept: tuple[Output, ...] = ()
    settings: dict[str, Any] = Field(default_factory=dict)
    args: tuple[str, ...] = ()
    name: str | None = None
    job_id: str | None = None


class Stop(Message):
    """dispatcher or reaper -> worker: end this attempt, and say ``AttemptStopped``."""

    task_id: UUID
    attempt: int
    reason: Literal["preempted", "cancelled", "overrun", "stale"]


class RunningAttempt(Part):
    """An attempt that runs; ``progress`` is 0 to 1 over all its frames."""

    task_id: UUID
    attempt: int
    progress: float = Field(0, ge=0, le=1)
    frame: int | None = None


class FinishedAttempt(Part):
    """An attempt whose last report has no outcome yet."""

    task_id: UUID
    attempt: int


class Heartbeat(Message):
    """worker -> reaper: this instance lives, and this is what it does."""

    worker_id: str = Field(pattern=WORKER_ID)
    instance: str | None = None
    sequence: int = Field(ge=0)
    running: tuple[RunningAttempt, ...] = Field((), max_length=16)
    finished: tuple[FinishedAttempt, ...] = Field((), max_length=64)


class HeartbeatAnswer(Message):
    """reaper -> worker: ``ok`` extends the lease; ``stale`` ends it: kill, say nothing, rejoin."""

    status: Literal["ok", "stale"]
    sequence: int
    heartbeat_s: float
    self_fence_s: float
    fence_kill_s: float
    stop_grace_s: float
    idle_exit_s: float


class FarmEvent(Message):
    """dispatcher -> whoever listens: a hint that the log holds this; gaps come from the log."""

    topic: str
    position: int
    task_id: UUID | None = None
    worker_id: str | None = None
    job_id: str | None = None


WORKER_KINDS = Kinds(Assign, Stop)
HEARTBEAT_KINDS = Kinds(Heartbeat)


def assignment(task: Mapping[str, Any]) -> Assign:
    """The assignment of a rendering task, from its row in the view ``tasks``."""
    rendered = task["rendered"]
    wanted = task["frame_list"]
    return Assign(
        task_id=UUID(str(task["task_id"])),
        attempt=task["attempt"],
        worker_id=task["worker_id"],
        instance=task["instance"],
        renderer=task["renderer"],
        scene=task["scene"],
        output=task["output"],
        frames=None if wanted is None else tuple(wanted),
        kept=tuple(Output.model_validate(one) for one in rendered),
        settings=task["settings"],
        args=tuple(task["args"]),
        name=task["name"],
        job_id=task["job_id"],
    )
