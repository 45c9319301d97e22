"""Logs of attempts: workers send pieces, people read and follow."""

import re
from typing import NamedTuple
from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath
from pydantic import Field

from rushlight.domain.attempts import attempts_of
from rushlight.errors import NotFound
from rushlight.messages.resources import LogSizeResource
from rushlight_api.access import AGENTS, READERS
from rushlight_api.farm import Farm, farm_of
from rushlight_api.operations import Media, operation
from rushlight_api.ownership import own_attempt
from rushlight_api.ports import Row
from rushlight_api.problems import BodyTypeUnknown
from rushlight_api.reading import Incoming, Query, read_query, task_id_of, whole_body
from rushlight_api.showing import answer
from rushlight_api.waiting import Hold, wait_of

TAG = "attempts"
TEXT = "text/plain"
# Workers send what is new every second, and the rest after the attempt's last report.
SETTLES_S = 3.0
# What other processes of the farm write is seen after so long.
LOOK_S = 1.0
_NUMBER = re.compile(r"[0-9]{1,9}")


class OffsetQuery(Query):
    """Where in the log."""

    offset: int = Field(0, ge=0, description="bytes before it, of all that the worker sent")


class FollowQuery(OffsetQuery):
    """Where in the log, and how long to wait for more."""

    wait: float | None = Field(
        None, ge=0, description="seconds to wait until there is more, or nothing follows"
    )


@get(
    "/renders/{task_id:str}/attempts/{attempt:str}/log",
    **operation(
        "readAttemptLog",
        TAG,
        {200: Media(TEXT)},
        allowed=READERS,
        query=FollowQuery,
        problems=(400, 404),
        headers={
            "X-Log-Size": "bytes that the worker has sent: the next offset",
            "X-Log-Complete": "true once nothing follows",
        },
    ),
)
async def read_log(
    request: Incoming, task_id: FromPath[str], attempt: FromPath[str]
) -> Response[bytes]:
    """Read the log of an attempt, from an offset on; a long log keeps its start and its end.

    With `wait` the answer comes as soon as there is more than `offset`, or the log is complete.
    When the time is over before, it is empty.
    """
    farm = farm_of(request)
    query = read_query(request, FollowQuery)
    wait_s = wait_of(request, query.wait, farm.settings.request_wait_max_s)
    row, number = await _attempt(farm, task_id, attempt)
    async with Hold(request, wait_s=wait_s, stopping=farm.stopping) as hold:
        found = await _piece(hold, farm, UUID(row["task_id"]), number, query.offset)
    return Response(
        found.text,
        media_type=TEXT,
        headers={"X-Log-Size": str(found.size), "X-Log-Complete": str(found.complete).lower()},
    )


class _Piece(NamedTuple):
    """What there is of a log after an offset."""

    text: bytes
    size: int
    complete: bool


async def _piece(hold: Hold, farm: Farm, task_id: UUID, attempt: int, offset: int) -> _Piece:
    """Look until there is more, nothing follows, or the hold is over."""
    logs, state = farm.attempt_logs, None
    text, size = b"", 0
    while True:
        news = farm.log_news.next_of(task_id, attempt)
        # Before the text: what comes between the two is in the text.
        complete = await _is_over(farm, task_id, attempt)
        seen = await farm.read(logs.state, task_id, attempt)
        if seen != state:
            text, size = await farm.read(logs.read, task_id, attempt, offset)
            state = seen
        if text or complete or hold.over:
            return _Piece(text, size, complete)
        if await hold.until(news, LOOK_S):
            state = None


@post(
    "/renders/{task_id:str}/attempts/{attempt:str}/log",
    **operation(
        "appendAttemptLog",
        TAG,
        {200: LogSizeResource},
        allowed=AGENTS,
        bodies=(Media(TEXT),),
        query=OffsetQuery,
        problems=(400, 404, 413, 415, 503),
    ),
)
async def append_log(
    request: Incoming, task_id: FromPath[str], attempt: FromPath[str]
) -> Response[bytes]:
    """Add to the log of an attempt (for workers); the answer says from where to send on."""
    farm = farm_of(request)
    offset = read_query(request, OffsetQuery).offset
    text = await whole_body(request)
    kind = request.headers.get("content-type", TEXT).split(";")[0].strip().lower()
    if kind != TEXT:
        raise BodyTypeUnknown(f"send Content-Type: {TEXT}, not {kind}")
    row, number = await _attempt(farm, task_id, attempt)
    await own_attempt(request, row, number)
    task = UUID(row["task_id"])
    size = await farm.read(farm.attempt_logs.append, task, number, offset, text)
    farm.log_news.tell(task, number)
    return answer(LogSizeResource(size=size))


async def _is_over(farm: Farm, task_id: UUID, attempt: int) -> bool:
    """Nothing follows: the attempt has ended, and its worker has had time to send the rest."""
    events = [event for _, event in await farm.read(farm.log.stream, task_id)]
    ended = [row["ended_at"] for row in attempts_of(events) if row["attempt"] == attempt]
    if not ended or ended[0] is None:
        return False
    return bool((farm.clock.now() - ended[0]).total_seconds() >= SETTLES_S)


async def _attempt(farm: Farm, task_id: str, attempt: str) -> tuple[Row, int]:
    """The task and the number of an attempt that there has been."""
    row = await farm.task(task_id_of(task_id))
    if _NUMBER.fullmatch(attempt) is None or not 1 <= int(attempt) <= row["attempt"]:
        raise NotFound(f"Attempt not found: the task has had {row['attempt']}")
    return row, int(attempt)


HANDLERS = [read_log, append_log]
