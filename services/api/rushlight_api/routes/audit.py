"""The farm as it was at any position of its log, or at any time."""

import re
from datetime import datetime
from typing import Any

from litestar import Response, get
from pydantic import Field, field_validator

from rushlight.errors import InvalidRequest
from rushlight.eventlog.history import Moment
from rushlight.eventlog.past_tasks import Filters
from rushlight.messages.audit import StateResource
from rushlight.messages.commands import WORKER_ID
from rushlight.messages.moments import read_moment
from rushlight.shapes import state_resource
from rushlight_api.access import AUDITORS
from rushlight_api.cursors import cursor_of, place_of
from rushlight_api.farm import farm_of
from rushlight_api.listing import several
from rushlight_api.operations import operation
from rushlight_api.ports import HistoryPort
from rushlight_api.reading import Incoming, read_query
from rushlight_api.routes.renders import RendersQuery
from rushlight_api.showing import answer

TAG = "audit"
TASKS, WORKERS = "tasks", "workers"
MOMENT: dict[str, Any] = {
    "anyOf": [
        {"type": "string", "pattern": "^[0-9]{1,18}$"},
        {"type": "string", "format": "date-time"},
    ]
}
Place = tuple[int, str] | None
# What cursors hold: which list, the position of the state, and the last one that was shown.
_NUMBER = r"[0-9]{1,18}"
_PLACES = {
    TASKS: re.compile(rf"{TASKS} ({_NUMBER}) ({_NUMBER})"),
    WORKERS: re.compile(rf"{WORKERS} ({_NUMBER}) ({WORKER_ID[1:-1]})"),
}


class StateQuery(RendersQuery):
    """Which moment, and the filters of ``GET /renders`` by what was true then."""

    at: str | None = Field(
        None,
        description="a position, or a time with its offset; without it the log's end",
        examples=["4711", "2026-05-04T12:00:00Z"],
        json_schema_extra=MOMENT,
    )
    cursor: str | None = Field(None, description="`tasks.next` of the page before")
    workers_cursor: str | None = Field(None, description="`workers.next` of the page before")

    @field_validator("at")
    @classmethod
    def _readable(cls, text: str | None) -> str | None:
        if text is not None:
            read_moment(text)
        return text

    @property
    def moment(self) -> int | datetime | None:
        """What ``at`` says."""
        return None if self.at is None else read_moment(self.at)

    @property
    def filters(self) -> Filters:
        """Of tasks."""
        return Filters(
            status=several(self.status),
            task_ids=self.task_ids,
            job_id=self.job_id,
            submitted_by=self.submitted_by,
            worker_id=self.worker_id,
            priority=self.priority,
            renderer=self.renderer,
            name_prefix=self.name,
        )


@get(
    "/audit/state",
    **operation(
        "readPastState",
        TAG,
        {200: StateResource},
        allowed=AUDITORS,
        query=StateQuery,
        problems=(400, 422, 503),
    ),
)
async def read_state(request: Incoming) -> Response[bytes]:
    """Read the farm as it was after a position of its log, or at a time.

    The answer names its position; asked with that again it is the same for ever. A page of tasks
    may be shorter than `limit` and not be the last: go on until `next` is null.
    """
    farm = farm_of(request)
    query = read_query(request, StateQuery)
    task_place = _place(TASKS, query.cursor, query)
    worker_place = _place(WORKERS, query.workers_cursor, query)
    # The moment of the first page holds for those that follow.
    given = {place[0] for place in (task_place, worker_place) if place is not None}
    if len(given) > 1:
        raise InvalidRequest("query parameters cursor, workersCursor: they are of two answers")
    moment = given.pop() if given else query.moment
    then = await farm.read(farm.log.history.find, moment, farm.clock.now())
    return answer(await farm.read(_state, farm.log.history, query, then, task_place, worker_place))


def _state(
    history: HistoryPort, query: StateQuery, then: Moment, task_place: Place, worker_place: Place
) -> StateResource:
    tasks, next_seq = history.tasks(
        then,
        query.filters,
        before_seq=None if task_place is None else int(task_place[1]),
        limit=query.limit,
    )
    workers, next_id = history.workers(
        then, after_id=None if worker_place is None else worker_place[1], limit=query.limit
    )
    return state_resource(
        then,
        counts=history.counts(then) if task_place is worker_place is None else None,
        tasks=tasks,
        next_tasks=_cursor(TASKS, then, next_seq, query),
        workers=workers,
        next_workers=_cursor(WORKERS, then, next_id, query),
    )


def _cursor(of: str, then: Moment, place: int | str | None, query: StateQuery) -> str | None:
    return None if place is None else cursor_of(f"{of} {then.position} {place}", query)


def _place(of: str, cursor: str | None, query: StateQuery) -> Place:
    found = place_of(cursor, query, str)
    if found is None:
        return None
    parts = _PLACES[of].fullmatch(found)
    if parts is None:
        kind = found.partition(" ")[0]
        raise InvalidRequest(f"query parameter for more {of}: it is a cursor of {kind}")
    return int(parts[1]), parts[2]


HANDLERS = [read_state]
