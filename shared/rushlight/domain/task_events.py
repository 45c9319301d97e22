"""Facts about tasks.

``outputs`` are ``{frame, path, bytes, sha256, render_s}``; the frame of a still is null.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from rushlight.domain.base import FarmEvent
from rushlight.domain.frames import parse_frames
from rushlight.domain.task import Task, running_of

Outputs = tuple[dict[str, Any], ...]


class TaskEvent(FarmEvent):
    """Something that happened to a task."""


class Submitted(TaskEvent):
    """A task was accepted; ``seq`` is its age: the farm's count of submissions."""

    TOPIC = "rushlight.task.submitted"
    seq: int
    priority: str
    estimated_render_s: float | None
    name: str | None
    job_id: str | None
    renderer: str | None
    scene: str | None
    output: str
    frames: str | None
    settings: dict[str, Any]
    args: tuple[str, ...]
    requires: dict[str, Any]
    max_retries: int
    max_render_s: float | None

    def apply(self, task: Task) -> None:
        """It waits."""
        for name in (
            "seq priority estimated_render_s name job_id renderer scene output frames"
            " settings requires max_retries max_render_s"
        ).split():
            setattr(task, name, getattr(self, name))
        task.args = list(self.args)
        task.frame_list = None if self.frames is None else parse_frames(self.frames)
        task.submitted_by = self.principal
        task.created_at = self.timestamp


class Assigned(TaskEvent):
    """A worker got the task, as its next attempt; ``instance`` is null for a pull worker."""

    TOPIC = "rushlight.task.assigned"
    attempt: int
    worker_id: str
    instance: str | None

    def apply(self, task: Task) -> None:
        """It renders."""
        task.status = "rendering"
        task.attempt = self.attempt
        task.worker_id = self.worker_id
        task.instance = self.instance
        task.started_at = self.timestamp
        task.progressed_at = self.timestamp
        task.error_message = None


class FramesRendered(TaskEvent):
    """Frames are in place; none: a pull worker says that the attempt runs."""

    TOPIC = "rushlight.task.frames_rendered"
    attempt: int
    worker_id: str
    outputs: Outputs

    def apply(self, task: Task) -> None:
        """They are kept."""
        task.keep(self.outputs)
        task.reported = True
        if self.outputs:
            task.progressed_at = self.timestamp


class StopRequested(TaskEvent):
    """The attempt shall stop: preempted, cancelled or overrun; it renders until ``stopped``."""

    TOPIC = "rushlight.task.stop_requested"
    attempt: int
    worker_id: str
    reason: str
    for_task_id: UUID | None

    def apply(self, task: Task) -> None:
        """The stop is pending."""
        task.stop = {
            "reason": self.reason,
            "for_task_id": None if self.for_task_id is None else str(self.for_task_id),
            "requested_at": self.timestamp,
        }


class Stopped(TaskEvent):
    """The attempt ended without a verdict: preempted, cancelled, overrun, or given back."""

    TOPIC = "rushlight.task.stopped"
    attempt: int
    worker_id: str
    reason: str
    outputs: Outputs

    def apply(self, task: Task) -> None:
        """It waits again, with its finished frames."""
        task.keep(self.outputs)
        task.status = "pending"
        task.preemptions += self.reason == "preempted"
        task.release()


class Completed(TaskEvent):
    """Every frame is in place; a plain REST worker may not have said which (``named`` false)."""

    TOPIC = "rushlight.task.completed"
    attempt: int
    worker_id: str
    outputs: Outputs
    named: bool
    output_path: str | None
    output_size: int | None
    final_render_s: float

    def apply(self, task: Task) -> None:
        """It is done."""
        task.keep(self.outputs)
        task.status = "completed"
        task.completed_at = self.timestamp
        task.output_path = self.output_path
        task.output_size = self.output_size
        task.final_render_s = self.final_render_s
        task.stop = None


class Failed(TaskEvent):
    """The attempt failed: ``fault`` render, worker, task, or losses (too many workers lost)."""

    TOPIC = "rushlight.task.failed"
    attempt: int
    worker_id: str | None
    reason: str
    fault: str
    outputs: Outputs
    retry_at: datetime | None

    def apply(self, task: Task) -> None:
        """It is tried again at ``retry_at``; never, if null."""
        task.keep(self.outputs)
        task.status = "failed"
        task.failure = self.fault
        task.error_message = self.reason
        task.retry_at = self.retry_at
        task.completed_at = self.timestamp if self.retry_at is None else None
        if self.fault == "worker" and self.worker_id is not None:
            task.avoid = sorted({*task.avoid, running_of(self.worker_id, task.instance)})
        task.release()


class TimedOut(TaskEvent):
    """The attempt rendered for longer than it may."""

    TOPIC = "rushlight.task.timed_out"
    attempt: int
    worker_id: str
    retry_at: datetime | None

    def apply(self, task: Task) -> None:
        """A failure like another."""
        task.status = "failed"
        task.failure = "render"
        task.error_message = "Task timeout"
        task.retry_at = self.retry_at
        task.completed_at = self.timestamp if self.retry_at is None else None
        task.release()


class Lost(TaskEvent):
    """The attempt's worker was lost with it: it timed out, or was started anew."""

    TOPIC = "rushlight.task.lost"
    attempt: int
    worker_id: str
    reason: str
    retry_at: datetime

    def apply(self, task: Task) -> None:
        """It is tried again, and no retry is spent."""
        task.status = "failed"
        task.failure = "lost"
        task.error_message = self.reason
        task.losses += 1
        task.retry_at = self.retry_at
        task.release()


class Retried(TaskEvent):
    """A failed task waits again; ``reason``: render, worker, lost, or asked."""

    TOPIC = "rushlight.task.retried"
    reason: str
    retries: int
    attempt: int | None

    def apply(self, task: Task) -> None:
        """It waits."""
        task.status = "pending"
        task.retries = self.retries
        task.retry_at = None
        task.completed_at = None
        if self.reason == "asked":
            task.avoid = []
            task.losses = 0


class Requeued(TaskEvent):
    """An ended task was reopened; these frames (null: all) are rendered again."""

    TOPIC = "rushlight.task.requeued"
    frames: str | None

    def apply(self, task: Task) -> None:
        """It waits, as if new but for its age and attempts."""
        again = None if self.frames is None else set(parse_frames(self.frames))
        task.rendered = {
            frame: output
            for frame, output in task.rendered.items()
            if again is not None and frame not in again
        }
        task.status = "pending"
        task.retries = task.losses = task.preemptions = 0
        task.avoid = []
        task.retry_at = task.completed_at = task.started_at = task.final_render_s = None
        task.error_message = task.output_path = task.output_size = None
        task.release()


class Cancelled(TaskEvent):
    """The task was ended without a result; finished frames stay where they are."""

    TOPIC = "rushlight.task.cancelled"

    def apply(self, task: Task) -> None:
        """It is over."""
        task.status = "cancelled"
        task.completed_at = self.timestamp
        task.retry_at = None
        task.release()


class Reprioritised(TaskEvent):
    """The priority was changed."""

    TOPIC = "rushlight.task.reprioritised"
    priority: str

    def apply(self, task: Task) -> None:
        """It waits elsewhere; its age stays."""
        task.priority = self.priority


class Paused(TaskEvent):
    """A pending task is held."""

    TOPIC = "rushlight.task.paused"

    def apply(self, task: Task) -> None:
        """It is not placed."""
        task.status = "paused"


class Resumed(TaskEvent):
    """A paused task waits again."""

    TOPIC = "rushlight.task.resumed"

    def apply(self, task: Task) -> None:
        """It waits."""
        task.status = "pending"


# The status of a task after an event that sets one, for whoever counts without folding.
STATUS_AFTER: dict[str, str] = {
    Submitted.TOPIC: "pending",
    Assigned.TOPIC: "rendering",
    Stopped.TOPIC: "pending",
    Completed.TOPIC: "completed",
    Failed.TOPIC: "failed",
    TimedOut.TOPIC: "failed",
    Lost.TOPIC: "failed",
    Retried.TOPIC: "pending",
    Requeued.TOPIC: "pending",
    Cancelled.TOPIC: "cancelled",
    Paused.TOPIC: "paused",
    Resumed.TOPIC: "pending",
}
