"""Workers as people and plain REST workers see them; what agents call is in ``agents``."""

from typing import Annotated, Any, get_args

from litestar import Response, get, post, put
from litestar.params import FromPath
from pydantic import Field

from rushlight.domain.why import why_worker
from rushlight.errors import NoAnswer, RuleBroken, Unavailable
from rushlight.messages.commands import (
    Capabilities,
    DrainWorker,
    JoinWorker,
    LeaveWorker,
    RequestTask,
    SetWorkerStatus,
    UndrainWorker,
)
from rushlight.messages.outcomes import Outcome
from rushlight.messages.resources import (
    AcceptedResource,
    CapabilitiesBody,
    TaskResource,
    WhyResource,
    WorkerPage,
    WorkerResource,
    WorkerStatus,
    WorkerStatusBody,
)
from rushlight.shapes import worker_resource
from rushlight_api.access import AGENTS, KEYHOLDERS, OPERATORS, READERS, Allowed
from rushlight_api.asking import (
    shown_worker,
    task_now,
    worker_answer,
    worker_now,
)
from rushlight_api.cursors import cursor_of, place_of
from rushlight_api.farm import Farm, farm_of
from rushlight_api.listing import LIMIT, LIMIT_MAX, listed, only, several
from rushlight_api.operations import operation
from rushlight_api.reading import (
    Incoming,
    NoBody,
    Query,
    read_body,
    read_query,
    senseless,
    worker_id_of,
)
from rushlight_api.showing import answer
from rushlight_api.stamps import Stamp, stamp_of
from rushlight_api.versions import unchanged, version_wanted
from rushlight_api.waiting import Hold, wait_of

TAG = "workers"
PROBLEMS = (400, 404, 409, 413, 415, 503)
STATUSES: tuple[str, ...] = get_args(WorkerStatus)


class WorkersQuery(Query):
    """Filters of ``GET /workers``."""

    status: Annotated[str | None, only(STATUSES)] = Field(
        None,
        description="one or several, with commas",
        examples=["ready,busy"],
        json_schema_extra=listed(*STATUSES),
    )
    limit: int = Field(LIMIT, ge=1, le=LIMIT_MAX)
    cursor: str | None = Field(None, description="`next` of the page before")


class WaitQuery(Query):
    """How long an answer may take."""

    wait: float | None = Field(
        None, ge=0, description="seconds to wait for work (or the header `Prefer: wait=25`)"
    )


@get(
    "/workers",
    **operation(
        "listWorkers",
        TAG,
        {200: WorkerPage},
        allowed=READERS,
        query=WorkersQuery,
        problems=(400, 503),
    ),
)
async def list_workers(request: Incoming) -> Response[bytes]:
    """List workers, by id."""
    farm = farm_of(request)
    query = read_query(request, WorkersQuery)
    rows = await farm.read(
        farm.log.views.workers,
        after_id=place_of(query.cursor, query, str),
        status=several(query.status),
        limit=query.limit + 1,
    )
    page, more = rows[: query.limit], len(rows) > query.limit
    heard = {one.worker_id: one for one in await farm.read(farm.liveness.rows)}
    return answer(
        WorkerPage(
            items=[worker_resource(row, heard.get(row["worker_id"])) for row in page],
            next=cursor_of(page[-1]["worker_id"], query) if more else None,
        )
    )


@get(
    "/workers/{worker_id:str}",
    **operation(
        "readWorker",
        TAG,
        {200: WorkerResource, 304: None},
        allowed=KEYHOLDERS,
        problems=(400, 404, 503),
    ),
)
async def read_worker(request: Incoming, worker_id: FromPath[str]) -> Response[bytes]:
    """Read a worker; 304 where `If-None-Match` names the version that it still has."""
    farm = farm_of(request)
    row = await farm.worker(worker_id_of(worker_id))
    return unchanged(request, row["version"]) or answer(await shown_worker(farm, row))


@get(
    "/workers/{worker_id:str}/why",
    **operation("whyWorker", TAG, {200: WhyResource}, allowed=KEYHOLDERS, problems=(400, 404)),
)
async def why(request: Incoming, worker_id: FromPath[str]) -> Response[bytes]:
    """Ask why a worker has nothing to do."""
    farm = farm_of(request)
    row = await farm.worker(worker_id_of(worker_id))
    async with farm.large_reads:
        live = await farm.read(farm.log.views.live_tasks)
        found = await farm.read(why_worker, row, farm.farm_settings, live)
    return answer(WhyResource.model_validate(found))


@put(
    "/workers/{worker_id:str}/status",
    **operation(
        "setWorkerStatus",
        TAG,
        {200: WorkerResource, 202: AcceptedResource},
        allowed=AGENTS,
        bodies=(WorkerStatusBody,),
        body_required=True,
        problems=PROBLEMS,
        examples={
            "a plain REST worker": {"status": "ready"},
            "an agent joins": {
                "status": "ready",
                "instance": "4f1c2d",
                "capabilities": {"renderers": {"mitsuba": "3.9.1"}},
            },
        },
    ),
)
async def set_status(request: Incoming, worker_id: FromPath[str]) -> Response[bytes]:
    """Say how a worker is; an unknown one is registered.

    With `instance` it is a push agent that joins (`ready`) or leaves (`offline`). Without, it is a
    plain REST worker: each call is a heartbeat, and `ready`, `offline` and `failed` give back a
    task that it holds.
    """
    farm = farm_of(request)
    name = worker_id_of(worker_id)
    body = await read_body(request, WorkerStatusBody)
    stamp = stamp_of(request, body)
    if body.instance is None:
        command = _pull_status(name, body, stamp)
        await _decided(farm, command)
        await farm.note_pull_worker(name)
        return await worker_now(farm, name)
    if body.status == "ready":
        return await _join(request, name, body.instance, body, stamp)
    if body.status == "offline":
        return await _leave(request, name, body.instance, body, stamp)
    wanted = f"of an agent is ready (joins) or offline (leaves), not {body.status}"
    raise senseless("#/status", wanted)


def _pull_status(name: str, body: WorkerStatusBody, stamp: Stamp) -> SetWorkerStatus:
    return SetWorkerStatus(
        **stamp.fields,
        worker_id=name,
        status=body.status,
        capabilities=None if body.capabilities is None else _capabilities(body.capabilities),
    )


def _capabilities(body: CapabilitiesBody) -> Capabilities:
    return Capabilities(
        renderers=body.renderers,
        default_scene=body.default_scene,
        memory_mib=body.memory_mib,
        tags=tuple(body.tags),
    )


async def _join(
    request: Incoming, name: str, instance: str, body: WorkerStatusBody, stamp: Stamp
) -> Response[bytes]:
    """Its queue is there before the farm may send to it."""
    if body.capabilities is None:
        raise senseless("#/capabilities", "is required when an agent joins")
    command = JoinWorker(
        **stamp.fields,
        worker_id=name,
        instance=instance,
        capabilities=_capabilities(body.capabilities),
        host=body.host,
        holds_lock=body.holds_lock,
        provisioned=body.provisioned,
    )
    farm = farm_of(request)
    await farm.mailboxes.open(name, instance)
    try:
        return await worker_answer(request, name, command)
    except RuleBroken:
        farm.mailboxes.drop(name, instance)
        raise


async def _leave(
    request: Incoming, name: str, instance: str, body: WorkerStatusBody, stamp: Stamp
) -> Response[bytes]:
    command = LeaveWorker(
        **stamp.fields, worker_id=name, instance=instance, reason=body.reason or "stopped"
    )
    return await worker_answer(request, name, command)


@post(
    "/workers/{worker_id:str}/request-task",
    **operation(
        "requestTask",
        TAG,
        {200: TaskResource, 204: None},
        allowed=AGENTS,
        bodies=(NoBody,),
        query=WaitQuery,
        problems=PROBLEMS,
        keyed=True,
    ),
)
async def request_task(request: Incoming, worker_id: FromPath[str]) -> Response[bytes]:
    """Ask for work, as a plain REST worker.

    204: there is none. With `wait` the answer comes as soon as there is work. Asking again before
    anything was reported gives the same attempt again.
    """
    farm = farm_of(request)
    name = worker_id_of(worker_id)
    wait_s = wait_of(request, read_query(request, WaitQuery).wait, farm.settings.request_wait_max_s)
    stamp = stamp_of(request, await read_body(request, NoBody))
    await farm.note_pull_worker(name)
    outcome = await _work_for(request, farm, name, stamp, wait_s)
    if outcome.task_id is None:
        return Response(b"", status_code=204)
    return await task_now(farm, outcome.task_id)


async def _work_for(
    request: Incoming, farm: Farm, name: str, stamp: Stamp, wait_s: float
) -> Outcome:
    """Ask until there is work, the time is up, or the client is gone."""
    turn = 0
    async with Hold(request, wait_s=wait_s, stopping=farm.stopping) as hold:
        while True:
            beat = farm.pulse.next_beat()
            command = RequestTask(**stamp.turn(turn), worker_id=name)
            outcome = await _decided(farm, command)
            if outcome.task_id is not None or not await hold.until(beat):
                return outcome
            turn += 1


async def _decided(farm: Farm, command: RequestTask | SetWorkerStatus) -> Outcome:
    """The outcome of a call that is a heartbeat as well: it need not be kept, so no 202 for it.

    Raises:
        Unavailable: there is none yet; the same again does no harm, and gives the same attempt.
    """
    try:
        return await farm.ask(command)
    except NoAnswer:
        raise Unavailable("the farm is busy and has not answered: send it again") from None


def _verb(
    name: str, kind: type[DrainWorker] | type[UndrainWorker], summary: str, allowed: Allowed
) -> Any:
    """One address per verb that needs nothing but the worker."""

    @post(
        f"/workers/{{worker_id:str}}/{name}",
        name=f"{name}_worker",
        summary=summary,
        **operation(
            f"{name}Worker",
            TAG,
            {200: WorkerResource, 202: AcceptedResource},
            allowed=allowed,
            bodies=(NoBody,),
            problems=(*PROBLEMS, 412),
            keyed=True,
            conditional=True,
        ),
    )
    async def handler(request: Incoming, worker_id: FromPath[str]) -> Response[bytes]:
        known = worker_id_of(worker_id)
        stamp = stamp_of(request, await read_body(request, NoBody))
        command = kind(**stamp.fields, worker_id=known, expected_version=version_wanted(request))
        return await worker_answer(request, known, command)

    return handler


HANDLERS = [
    list_workers,
    read_worker,
    why,
    set_status,
    request_task,
    _verb("drain", DrainWorker, "Give a worker no new work.", AGENTS),
    _verb("undrain", UndrainWorker, "Give a worker work again.", OPERATORS),
]
