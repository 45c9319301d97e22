"""The farm as it was after any position of the log, without folding from the start.

What stands at or below a position never changes: so a log that grows needs no lock, and the same
question has the same answer for ever. What is not on the log (progress, heartbeats) is not here.
The cost goes with what is shown. Which tasks and workers there are comes from the views; what they
were comes from their streams.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from eventsourcing.sqlite import SQLiteDatastore

from rushlight.domain.task_events import STATUS_AFTER
from rushlight.domain.term import TERM_STREAM, RoundClosed
from rushlight.errors import InvalidRequest, LogError
from rushlight.eventlog import past_tasks, past_workers, rows
from rushlight.eventlog.cut import Cut
from rushlight.eventlog.failures import log_errors
from rushlight.eventlog.past_tasks import Filters
from rushlight.eventlog.rows import Row
from rushlight.eventlog.views import Views

IDS_MAX = 9


@dataclass(frozen=True, slots=True)
class Moment:
    """A place on the log, and what held there; position 0 is the farm before its first event.

    ``round`` and ``planner`` are those of the last round closed by then, ``settings`` what
    decisions read, ``submitted`` how many tasks there had been, ``head`` the log's last position.
    """

    position: int
    time: datetime | None
    round: int
    planner: int | None
    settings: dict[str, Any] | None
    submitted: int
    head: int


class History:
    """Questions about the past of one log; thread-safe."""

    def __init__(self, datastore: SQLiteDatastore, path: Path, views: Views) -> None:
        """Read through the log's own connections."""
        self._datastore = datastore
        self._path = path
        self._views = views

    def find(self, at: int | datetime | None, now: datetime) -> Moment:
        """The moment of a position, or the last one at or before a time; None: the log's end.

        Raises:
            InvalidRequest: the log does not reach there; names its first and last position.
            LogError: another version wrote the views; says what to do.
        """
        if not self._views.are_current():
            raise LogError(
                f"the views of {self._path} are of another version: make them anew with"
                f" `rushlight audit rebuild --data {self._path.parent}`"
            )
        with self._cut() as cut:
            head = cut.head()
            if at is None:
                return _moment(cut, head, head)
            if isinstance(at, datetime):
                return _moment(cut, _position_at(cut, head, at, now), head)
            if not 0 <= at <= head:
                raise InvalidRequest(f"position {at} is not on the log: {_span(cut, head)}")
            return _moment(cut, at, head)

    def position_at(self, time: datetime) -> int:
        """The last position at or before a time; 0 where that is before the first event."""
        with self._cut() as cut:
            return _last_at(cut, cut.head(), time)

    def tasks(
        self, then: Moment, filters: Filters, *, before_seq: int | None = None, limit: int
    ) -> tuple[list[Row], int | None]:
        """A page of tasks as they were, newest first, and the ``before_seq`` of the next page.

        A page may be shorter than ``limit`` and not be the last: looking has a limit too.
        """
        if then.time is None:
            return [], None
        before_seq = then.submitted + 1 if before_seq is None else before_seq
        # First those that had ended: a task that is reopened meanwhile is seen twice, not never.
        ended = self._views.tasks(
            task_ids=filters.task_ids,
            status=filters.status,
            job_id=filters.job_id,
            submitted_by=filters.submitted_by,
            worker_id=filters.worker_id,
            priority=filters.priority,
            renderer=filters.renderer,
            name_prefix=filters.name_prefix,
            before_seq=before_seq,
            ended_before=then.time,
            limit=limit + 1,
        )
        with self._cut(then.position) as cut:
            others, floor = past_tasks.not_ended(
                cut,
                filters,
                time=then.time,
                round_number=then.round,
                before_seq=before_seq,
                limit=limit + 1,
            )
        return _merged(ended, others, floor, limit)

    def task(self, then: Moment, task_id: UUID) -> Row | None:
        """One task as it was; None: there was none."""
        with self._cut(then.position) as cut:
            return past_tasks.folded(cut, [task_id]).get(task_id)

    def counts(self, then: Moment) -> dict[str, int]:
        """How many tasks there were by status; every status is named."""
        none = dict.fromkeys(STATUS_AFTER.values(), 0)
        if then.time is None:
            return none
        with self._cut(then.position) as cut:
            return none | past_tasks.counts(cut, then.time, then.submitted)

    def workers(
        self, then: Moment, *, after_id: str | None = None, limit: int
    ) -> tuple[list[Row], str | None]:
        """A page of workers as they were, by id, and the ``after_id`` of the next page."""
        with self._cut(then.position) as cut:
            found = past_workers.page(cut, then.round, after_id, limit + 1)
        return found[:limit], found[limit - 1]["worker_id"] if len(found) > limit else None

    def worker(self, then: Moment, worker_id: str) -> Row | None:
        """One worker as it was; None: it had never been heard of."""
        with self._cut(then.position) as cut:
            return past_workers.folded(cut, worker_id)

    def task_ids(self, part: str) -> list[str]:
        """Up to ``IDS_MAX`` ids that are ``part``, or begin or end with it, newest first."""
        with self._cut() as cut:
            found = cut.select(_IDS, part, part, part, IDS_MAX)
        return [one["task_id"] for one in found]

    @contextmanager
    def _cut(self, position: int | None = None) -> Iterator[Cut]:
        with log_errors(self._path), self._datastore.transaction(commit=False) as cursor:
            yield Cut(cursor, self._path, position)


_IDS = (
    "SELECT task_id FROM tasks WHERE replace(task_id, '-', '') = replace(?, '-', '')"
    " OR instr(task_id, ?) = 1 OR task_id LIKE '%' || ? ORDER BY seq DESC LIMIT ?"
)


def _merged(
    ended: list[Row], others: list[Row], floor: int | None, limit: int
) -> tuple[list[Row], int | None]:
    """One page of both; below ``floor`` the others have not been looked at yet."""
    both = {row["seq"]: row for row in (*ended, *others)}
    seen = [both[seq] for seq in sorted(both, reverse=True) if floor is None or seq >= floor]
    if len(seen) > limit:
        return seen[:limit], seen[limit - 1]["seq"]
    return seen, floor


def _moment(cut: Cut, position: int, head: int) -> Moment:
    if position == 0:
        return Moment(0, None, 0, None, None, 0, head)
    cut.position = position
    closed = _last_closed(cut)
    settings = cut.last_rare(TERM_STREAM)
    return Moment(
        position=position,
        time=cut.event(position).timestamp,
        round=0 if closed is None else closed.number,
        planner=None if closed is None else closed.planner,
        settings=None if settings is None else getattr(settings, "settings", None),
        submitted=past_tasks.submitted(cut),
        head=head,
    )


def _last_closed(cut: Cut) -> RoundClosed | None:
    """The last round that was closed by then: in the middle of one, the one before."""
    for version in range(cut.versions_of([TERM_STREAM]).get(TERM_STREAM, 0), 0, -1):
        event = cut.event_of(TERM_STREAM, version)
        if isinstance(event, RoundClosed):
            return event
    return None


def _position_at(cut: Cut, head: int, time: datetime, now: datetime) -> int:
    position = _last_at(cut, head, time)
    if position == 0:
        raise InvalidRequest(f"{_text(time)} is before the farm's first event: {_span(cut, head)}")
    if time > now and position == head and time > cut.event(head).timestamp:
        raise InvalidRequest(f"{_text(time)} is yet to come: {_span(cut, head)}")
    return position


def _last_at(cut: Cut, head: int, time: datetime) -> int:
    """Binary search: times never fall, and all events of a round have the same."""
    low, high = 0, head
    while low < high:
        middle = (low + high + 1) // 2
        if cut.event(middle).timestamp <= time:
            low = middle
        else:
            high = middle - 1
    return low


def _span(cut: Cut, head: int) -> str:
    if head == 0:
        return "the log is empty"
    first, last = (_text(cut.event(position).timestamp) for position in (1, head))
    return (
        f"the log goes from position 1 ({first}) to {head} ({last}); 0 is the farm before all that"
    )


def _text(time: datetime) -> str:
    return (rows.instant(time.astimezone(UTC).isoformat()) or "").replace("+00:00", "Z")
