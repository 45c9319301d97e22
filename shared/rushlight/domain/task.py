"""A task: one or more frames to render, in attempts of one worker at a time.

    pending --assigned--> rendering --completed--> completed
     ^  ^ |                |  |  |
     |  | +-paused         |  |  +--failed, timed_out, lost--> failed --retried--+
     |  +-------stopped----+  |                                                   |
     |                        +--cancelled                                        |
     +----------------------------------------------------------------------------+

``failed`` with ``retry_at`` is tried again; without, it is final. ``requeued`` reopens an ended
task.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from rushlight.domain.base import NEVER, FarmAggregate
from rushlight.domain.frames import format_frames

PRIORITIES = ("RUSH", "HIGH", "MEDIUM", "LOW")
RANK = {name: rank for rank, name in enumerate(PRIORITIES)}

Signature = tuple[str | None, int, tuple[str, ...], str | None, tuple[str, ...]]


class Task(FarmAggregate):
    """The state of a task; changed by its events only."""

    def start(self) -> None:
        """Before ``submitted``."""
        self.seq = 0
        self.name: str | None = None
        self.job_id: str | None = None
        self.submitted_by = ""
        self.status = "pending"
        self.priority = "MEDIUM"
        self.estimated_render_s: float | None = None
        self.renderer: str | None = None
        self.scene: str | None = None
        self.output = ""
        self.frames: str | None = None
        self.frame_list: list[int] | None = None
        self.settings: dict[str, Any] = {}
        self.args: list[str] = []
        self.requires: dict[str, Any] = {}
        self.max_retries = 0
        self.max_render_s: float | None = None
        self.attempt = 0
        self.worker_id: str | None = None
        self.instance: str | None = None
        self.reported = False
        self.rendered: dict[int | None, dict[str, Any]] = {}
        self.retries = 0
        self.losses = 0
        self.preemptions = 0
        self.failure: str | None = None
        self.avoid: list[str] = []
        self.error_message: str | None = None
        self.retry_at: datetime | None = None
        self.stop: dict[str, Any] | None = None
        self.created_at = NEVER
        self.started_at: datetime | None = None
        self.progressed_at: datetime | None = None
        self.completed_at: datetime | None = None
        self.output_path: str | None = None
        self.output_size: int | None = None
        self.final_render_s: float | None = None

    @property
    def rank(self) -> int:
        """0 RUSH to 3 LOW: the smaller goes first."""
        return RANK[self.priority]

    @property
    def ended(self) -> bool:
        """Completed, cancelled, or failed for good: nothing happens to it by itself any more."""
        return self.status in ("completed", "cancelled") or (
            self.status == "failed" and self.retry_at is None
        )

    @property
    def signature(self) -> Signature:
        """What decides which workers can run it: tasks with the same one wait in one queue."""
        return (
            self.renderer,
            self.requires.get("memory_mib") or 0,
            tuple(self.requires.get("tags") or ()),
            self.requires.get("renderer_version"),
            tuple(self.avoid),
        )

    def wanted(self) -> Sequence[int | None]:
        """All its frames; ``[None]`` for a still."""
        return [None] if self.frame_list is None else self.frame_list

    @property
    def avoided_names(self) -> set[str]:
        """The workers that it avoids, or avoided before they were started anew."""
        return {running.partition("/")[0] for running in self.avoid}

    def missing(self) -> list[int | None]:
        """Frames not yet rendered; ``[None]`` for a still."""
        return [frame for frame in self.wanted() if frame not in self.rendered]

    def keep(self, outputs: Iterable[dict[str, Any]]) -> None:
        """Remember finished frames."""
        for output in outputs:
            self.rendered[output["frame"]] = dict(output)

    def release(self) -> None:
        """No worker holds it any more."""
        self.worker_id = None
        self.instance = None
        self.stop = None
        self.reported = False

    def row(self) -> dict[str, Any]:
        """The task as a row of the view: JSON values only; ``load`` reads it back."""
        row = {name: plain(value) for name, value in vars(self).items() if name[0] != "_"}
        row["rendered"] = [self.rendered[key] for key in sorted(self.rendered, key=_by_frame)]
        row["task_id"] = str(self.id)
        row["version"] = self.version
        row["frames_total"] = 1 if self.frame_list is None else len(self.frame_list)
        done = self.status == "completed"
        row["frames_done"] = row["frames_total"] if done else len(self.rendered)
        row["frames_rendered"] = format_frames(key for key in self.rendered if key is not None)
        return row

    @classmethod
    def load(cls, row: dict[str, Any]) -> "Task":
        """The task that a row was made of."""
        task = cls.blank(UUID(row["task_id"]))
        for name in vars(task):
            if name[0] != "_":
                setattr(task, name, row[name])
        for name in ("created_at", "started_at", "progressed_at", "completed_at", "retry_at"):
            setattr(task, name, time_of(row[name]))
        if task.stop is not None:
            task.stop = {**task.stop, "requested_at": time_of(task.stop["requested_at"])}
        task.rendered = {output["frame"]: output for output in row["rendered"]}
        task.version = row["version"]
        return task


_SCALARS = frozenset({str, int, float, bool, type(None)})


def running_of(worker_id: str, instance: str | None) -> str:
    """What a task avoids after a worker's own fault: that start of the agent, not the place.

    Whoever mends the place starts the agent again; a pull worker has no instance and stays avoided.
    """
    return worker_id if instance is None else f"{worker_id}/{instance}"


def _by_frame(key: int | None) -> int:
    return -(10**10) if key is None else key


def time_of(text: str | None) -> datetime | None:
    """Read a time as rows hold it."""
    return None if text is None else datetime.fromisoformat(text)


def plain(value: Any) -> Any:
    """The value as JSON has it."""
    if type(value) in _SCALARS:
        return value
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return list(value) if isinstance(value, tuple | list) else value
