"""Rows of the views and events of the log in the form that people and programs see.

HTTP answers it, and ``rushlight audit`` prints it: so what the farm was is shown as what it is.
Nothing here reads anything: rows and events come in.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol

from rushlight.messages.audit import StateResource
from rushlight.messages.keys import KeyResource
from rushlight.messages.outputs import OutputResource
from rushlight.messages.resources import (
    AttemptResource,
    CompletionResource,
    EventResource,
    JobResource,
    StopResource,
    TaskPage,
    TaskResource,
    WorkerPage,
    WorkerResource,
)

Row = Mapping[str, Any]
Progress = Mapping[tuple[str, int], float]


class Heard(Protocol):
    """What is known of one worker's current instance."""

    @property
    def instance(self) -> str | None:
        """Which start of it; None for a pull worker."""
        ...

    @property
    def sequence(self) -> int:
        """Of the last heartbeat; negative: none yet."""
        ...

    @property
    def seen_at(self) -> datetime:
        """When the last one came."""
        ...

    @property
    def running(self) -> Sequence[Mapping[str, Any]]:
        """What it renders, and how far that is."""
        ...


class Then(Protocol):
    """A moment of the farm's past; ``time`` is None before the first event."""

    @property
    def position(self) -> int:
        """The last event that counts."""
        ...

    @property
    def time(self) -> datetime | None:
        """Of that event."""
        ...

    @property
    def round(self) -> int:
        """The last one that was closed."""
        ...

    @property
    def planner(self) -> int | None:
        """The placement rules of that round."""
        ...

    @property
    def settings(self) -> Mapping[str, Any] | None:
        """What decisions read."""
        ...

    @property
    def head(self) -> int:
        """The log's last position."""
        ...


def progress_in(heard: Iterable[Heard]) -> Progress:
    """How far attempts are, 0 to 1, by (task, attempt), from the last heartbeats."""
    runs = [run for one in heard for run in one.running]
    return {(str(run["task_id"]), run["attempt"]): run["progress"] for run in runs}


def task_resource(row: Row, progress: Progress, now: datetime) -> TaskResource:
    """A task."""
    return TaskResource(
        task_id=row["task_id"],
        name=row["name"],
        job_id=row["job_id"],
        submitted_by=row["submitted_by"],
        status=row["status"],
        priority=row["priority"],
        estimated_render_time=row["estimated_render_s"],
        overrun=_overrun(row, now),
        attempt=row["attempt"],
        worker_id=row["worker_id"],
        retries=row["retries"],
        max_retries=row["max_retries"],
        losses=row["losses"],
        preemptions=row["preemptions"],
        error_message=row["error_message"],
        retry_at=row["retry_at"],
        creation_time=row["created_at"],
        start_time=row["started_at"],
        completion_time=row["completed_at"],
        renderer=row["renderer"],
        scene=row["scene"],
        output=row["output"],
        frames=row["frames"],
        frames_rendered=row["frames_rendered"] or None,
        frames_total=row["frames_total"],
        frames_done=row["frames_done"],
        progress=_progress(row, progress),
        output_path=row["output_path"],
        output_size=row["output_size"],
        final_render_time=row["final_render_s"],
        settings=row["settings"],
        args=row["args"],
        requires=_requires(row["requires"]),
        stop=_stop(row["stop"]),
        version=row["version"],
    )


def _stop(stop: Row | None) -> StopResource | None:
    if stop is None:
        return None
    return StopResource(
        reason=stop["reason"], for_task_id=stop["for_task_id"], requested=stop["requested_at"]
    )


def _overrun(row: Row, now: datetime) -> bool:
    estimate, started = row["estimated_render_s"], row["started_at"]
    if row["status"] != "rendering" or estimate is None or started is None:
        return False
    rendered_s: float = (now - datetime.fromisoformat(started)).total_seconds()
    return rendered_s > float(estimate)


def _progress(row: Row, progress: Progress) -> float | None:
    if row["status"] == "completed":
        return 1.0
    if row["status"] != "rendering":
        return None
    return progress.get((row["task_id"], row["attempt"]))


def _requires(requires: Mapping[str, Any]) -> dict[str, Any]:
    names = {"memory_mib": "memoryMib", "renderer_version": "rendererVersion"}
    return {names.get(name, name): value for name, value in requires.items() if value}


def worker_resource(row: Row, heard: Heard | None) -> WorkerResource:
    """A worker; its last heartbeat is that of its current instance."""
    if heard is not None and (heard.instance != row["instance"] or heard.sequence < 0):
        heard = None
    return WorkerResource(
        worker_id=row["worker_id"],
        status=row["status"],
        mode=row["mode"],
        last_heartbeat=None if heard is None else heard.seen_at,
        current_task_id=row["task_id"],
        current_attempt=row["attempt"],
        instance=row["instance"],
        renderers=row["renderers"],
        default_scene=row["default_scene"],
        memory_mib=row["memory_mib"],
        tags=row["tags"],
        provisioned=row["provisioned"],
        requested_for=row["requested_for"],
        reason=row["reason"],
        version=row["version"],
    )


def job_resource(row: Row) -> JobResource:
    """A job."""
    return JobResource(
        job_id=row["job_id"],
        tasks=row["tasks"],
        by_status=row["by_status"],
        frames_total=row["frames_total"],
        frames_done=row["frames_done"],
        creation_time=row["created_at"],
        completion_time=row["completed_at"],
    )


def completion_resource(row: Row) -> CompletionResource:
    """What the original answers to ``complete``."""
    return CompletionResource(
        status=row["status"],
        output_path=row["output_path"],
        output_size=row["output_size"],
        final_render_time=row["final_render_s"],
    )


def output_resource(output: Row) -> OutputResource:
    """A finished frame."""
    return OutputResource(
        frame=output["frame"],
        path=output["path"],
        bytes=output.get("bytes"),
        sha256=output.get("sha256"),
        render_time=output.get("render_s"),
    )


def attempt_resource(row: Row, frames_rendered: str) -> AttemptResource:
    """One attempt."""
    return AttemptResource(
        attempt=row["attempt"],
        worker_id=row["worker_id"],
        start_time=row["started_at"],
        end_time=row["ended_at"],
        result=row["result"],
        detail=row["detail"],
        frames_rendered=frames_rendered or None,
        outputs=list(row["rendered"]),
    )


def key_resource(row: Any) -> KeyResource:
    """A key, of whatever has its fields; its text is known to its holder alone."""
    return KeyResource(**{name: getattr(row, name) for name in KeyResource.model_fields})


def state_resource(
    then: Then,
    *,
    counts: Mapping[str, int] | None,
    tasks: Iterable[Row],
    next_tasks: str | None,
    workers: Iterable[Row],
    next_workers: str | None,
) -> StateResource:
    """The farm as it was, from rows as they were."""
    return StateResource.model_validate(
        {
            "position": then.position,
            "time": then.time,
            "round": then.round,
            "planner": then.planner,
            "settings": then.settings,
            "head": then.head,
            "counts": counts,
            "tasks": TaskPage(items=[past_task(then, row) for row in tasks], next=next_tasks),
            "workers": WorkerPage(
                items=[worker_resource(row, None) for row in workers], next=next_workers
            ),
        }
    )


def past_task(then: Then, row: Row) -> TaskResource:
    """A task as it was; what its worker said of its progress is not on the log."""
    # Before the first event there is no task.
    return task_resource(row, {}, then.time or datetime.max.replace(tzinfo=UTC))


def event_resource(position: int, event: Any) -> EventResource:
    """One event with its position."""
    worker_id = getattr(event, "worker_id", None)
    topic: str = event.TOPIC
    return EventResource(
        position=position,
        topic=topic,
        time=event.timestamp,
        version=event.originator_version,
        task_id=event.originator_id if topic.startswith("rushlight.task.") else None,
        worker_id=worker_id,
        principal=event.principal,
        command_id=event.command_id,
        command=event.command,
        payload=event.payload(),
    )
