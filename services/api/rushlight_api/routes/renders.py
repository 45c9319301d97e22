"""Submitting tasks and reading them."""

from typing import Annotated, get_args
from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath
from pydantic import Field, field_validator

from rushlight.domain.attempts import attempts_of
from rushlight.domain.frames import format_frames
from rushlight.domain.why import why_task
from rushlight.errors import RushlightError
from rushlight.messages.commands import Priority, SubmitTasks
from rushlight.messages.resources import (
    AcceptedResource,
    AttemptPage,
    BatchResource,
    EventPage,
    ExpandBody,
    RenderBody,
    TaskPage,
    TaskResource,
    TasksBody,
    TaskStatus,
    WhyResource,
)
from rushlight.shapes import attempt_resource, event_resource, progress_in, task_resource
from rushlight_api.access import READERS, SUBMITTERS
from rushlight_api.asking import ask, job_address, shown_task
from rushlight_api.cursors import cursor_of, place_of
from rushlight_api.farm import farm_of
from rushlight_api.listing import LIMIT, LIMIT_MAX, UUID_PATTERN, PageQuery, listed, only, several
from rushlight_api.operations import operation
from rushlight_api.ports import Row
from rushlight_api.reading import (
    Incoming,
    Query,
    read_body,
    read_json,
    read_query,
    task_id_of,
)
from rushlight_api.showing import answer
from rushlight_api.stamps import stamp_of
from rushlight_api.submissions import batch_tasks, new_task, pointing, read_batch
from rushlight_api.versions import unchanged

TAG = "renders"
IDS_MAX = 100
STATUSES: tuple[str, ...] = get_args(TaskStatus)


class RendersQuery(Query):
    """Filters of ``GET /renders``; all that are given must hold."""

    status: Annotated[str | None, only(STATUSES)] = Field(
        None,
        description="one or several, with commas",
        examples=["pending,rendering"],
        json_schema_extra=listed(*STATUSES),
    )
    task_id: str | None = Field(
        None,
        description=f"one or several, with commas, at most {IDS_MAX}",
        json_schema_extra=listed(UUID_PATTERN),
    )
    job_id: str | None = Field(None, description="tasks of this job")
    submitted_by: str | None = Field(None, description="tasks that this principal submitted")
    worker_id: str | None = Field(None, description="tasks that this worker has")
    priority: Priority | None = None
    renderer: str | None = None
    name: str | None = Field(None, description="what the name starts with")
    limit: int = Field(LIMIT, ge=1, le=LIMIT_MAX)
    cursor: str | None = Field(None, description="`next` of the page before")

    @field_validator("task_id")
    @classmethod
    def _ids(cls, text: str | None) -> str | None:
        if text is None:
            return None
        ids = text.split(",")
        if len(ids) > IDS_MAX:
            raise ValueError(f"should be at most {IDS_MAX} ids")
        try:
            return ",".join(str(UUID(one)) for one in ids)
        except ValueError:
            raise ValueError("should be ids of tasks, with commas between them") from None

    @property
    def task_ids(self) -> list[str] | None:
        """The ids that ``task_id`` holds."""
        return None if self.task_id is None else self.task_id.split(",")


@post(
    "/renders",
    **operation(
        "submitRender",
        TAG,
        {201: TaskResource, 202: AcceptedResource},
        allowed=SUBMITTERS,
        bodies=(RenderBody,),
        problems=(400, 409, 413, 415, 422, 503),
        keyed=True,
        headers={"Location": "the task"},
        examples={
            "the default scene, urgent": {"priority": "HIGH", "estimatedRenderTime": 3600},
            "frames of a scene": {
                "name": "orrery",
                "renderer": "mitsuba",
                "scene": "builtin:orrery.xml",
                "frames": "1-24",
                "priority": "LOW",
            },
        },
    ),
)
async def submit(request: Incoming) -> Response[bytes]:
    """Submit a task.

    Every field is optional. The answer is the task as the log has it; 202 when that takes too long.
    """
    farm = farm_of(request)
    body = await read_body(request, RenderBody)
    stamp = stamp_of(request, body)
    [task_id] = stamp.task_ids(1)
    location = f"/renders/{task_id}"
    command = SubmitTasks(**stamp.fields, tasks=(new_task(body, task_id),))
    await _submit(request, command, body, location)
    resource = await shown_task(farm, await farm.task(task_id))
    return answer(resource, status=201, headers={"Location": location})


async def _submit(
    request: Incoming,
    command: SubmitTasks,
    body: RenderBody | TasksBody | ExpandBody,
    location: str,
) -> None:
    try:
        await ask(request, command, location=location)
    except RushlightError as error:
        raise pointing(error, body) from None


@post(
    "/renders/batch",
    **operation(
        "submitBatch",
        TAG,
        {201: BatchResource, 202: AcceptedResource},
        allowed=SUBMITTERS,
        bodies=(TasksBody, ExpandBody),
        body_required=True,
        problems=(400, 409, 413, 415, 422, 503),
        keyed=True,
        headers={"Location": "the job"},
        examples={
            "a list": {"jobId": "shot-010", "tasks": [{"priority": "HIGH"}, {"priority": "LOW"}]},
            "frames, several to a task": {
                "renderer": "mitsuba",
                "scene": "scenes:orrery.xml",
                "frames": "1-48",
                "framesPerTask": 4,
            },
        },
    ),
)
async def submit_batch(request: Incoming) -> Response[bytes]:
    """Submit up to 10,000 tasks at once, all or none, as one job."""
    body = read_batch(await read_json(request))
    stamp = stamp_of(request, body)
    tasks = tuple(batch_tasks(body, stamp))
    jobs = {task.job_id for task in tasks}
    job_id = tasks[0].job_id if len(jobs) == 1 else None
    location = job_address(job_id) if job_id else "/renders"
    await _submit(request, SubmitTasks(**stamp.fields, tasks=tasks), body, location)
    resource = BatchResource(
        job_id=job_id, task_ids=[task.task_id for task in tasks], count=len(tasks)
    )
    return answer(resource, status=201, headers={"Location": location})


@get(
    "/renders",
    **operation(
        "listRenders",
        TAG,
        {200: TaskPage},
        allowed=READERS,
        query=RendersQuery,
        problems=(400, 503),
    ),
)
async def list_renders(request: Incoming) -> Response[bytes]:
    """List tasks, newest first."""
    farm = farm_of(request)
    query = read_query(request, RendersQuery)
    rows = await farm.read(
        farm.log.views.tasks,
        task_ids=query.task_ids,
        status=several(query.status),
        job_id=query.job_id,
        submitted_by=query.submitted_by,
        worker_id=query.worker_id,
        priority=query.priority,
        renderer=query.renderer,
        name_prefix=query.name,
        before_seq=place_of(query.cursor, query, int),
        limit=query.limit + 1,
    )
    page, more = rows[: query.limit], len(rows) > query.limit
    progress = progress_in(await farm.read(farm.liveness.rows))
    now = farm.clock.now()
    return answer(
        TaskPage(
            items=[task_resource(row, progress, now) for row in page],
            next=cursor_of(page[-1]["seq"], query) if more else None,
        )
    )


@get(
    "/renders/{task_id:str}",
    **operation(
        "readRender", TAG, {200: TaskResource, 304: None}, allowed=READERS, problems=(400, 404, 503)
    ),
)
async def read_render(request: Incoming, task_id: FromPath[str]) -> Response[bytes]:
    """Read a task; 304 where `If-None-Match` names the version that it still has."""
    farm = farm_of(request)
    row = await farm.task(task_id_of(task_id))
    return unchanged(request, row["version"]) or answer(await shown_task(farm, row))


@get(
    "/renders/{task_id:str}/events",
    **operation(
        "readRenderEvents",
        TAG,
        {200: EventPage},
        allowed=READERS,
        query=PageQuery,
        problems=(400, 404),
    ),
)
async def read_events(request: Incoming, task_id: FromPath[str]) -> Response[bytes]:
    """Read what happened to a task, oldest first."""
    farm = farm_of(request)
    query = read_query(request, PageQuery)
    number = task_id_of(task_id)
    await farm.task(number)
    after = place_of(query.cursor, query, int) or 0
    found = [one for one in await farm.read(farm.log.stream, number) if one[0] > after]
    page, more = found[: query.limit], len(found) > query.limit
    return answer(
        EventPage(
            items=[event_resource(position, event) for position, event in page],
            next=cursor_of(page[-1][0], query) if more else None,
        )
    )


@get(
    "/renders/{task_id:str}/attempts",
    **operation("readRenderAttempts", TAG, {200: AttemptPage}, allowed=READERS, problems=(404,)),
)
async def read_attempts(request: Incoming, task_id: FromPath[str]) -> Response[bytes]:
    """Read who tried to render a task, when, and what became of it."""
    farm = farm_of(request)
    number = task_id_of(task_id)
    await farm.task(number)
    events = [event for _, event in await farm.read(farm.log.stream, number)]
    items = [attempt_resource(row, _frames(row)) for row in attempts_of(events)]
    return answer(AttemptPage(items=items))


def _frames(attempt: Row) -> str:
    """The frames that an attempt has rendered."""
    numbers = (one["frame"] for one in attempt["rendered"])
    return format_frames(number for number in numbers if number is not None)


@get(
    "/renders/{task_id:str}/why",
    **operation("whyRender", TAG, {200: WhyResource}, allowed=READERS, problems=(404,)),
)
async def why_render(request: Incoming, task_id: FromPath[str]) -> Response[bytes]:
    """Ask why a task waits: the scheduler's own rules over all workers."""
    farm = farm_of(request)
    row = await farm.task(task_id_of(task_id))
    workers = await farm.read(farm.log.views.all_workers)
    async with farm.large_reads:
        live = await farm.read(farm.log.views.live_tasks)
        now = farm.clock.now()
        why = await farm.read(why_task, row, workers, farm.farm_settings, now, tasks=live)
    return answer(WhyResource.model_validate(why))


HANDLERS = [
    submit,
    list_renders,
    read_render,
    read_events,
    read_attempts,
    why_render,
]
