"""Changing a task: its status as in the original, and one address per verb."""

from typing import Any
from uuid import UUID

from litestar import Response, patch, post, put
from litestar.params import FromPath
from pydantic import BaseModel

from rushlight.messages.commands import (
    CancelTask,
    CompleteTask,
    FailAttempt,
    Output,
    PauseTask,
    ReprioritiseTask,
    RequeueTask,
    ResumeTask,
    RetryTask,
    StartTask,
    TaskCommand,
)
from rushlight.messages.resources import (
    AcceptedResource,
    CompleteBody,
    CompletionResource,
    OutputBody,
    PriorityBody,
    RequeueBody,
    StatusBody,
    TaskResource,
)
from rushlight.shapes import completion_resource
from rushlight_api.access import AGENTS, CHANGERS, SUBMITTERS
from rushlight_api.asking import ask_as_worker, task_answer, task_now
from rushlight_api.farm import farm_of
from rushlight_api.operations import operation
from rushlight_api.ownership import own_task, reporter, status_setter
from rushlight_api.ports import Row
from rushlight_api.reading import Incoming, NoBody, read_body, senseless, task_id_of
from rushlight_api.showing import answer
from rushlight_api.stamps import stamp_of
from rushlight_api.versions import version_wanted

TAG = "renders"
PROBLEMS = (400, 404, 409, 412, 413, 415, 422, 503)
ANSWERS: dict[int, Any] = {200: TaskResource, 202: AcceptedResource}


@put(
    "/renders/{task_id:str}/status",
    **operation(
        "setRenderStatus",
        TAG,
        ANSWERS,
        allowed=CHANGERS,
        bodies=(StatusBody,),
        body_required=True,
        problems=PROBLEMS,
        conditional=True,
        examples={"a worker reports a failure": {"status": "failed", "errorMessage": "no memory"}},
    ),
)
async def set_status(request: Incoming, task_id: FromPath[str]) -> Response[bytes]:
    """Set the status of a task, where that is a legal step.

    `failed`, `completed`, `cancelled`, `paused`; `pending` retries a failed task and resumes a
    paused one; `rendering`, with `workerId`, gives it to that ready worker or notes that it runs
    there. `outputs` may come with `completed` (every frame) and `failed` (those in place).
    """
    farm = farm_of(request)
    body = await read_body(request, StatusBody)
    row = await farm.task(task_id_of(task_id))
    worker_id = status_setter(request, row, body.status, body.worker_id)
    fields = _fields(request, body, UUID(row["task_id"]))
    await ask_as_worker(
        request,
        _status_command(body.model_copy(update={"worker_id": worker_id}), row, fields),
        location=f"/renders/{row['task_id']}",
        worker_id=worker_id or row["worker_id"],
    )
    return await task_now(farm, fields["task_id"])


def _status_command(body: StatusBody, row: Row, fields: dict[str, Any]) -> TaskCommand:
    """The command that a status stands for; the dispatcher decides whether it is legal."""
    report = {**fields, "attempt": body.attempt, "worker_id": body.worker_id}
    outputs = _outputs(body.outputs)
    if outputs is not None and body.status not in ("completed", "failed"):
        raise senseless("#/outputs", "only a completed or a failed task has them")
    match body.status:
        case "failed":
            reason = body.error_message or "Reported failed"
            return FailAttempt(**report, reason=reason, outputs=outputs or ())
        case "completed":
            return CompleteTask(**report, outputs=outputs)
        case "cancelled":
            return CancelTask(**fields)
        case "paused":
            return PauseTask(**fields)
        case "pending":
            return ResumeTask(**fields) if row["status"] == "paused" else RetryTask(**fields)
        case _:
            return StartTask(**fields, worker_id=_named(body), attempt=body.attempt)


def _named(body: StatusBody) -> str:
    if body.worker_id is None:
        raise senseless("#/workerId", "is required with status rendering: who renders it")
    return body.worker_id


@post(
    "/renders/{task_id:str}/complete",
    **operation(
        "completeRender",
        TAG,
        {200: CompletionResource, 202: AcceptedResource},
        allowed=AGENTS,
        bodies=(CompleteBody,),
        problems=PROBLEMS,
        keyed=True,
        conditional=True,
        examples={
            "the current attempt": {},
            "with what was written": {
                "attempt": 1,
                "workerId": "alpha",
                "outputs": [{"path": "out:shot-010/frame.png", "bytes": 48213, "renderTime": 12.5}],
            },
        },
    ),
)
async def complete(request: Incoming, task_id: FromPath[str]) -> Response[bytes]:
    """Report a task as completed.

    Without `attempt` the current one is meant (plain REST workers only).
    """
    farm = farm_of(request)
    body = await read_body(request, CompleteBody)
    row = await farm.task(task_id_of(task_id))
    worker_id = reporter(request, row, body.worker_id)
    command = CompleteTask(
        **_fields(request, body, UUID(row["task_id"])),
        attempt=body.attempt,
        worker_id=worker_id,
        outputs=_outputs(body.outputs),
    )
    await ask_as_worker(
        request,
        command,
        location=f"/renders/{row['task_id']}",
        worker_id=worker_id or row["worker_id"],
    )
    return answer(completion_resource(await farm.task(UUID(row["task_id"]))))


def _outputs(bodies: list[OutputBody] | None) -> tuple[Output, ...] | None:
    if bodies is None:
        return None
    return tuple(
        Output(
            frame=body.frame,
            path=body.path,
            bytes=body.bytes,
            sha256=body.sha256,
            render_s=body.render_time,
        )
        for body in bodies
    )


@patch(
    "/renders/{task_id:str}",
    **operation(
        "changeRender",
        TAG,
        ANSWERS,
        allowed=SUBMITTERS,
        bodies=(PriorityBody,),
        body_required=True,
        problems=PROBLEMS,
        conditional=True,
        examples={"first of all": {"priority": "RUSH"}},
    ),
)
async def change(request: Incoming, task_id: FromPath[str]) -> Response[bytes]:
    """Change the priority of a task."""
    body = await read_body(request, PriorityBody)
    number = await _known(request, task_id)
    command = ReprioritiseTask(**_fields(request, body, number), priority=body.priority)
    return await task_answer(request, number, command)


def _fields(request: Incoming, body: BaseModel, task_id: UUID) -> dict[str, Any]:
    """What every change of a task carries."""
    return {
        **stamp_of(request, body).fields,
        "task_id": task_id,
        "expected_version": version_wanted(request),
    }


async def _known(request: Incoming, task_id: str) -> UUID:
    """The id of a task that there is, and that the caller may change."""
    return own_task(request, await farm_of(request).task(task_id_of(task_id)))


def _verb(name: str, kind: type[TaskCommand], summary: str) -> Any:
    """One address per verb that needs nothing but the task."""

    @post(
        f"/renders/{{task_id:str}}/{name}",
        name=f"{name}_render",
        summary=summary,
        **operation(
            f"{name}Render",
            TAG,
            ANSWERS,
            allowed=SUBMITTERS,
            bodies=(NoBody,),
            problems=PROBLEMS,
            keyed=True,
            conditional=True,
        ),
    )
    async def handler(request: Incoming, task_id: FromPath[str]) -> Response[bytes]:
        body = await read_body(request, NoBody)
        number = await _known(request, task_id)
        return await task_answer(request, number, kind(**_fields(request, body, number)))

    return handler


@post(
    "/renders/{task_id:str}/requeue",
    **operation(
        "requeueRender",
        TAG,
        ANSWERS,
        allowed=SUBMITTERS,
        bodies=(RequeueBody,),
        problems=PROBLEMS,
        keyed=True,
        conditional=True,
        examples={"all of it": {}, "some frames": {"frames": "3-5"}},
    ),
)
async def requeue(request: Incoming, task_id: FromPath[str]) -> Response[bytes]:
    """Render an ended task again: all frames, or these."""
    body = await read_body(request, RequeueBody)
    number = await _known(request, task_id)
    command = RequeueTask(**_fields(request, body, number), frames=body.frames)
    return await task_answer(request, number, command)


HANDLERS = [
    set_status,
    complete,
    change,
    requeue,
    _verb("cancel", CancelTask, "End a task without a result."),
    _verb("retry", RetryTask, "Try a failed task again."),
    _verb("pause", PauseTask, "Hold a pending task."),
    _verb("resume", ResumeTask, "Let a paused task wait again."),
]
