"""Bodies of submissions as new tasks, and refusals pointing back into those bodies."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid5

from rushlight.domain.frames import format_frames, parse_frames
from rushlight.errors import InvalidRequest, RushlightError
from rushlight.messages.commands import NewTask, Requirements
from rushlight.messages.resources import (
    TASKS_MAX,
    ErrorPart,
    ExpandBody,
    RenderBody,
    TasksBody,
)
from rushlight_api.reading import parse, pointer
from rushlight_api.stamps import Stamp

# Frames of the longest expansion: TASKS_MAX tasks; most of them would have one frame.
EXPANDED_FRAMES_MAX = 1_000_000
_WIRE_NAMES = {"renderer_version": "requires/rendererVersion"}


def new_task(body: RenderBody, task_id: UUID, **changes: Any) -> NewTask:
    """One task as submitted."""
    wish = body.requires
    fields = {
        "task_id": task_id,
        "priority": body.priority,
        "estimated_render_s": body.estimated_render_time,
        "name": body.name,
        "job_id": body.job_id,
        "renderer": body.renderer,
        "scene": body.scene,
        "output": body.output,
        "frames": body.frames,
        "settings": body.settings,
        "args": tuple(body.args),
        "requires": Requirements(
            memory_mib=wish.memory_mib,
            tags=tuple(wish.tags),
            renderer_version=wish.renderer_version,
        ),
        "max_retries": body.max_retries,
        "max_render_s": body.max_render_time,
    }
    return NewTask(**{**fields, **changes})


def read_batch(value: Any) -> TasksBody | ExpandBody:
    """A batch: ``{"tasks": […]}``, or one body with ``frames`` and ``framesPerTask``.

    Raises:
        Malformed: with a part for every wrong field of the form that it looks like.
    """
    if (
        isinstance(value, dict)
        and "tasks" not in value
        and value.keys()
        & {
            "framesPerTask",
            "frames",
        }
    ):
        return parse(ExpandBody, value)
    return parse(TasksBody, value)


def batch_tasks(body: TasksBody | ExpandBody, stamp: Stamp) -> list[NewTask]:
    """The tasks of a batch, all with one job id.

    Raises:
        InvalidRequest: frames that make no sense, or too many tasks.
    """
    if isinstance(body, ExpandBody):
        return _expanded(body, stamp)
    job_id = body.job_id or _job_of(stamp)
    ids = stamp.task_ids(len(body.tasks))
    return [
        new_task(one, task_id, job_id=one.job_id or job_id)
        for one, task_id in zip(body.tasks, ids, strict=True)
    ]


def _expanded(body: ExpandBody, stamp: Stamp) -> list[NewTask]:
    try:
        frames = parse_frames(body.frames, most=EXPANDED_FRAMES_MAX)
    except InvalidRequest as error:
        raise _at("frames", str(error)) from None
    size = body.frames_per_task
    parts = [frames[start : start + size] for start in range(0, len(frames), size)]
    if len(parts) > TASKS_MAX:
        raise _at("framesPerTask", f"{len(parts):,} tasks: a batch has at most {TASKS_MAX:,}")
    job_id = body.job_id or _job_of(stamp)
    ids = stamp.task_ids(len(parts))
    return [
        new_task(body, task_id, job_id=job_id, frames=format_frames(part))
        for task_id, part in zip(ids, parts, strict=True)
    ]


def _at(field: str, detail: str) -> InvalidRequest:
    return InvalidRequest(detail, parts=[ErrorPart(pointer=pointer(field), detail=detail)])


def _job_of(stamp: Stamp) -> str:
    """A job id that a repeated request gets again."""
    return f"job-{uuid5(stamp.command_id, 'job')}"


def pointing(error: RushlightError, body: TasksBody | ExpandBody | RenderBody) -> RushlightError:
    """The same refusal with a pointer to each place in the body that it is about."""
    found: Sequence[Any] = error.facts.pop("errors", ())
    parts = [_part(one, body) for one in found]
    if parts:
        error.facts["parts"] = list(dict.fromkeys(parts))
    return error


def _part(fault: Any, body: TasksBody | ExpandBody | RenderBody) -> ErrorPart:
    path: list[str | int] = ["tasks", fault["index"]] if isinstance(body, TasksBody) else []
    field = fault.get("field")
    if field is not None:
        path += _WIRE_NAMES.get(field, field).split("/")
    return ErrorPart(pointer=pointer(*path), detail=fault["detail"])
