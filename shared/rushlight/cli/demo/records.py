"""One attempt as the demo shows it, read from the API's answers. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from rushlight.messages.resources import AttemptResource, TaskResource


@dataclass(frozen=True)
class AttemptRecord:
    """Who rendered what, when, and what became of it.

    ``frames`` is what the task wants and ``frames_rendered`` what this attempt finished, both as
    the API writes them (``1-4``); None: a still, or nothing. ``end`` is None while it renders.
    """

    task_id: str
    task: str
    priority: str
    frames: str | None
    attempt: int
    worker_id: str
    start: datetime
    end: datetime | None
    result: str
    detail: str | None
    frames_rendered: str | None


def attempt_records(
    task: TaskResource, attempts: Iterable[AttemptResource], names: Mapping[str, str]
) -> list[AttemptRecord]:
    """Read the attempts of one task; ``names`` are for people, in place of the ids of tasks."""
    return [
        AttemptRecord(
            task_id=str(task.task_id),
            task=task.name or str(task.task_id),
            priority=task.priority,
            frames=task.frames,
            attempt=one.attempt,
            worker_id=one.worker_id,
            start=one.start_time,
            end=one.end_time,
            result=one.result,
            detail=_named(one.detail, names),
            frames_rendered=one.frames_rendered,
        )
        for one in attempts
    ]


def _named(detail: str | None, names: Mapping[str, str]) -> str | None:
    for task_id, name in names.items():
        detail = detail and detail.replace(f"task {task_id}", name)
    return detail


def by_time(records: Iterable[AttemptRecord]) -> list[AttemptRecord]:
    """In the order in which they began; attempts that began together stay as they were."""
    return sorted(records, key=lambda record: record.start)
