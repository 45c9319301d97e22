"""The farm's events: pages of the log, and a stream of what comes; docs/live.md is the page."""

import re
from datetime import datetime, timedelta
from difflib import get_close_matches
from typing import Annotated, Any
from uuid import UUID

from litestar import Response, get
from pydantic import AfterValidator, Field

from rushlight.domain import EVENTS
from rushlight.errors import InvalidRequest, Unavailable
from rushlight.eventlog.windows import Wanted
from rushlight.messages.commands import WORKER_ID
from rushlight.messages.live import LogPage
from rushlight.messages.times import Time
from rushlight.shapes import event_resource
from rushlight_api.access import READERS
from rushlight_api.cursors import cursor_of, place_of
from rushlight_api.farm import Farm, farm_of
from rushlight_api.feed import PREFIX, Reader
from rushlight_api.identity import caller_of, door_of
from rushlight_api.listing import LIMIT, LIMIT_MAX, UUID_PATTERN, listed
from rushlight_api.operations import Media, operation
from rushlight_api.problems import Malformed
from rushlight_api.reading import INTEGER_MAX, Incoming, Query, read_query
from rushlight_api.showing import answer
from rushlight_api.streams import EVENT_STREAM, EventStream, Start

TAG = "farm"
TASKS_MAX = 100
TOPICS_MAX = 32
LAST_ID = "Last-Event-ID"
OF_PAGES = frozenset({"until", "since", "before", "limit", "cursor"})
ANY = ".*"
TOPIC_PATTERNS = [
    re.escape(name.removeprefix(PREFIX))
    for name in sorted({*EVENTS, *(one.rpartition(".")[0] + ANY for one in EVENTS)})
]
_TICK = timedelta(microseconds=1)
_POSITION = re.compile(r"\d{1,18}")


def _task_ids(text: str) -> str:
    parts = text.split(",")
    if len(parts) > TASKS_MAX:
        raise ValueError(f"should name at most {TASKS_MAX} tasks")
    for part in parts:
        try:
            UUID(part)
        except ValueError:
            raise ValueError("should be ids of tasks, with commas") from None
    return text


def _topics(text: str) -> str:
    parts = text.split(",")
    if len(parts) > TOPICS_MAX:
        raise ValueError(f"should name at most {TOPICS_MAX} topics")
    for part in parts:
        if not topics_of(part):
            short = [name.removeprefix(PREFIX) for name in EVENTS]
            near = get_close_matches(part, sorted(short), 3, 0.3) or ["task.completed", "task.*"]
            raise ValueError(f"should be topics of events, as {', '.join(near)}")
    return text


def topics_of(pattern: str) -> frozenset[str]:
    """The stored names that a topic, or ``task.*``, stands for; with or without ``rushlight.``."""
    name = PREFIX + pattern.removeprefix(PREFIX)
    if not name.endswith(ANY):
        return frozenset({name} & EVENTS.keys())
    return frozenset(known for known in EVENTS if known.startswith(name.removesuffix("*")))


Position = Annotated[int, Field(ge=0, le=INTEGER_MAX)]


class EventsQuery(Query):
    """Which events; all that is given must hold."""

    task_id: Annotated[str, AfterValidator(_task_ids)] | None = Field(
        None,
        description="of these tasks; ids with commas",
        json_schema_extra=listed(UUID_PATTERN),
    )
    job_id: str | None = Field(None, description="of the tasks of this job", examples=["shot-010"])
    worker_id: str | None = Field(
        None, pattern=WORKER_ID, description="that name this worker", examples=["alpha"]
    )
    topic: Annotated[str, AfterValidator(_topics)] | None = Field(
        None,
        description="of these kinds; names with commas",
        examples=["task.completed,worker.*"],
        json_schema_extra=listed(*TOPIC_PATTERNS),
    )
    principal: str | None = Field(None, description="that this principal caused")
    after: Position | None = Field(None, description="after this position")
    until: Position | None = Field(None, description="up to this position (pages only)")
    since: Time | None = Field(None, description="from this time on (pages only)")
    before: Time | None = Field(None, description="before this time (pages only)")
    limit: int = Field(LIMIT, ge=1, le=LIMIT_MAX, description="(pages only)")
    cursor: str | None = Field(None, description="`next` of the page before (pages only)")

    @property
    def wanted(self) -> Wanted:
        """The filters."""
        patterns = self.topic.split(",") if self.topic else ()
        return Wanted(
            task_ids=frozenset(map(UUID, self.task_id.split(","))) if self.task_id else frozenset(),
            job_id=self.job_id,
            worker_id=self.worker_id,
            topics=frozenset().union(*map(topics_of, patterns)),
            principal=self.principal,
        )


class _Streaming(Response[bytes]):
    """A stream, as handlers give answers."""

    def __init__(self, stream: EventStream) -> None:
        super().__init__(b"")
        self._stream = stream

    def to_asgi_response(self, *_: Any, **__: Any) -> EventStream:
        return self._stream


@get(
    "/events",
    **operation(
        "readEvents",
        TAG,
        {200: (LogPage, Media(EVENT_STREAM))},
        query=EventsQuery,
        problems=(400, 422, 429, 503),
        allowed=READERS,
        headers={"Vary": "`Accept`: a page, or a stream"},
    ),
)
async def read_events(request: Incoming) -> Response[bytes]:
    """Read what happened, oldest first; with `Accept: text/event-stream`, follow what happens.

    A page may be short, or empty, while `next` goes on. A stream resumes after `Last-Event-ID`.
    """
    query = read_query(request, EventsQuery)
    if _wants_stream(request):
        return await _stream(request, query)
    return await _page(farm_of(request), query)


def _wants_stream(request: Incoming) -> bool:
    accepted = request.headers.get("accept", "").split(",")
    return any(one.partition(";")[0].strip().lower() == EVENT_STREAM for one in accepted)


async def _page(farm: Farm, query: EventsQuery) -> Response[bytes]:
    head = await farm.read(farm.log.head)
    after = place_of(query.cursor, query, int)
    if after is None:
        after = query.after or 0
        _refuse_beyond(head, after)
        if query.since is not None:
            after = max(after, await _last_before(farm, query.since))
    upto = head if query.until is None else min(head, query.until)
    if query.before is not None:
        upto = min(upto, await _last_before(farm, query.before))
    window = await farm.streams.feed.window(
        after, upto=upto, limit=query.limit, wanted=query.wanted
    )
    page = LogPage(
        items=[event_resource(one.position, one.event) for one in window.events],
        next=cursor_of(window.reached, query) if window.reached < upto else None,
        position=window.reached,
    )
    return answer(page, headers={"Vary": "Accept"})


async def _last_before(farm: Farm, time: datetime) -> int:
    return await farm.read(farm.log.history.position_at, time - _TICK)


async def _stream(request: Incoming, query: EventsQuery) -> Response[bytes]:
    of_pages = sorted(OF_PAGES & query.model_fields_set)
    if of_pages:
        raise Malformed(
            f"query parameter {', '.join(of_pages)}: a stream has none; leave it out, or read pages"
            f" without Accept: {EVENT_STREAM}"
        )
    farm, door = farm_of(request), door_of(request)
    position = _last_id(request)
    position = query.after if position is None else position
    head = await farm.read(farm.log.head)
    _refuse_beyond(head, position or 0)
    if farm.stopping.is_set():
        raise Unavailable("the farm stops: connect again in a while", retry_after_s=1)
    principal = caller_of(request).principal
    farm.streams.check(principal)
    start = Start(
        principal=principal,
        reader=Reader(head if position is None else position, query.wanted),
        head=head,
        admitted=lambda: door.still_admits(request),
    )
    return _Streaming(EventStream(farm.streams, start, farm.stopping))


def _last_id(request: Incoming) -> int | None:
    text = request.headers.get(LAST_ID, "").strip()
    if not text:
        return None
    if _POSITION.fullmatch(text) is None:
        raise Malformed(
            f"header {LAST_ID}: give the id that the stream sent last, a position, or leave it out"
            f" to begin now; not {text[:60]!a}"
        )
    return int(text)


def _refuse_beyond(head: int, position: int) -> None:
    """A position that this log does not have: it is another log, or an older copy of it.

    Raises:
        InvalidRequest: says what to do.
    """
    if position > head:
        raise InvalidRequest(
            f"position {position} is beyond the end of the log, {head}: this is another log, or an"
            " older copy of it. Read the state anew, and begin without a position"
        )


HANDLERS = [read_events]
