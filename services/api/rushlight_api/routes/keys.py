"""Keys over HTTP: who asks, making and revoking keys, and enrolling workers."""

from datetime import timedelta

from litestar import Response, delete, get, post
from litestar.params import FromPath

from rushlight.keys.rows import KeyRow
from rushlight.keys.store import ENROLMENT_S
from rushlight.messages.keys import (
    CallerResource,
    EnrolmentResource,
    KeyBody,
    KeyPage,
    KeyResource,
    NewKeyResource,
    TokenBody,
)
from rushlight.shapes import key_resource
from rushlight_api.access import ADMINS, KEYHOLDERS, OPERATORS, PUBLIC
from rushlight_api.cursors import cursor_of, place_of
from rushlight_api.farm import farm_of
from rushlight_api.identity import caller_of, door_of
from rushlight_api.listing import PageQuery
from rushlight_api.operations import operation
from rushlight_api.reading import Incoming, NoBody, read_body, read_query, worker_id_of
from rushlight_api.showing import answer
from rushlight_api.stamps import principal_of

TAG = "keys"
# Here nobody is known yet, so little is taken from anybody.
TOKEN_BODY_MAX_BYTES = 4_096
UNKEPT = {"Cache-Control": "no-store"}
TOLD_ONCE = {"Cache-Control": "no-store: the answer holds a secret"}


@get("/whoami", **operation("readCaller", TAG, {200: CallerResource}, allowed=KEYHOLDERS))
async def whoami(request: Incoming) -> Response[bytes]:
    """Read as whom the farm knows you; without keys that is `anonymous`, with every right."""
    caller = caller_of(request)
    return answer(
        CallerResource.model_validate(
            {
                "principal": caller.principal,
                "role": caller.role,
                "worker_id": caller.worker_id,
                "key_id": caller.key_id,
            }
        )
    )


@post(
    "/keys",
    **operation(
        "createKey",
        TAG,
        {201: NewKeyResource},
        allowed=ADMINS,
        bodies=(KeyBody,),
        headers=TOLD_ONCE,
        body_required=True,
        problems=(400, 409, 413, 415, 422, 503),
        examples={
            "somebody who submits": {"name": "bob", "role": "submitter"},
            "a plain REST worker": {"name": "cloud-1", "role": "worker", "workerId": "cloud-1"},
        },
    ),
)
async def create_key(request: Incoming) -> Response[bytes]:
    """Make a key; its text is in this answer and nowhere else.

    The first key is an admin's: from then on the farm asks everybody for one. An `Idempotency-Key`
    has no effect here, since the text cannot be told twice.
    """
    body = await read_body(request, KeyBody)
    row, text = await farm_of(request).read(
        door_of(request).keys.create,
        body.name,
        body.role,
        body.worker_id,
        body.expires_at,
        created_by=principal_of(request),
    )
    return _new(row, text)


def _new(row: KeyRow, text: str) -> Response[bytes]:
    known = key_resource(row).model_dump()
    return answer(NewKeyResource(**known, key=text), status=201, headers=UNKEPT)


@get(
    "/keys",
    **operation(
        "listKeys", TAG, {200: KeyPage}, allowed=ADMINS, query=PageQuery, problems=(400, 503)
    ),
)
async def list_keys(request: Incoming) -> Response[bytes]:
    """List keys, oldest first, revoked ones too; without their texts."""
    query = read_query(request, PageQuery)
    after = place_of(query.cursor, query, str)
    rows = await farm_of(request).read(door_of(request).keys.ls, after=after, limit=query.limit + 1)
    page, more = rows[: query.limit], len(rows) > query.limit
    return answer(
        KeyPage(
            items=[key_resource(row) for row in page],
            next=cursor_of(page[-1].key_id, query) if more else None,
        )
    )


@delete(
    "/keys/{key_id:str}",
    **operation(
        "revokeKey", TAG, {200: KeyResource}, allowed=ADMINS, problems=(400, 404, 409, 503)
    ),
)
async def revoke_key(request: Incoming, key_id: FromPath[str]) -> Response[bytes]:
    """Revoke a key: its next request is refused. The row stays, with who did it."""
    row = await farm_of(request).read(door_of(request).keys.revoke, key_id, principal_of(request))
    return answer(key_resource(row))


@post(
    "/workers/{worker_id:str}/enrolment",
    **operation(
        "enrolWorker",
        TAG,
        {201: EnrolmentResource},
        allowed=OPERATORS,
        bodies=(NoBody,),
        headers=TOLD_ONCE,
        problems=(400, 413, 415, 503),
    ),
)
async def enrol_worker(request: Incoming, worker_id: FromPath[str]) -> Response[bytes]:
    """Make a token that a worker changes for its key, once and within ten minutes."""
    farm = farm_of(request)
    name = worker_id_of(worker_id)
    await read_body(request, NoBody)
    expires_at = farm.clock.now() + timedelta(seconds=ENROLMENT_S)
    token = await farm.read(door_of(request).keys.enrol, name, principal_of(request), ENROLMENT_S)
    resource = EnrolmentResource(worker_id=name, token=token, expires_at=expires_at)
    return answer(resource, status=201, headers=UNKEPT)


@post(
    "/workers/{worker_id:str}/key",
    **operation(
        "redeemEnrolment",
        TAG,
        {201: NewKeyResource},
        allowed=PUBLIC,
        bodies=(TokenBody,),
        headers=TOLD_ONCE,
        body_required=True,
        problems=(400, 409, 413, 415, 503),
        examples={"a token": {"token": "rle_abcdefghij_" + "a" * 52}},
    ),
    request_max_body_size=TOKEN_BODY_MAX_BYTES,
)
async def redeem_enrolment(request: Incoming, worker_id: FromPath[str]) -> Response[bytes]:
    """Change an enrolment token for the worker's key; the token is what lets you in."""
    name = worker_id_of(worker_id)
    body = await read_body(request, TokenBody)
    row, text = await farm_of(request).read(door_of(request).keys.redeem, body.token, name)
    return _new(row, text)


HANDLERS = [whoami, create_key, list_keys, revoke_key, enrol_worker, redeem_enrolment]
