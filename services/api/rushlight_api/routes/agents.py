"""What push agents call: heartbeats, messages, reports. See ``docs/worker-protocol.md``."""

from typing import Any, cast

import orjson
from litestar import Response, get, post
from litestar.params import FromPath
from pydantic import Field

from rushlight.errors import InvalidRequest, NoAnswer, StaleReport, Unavailable
from rushlight.messages.commands import (
    COMMAND_KINDS,
    AttemptStopped,
    CompleteTask,
    FailAttempt,
    FramesRendered,
    Report,
)
from rushlight.messages.resources import (
    ErrorPart,
    MessagesResource,
    ReportsBody,
    ReportsResource,
)
from rushlight.messages.work import HEARTBEAT_KINDS, Heartbeat, HeartbeatAnswer
from rushlight_api.access import AGENTS
from rushlight_api.farm import Farm, farm_of
from rushlight_api.mailboxes import GONE, Mailbox
from rushlight_api.operations import operation
from rushlight_api.problems import Malformed
from rushlight_api.reading import (
    Incoming,
    Query,
    pointer,
    read_body,
    read_json,
    read_query,
    senseless,
    worker_id_of,
)
from rushlight_api.showing import answer
from rushlight_api.stamps import principal_of
from rushlight_api.waiting import Hold, wait_of

TAG = "agents"
# Ids of this kind can be foreseen (stamps): whoever came first would answer for another.
KEYED = 5
REPORTS: tuple[type[Report], ...] = (FramesRendered, CompleteTask, FailAttempt, AttemptStopped)


class MessagesQuery(Query):
    """Which messages, and how long to wait for one."""

    instance: str = Field(min_length=1, max_length=64)
    after: int = Field(0, ge=0, description="the last number that was handled: acknowledges it")
    wait: float | None = Field(None, ge=0, description="seconds to wait for a message")


@post(
    "/workers/{worker_id:str}/heartbeat",
    **operation(
        "heartbeat",
        TAG,
        {200: HeartbeatAnswer},
        allowed=AGENTS,
        bodies=(Heartbeat,),
        body_required=True,
        problems=(400, 413, 415, 422, 503),
        examples={
            "idle": {
                "kind": "Heartbeat",
                "version": 1,
                "worker_id": "alpha",
                "instance": "4f1c2d",
                "sequence": 1,
            }
        },
    ),
)
async def heartbeat(request: Incoming, worker_id: FromPath[str]) -> Response[bytes]:
    """Say that an instance lives and what it does; the answer extends its lease, or ends it."""
    farm = farm_of(request)
    name = worker_id_of(worker_id)
    beat = cast("Heartbeat", _read(HEARTBEAT_KINDS, await read_json(request), "#"))
    if beat.worker_id != name:
        raise senseless("#/worker_id", f"is not the worker of the address, {name}")
    return _plain((await farm.beat(beat)).to_wire())


def _plain(wire: dict[str, Any]) -> Response[bytes]:
    return Response(orjson.dumps(wire), media_type="application/json")


def _read(kinds: Any, wire: Any, at: str) -> Any:
    """A message from its wire form; its form is the client's matter."""
    try:
        return kinds.read(wire)
    except InvalidRequest as error:
        raise _wrong(at, str(error)) from None


def _wrong(at: str, detail: str) -> Malformed:
    return Malformed(f"{at} {detail}", [ErrorPart(pointer=at, detail=detail)])


@get(
    "/workers/{worker_id:str}/messages",
    **operation(
        "readMessages",
        TAG,
        {200: MessagesResource},
        allowed=AGENTS,
        query=MessagesQuery,
        problems=(400, 404, 409, 503),
    ),
)
async def read_messages(request: Incoming, worker_id: FromPath[str]) -> Response[bytes]:
    """Fetch what the farm says to an instance; `after` acknowledges what was handled."""
    farm = farm_of(request)
    name = worker_id_of(worker_id)
    query = read_query(request, MessagesQuery)
    wait_s = wait_of(request, query.wait, farm.settings.request_wait_max_s)
    await _refuse_stale(farm, name, query.instance)
    box = await farm.mailboxes.open(name, query.instance)
    shown = await _shown(request, farm, box, query.after, wait_s)
    if box.closed.is_set():
        await _refuse_stale(farm, name, query.instance, leaving=True)
    return answer(
        MessagesResource(
            items=[{"seq": seq, "message": message.to_wire()} for seq, message in shown],
            next=shown[-1][0] if shown else query.after,
        )
    )


async def _shown(
    request: Incoming, farm: Farm, box: Mailbox, after: int, wait_s: float
) -> list[Any]:
    shown = box.read(after)
    if shown or wait_s == 0:
        return shown
    async with Hold(request, wait_s=wait_s, stopping=farm.stopping) as hold:
        while True:
            news = box.news()
            shown = box.read(after)
            if shown or box.closed.is_set() or not await hold.until(news):
                return shown


async def _refuse_stale(farm: Farm, name: str, instance: str, *, leaving: bool = False) -> None:
    """Only the instance that is there gets messages; one that is ``leaving`` may hear no more.

    Raises:
        NotFound: no such worker.
        StaleReport: another instance is there, or none.
    """
    row = await farm.worker(name)
    if leaving and row["instance"] == instance and row["status"] == "offline":
        return
    if row["instance"] != instance or row["status"] in GONE:
        raise StaleReport(
            f"instance {instance} of worker {name} is not there (any more): join anew with"
            " another instance"
        )


@post(
    "/workers/{worker_id:str}/reports",
    **operation(
        "report",
        TAG,
        {200: ReportsResource},
        allowed=AGENTS,
        bodies=(ReportsBody,),
        messages={"reports": REPORTS},
        body_required=True,
        problems=(400, 413, 415, 422, 503),
    ),
)
async def report(request: Incoming, worker_id: FromPath[str]) -> Response[bytes]:
    """Report on attempts; each report gets its outcome, refused ones too.

    503: not all are known yet; send the same reports again.
    """
    farm = farm_of(request)
    name = worker_id_of(worker_id)
    body = await read_body(request, ReportsBody)
    principal = principal_of(request)
    reports = [
        _report(wire, name, body.instance, principal, pointer("reports", index))
        for index, wire in enumerate(body.reports)
    ]
    outcomes = [await _outcome(farm, one) for one in reports]
    return answer(ReportsResource(outcomes=outcomes))


def _report(wire: Any, name: str, instance: str, principal: str, at: str) -> Report:
    found = _read(COMMAND_KINDS, wire, at)
    if not isinstance(found, REPORTS):
        known = ", ".join(kind.kind() for kind in REPORTS)
        raise _wrong(f"{at}/kind", f"is no report; reports are {known}")
    if found.worker_id != name:
        raise senseless(f"{at}/worker_id", f"is not the worker of the address, {name}")
    if found.instance != instance:
        raise senseless(f"{at}/instance", f"is not the instance of the body, {instance}")
    if found.command_id.version == KEYED:
        raise senseless(f"{at}/command_id", "follows from an Idempotency-Key: take a random one")
    if found.attempt is None:
        raise senseless(f"{at}/attempt", "is required: an agent knows which attempt it speaks for")
    return found.model_copy(update={"principal": principal, "digest": None})


async def _outcome(farm: Farm, one: Report) -> dict[str, Any]:
    try:
        return (await farm.outcome_of(one)).to_wire()
    except NoAnswer as error:
        raise Unavailable(f"{error}: send the same reports again") from None


HANDLERS = [heartbeat, read_messages]
