"""Tasks as they were at a cut of the log.

A task that had ended before the cut, and was not reopened since, is as its row says. Every other
one that had been submitted is folded from its own stream, unless no later round touched it.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from rushlight.domain.replay import fold_task
from rushlight.domain.task_events import STATUS_AFTER
from rushlight.eventlog import rows
from rushlight.eventlog.cut import Cut
from rushlight.eventlog.rows import Row

CHUNK = 500
LOOKED_MAX = 5000
HELD = frozenset({"rendering", "completed"})
NONE = frozenset({"none"})


@dataclass(frozen=True, slots=True)
class Filters:
    """Filters; all that are given must hold."""

    status: Collection[str] = ()
    task_ids: Collection[str] | None = None
    job_id: str | None = None
    submitted_by: str | None = None
    worker_id: str | None = None
    priority: str | None = None
    renderer: str | None = None
    name_prefix: str | None = None

    @property
    def fold(self) -> bool:
        """Whether a task has to be folded before one knows whether it fits."""
        return (self.worker_id, self.priority) != (None, None)

    def holds(self, row: Row) -> bool:
        """Whether a task as it was fits what may change; the rest the views have sorted out."""
        return self.worker_id in (None, row["worker_id"]) and self.priority in (
            None,
            row["priority"],
        )

    def statuses(self) -> frozenset[str]:
        """Those that can fit; empty: any. Only a task that was given out has a worker."""
        status = frozenset(self.status)
        if self.worker_id is None:
            return status
        return (status & HELD or NONE) if status else HELD


def submitted(cut: Cut) -> int:
    """The ``seq`` of the last task that had been submitted; a binary search."""
    found = cut.select(_SUBMITTED, cut.position, cut.position)
    return int(found[0]["low"])


def not_ended(
    cut: Cut,
    filters: Filters,
    *,
    time: datetime,
    round_number: int,
    before_seq: int,
    limit: int,
) -> tuple[list[Row], int | None]:
    """Tasks that had not ended before ``time``, newest first, and how far down it has looked.

    None: to the end. It stops with ``limit`` found, or after ``LOOKED_MAX``.
    """
    found: list[Row] = []
    chunk = CHUNK if filters.fold else min(CHUNK, limit)
    for _ in range(0, LOOKED_MAX, chunk):
        candidates = _candidates(cut, filters, time, before_seq=before_seq, limit=chunk)
        found += [row for row in _as_then(cut, candidates, round_number) if filters.holds(row)]
        if len(candidates) < chunk:
            return found, None
        before_seq = candidates[-1]["seq"]
        if len(found) >= limit:
            break
    return found, before_seq


def counts(cut: Cut, time: datetime, last_seq: int) -> dict[str, int]:
    """How many tasks had each status: from indexes, and the last event that set one."""
    found: dict[str, int] = {}
    instant = rows.instant(time.isoformat())
    for row in cut.select(_ENDED_COUNTS, instant):
        found[row["status"]] = found.get(row["status"], 0) + row["tasks"]
    before = last_seq + 1
    for row in cut.select(_OTHER_COUNTS, cut.position, before, instant, before):
        status = STATUS_AFTER[row["topic"]]
        found[status] = found.get(status, 0) + row["tasks"]
    return found


def folded(cut: Cut, ids: Iterable[UUID]) -> dict[UUID, Row]:
    """Rows of these tasks as they were; those not yet submitted are left out."""
    return {
        task_id: fold_task(task_id, events).row() for task_id, events in cut.streams(ids).items()
    }


def _as_then(cut: Cut, candidates: list[Row], round_number: int) -> list[Row]:
    """In the same order; what no later round has touched need not be folded."""
    moved = [UUID(row["task_id"]) for row in candidates if row["round"] > round_number]
    then = folded(cut, moved)
    return [then.get(UUID(row["task_id"]), row) for row in candidates]


def _candidates(
    cut: Cut, filters: Filters, time: datetime, *, before_seq: int, limit: int
) -> list[Row]:
    fixed = [
        (term, value)
        for term, value in (
            (
                "task_id IN (SELECT value FROM json_each(?))",
                None if filters.task_ids is None else rows.dump(sorted(filters.task_ids)),
            ),
            ("job_id = ?", filters.job_id),
            ("submitted_by = ?", filters.submitted_by),
            ("+renderer = ?", filters.renderer),
            ("instr(name, ?) = 1", filters.name_prefix),
        )
        if value is not None
    ]
    where = "".join(f" AND {term}" for term, _ in fixed)
    values: list[Any] = [value for _, value in fixed]
    statement = _OTHERS.format(where=where)
    given = [before_seq, *values, rows.instant(time.isoformat()), before_seq, *values]
    if statuses := filters.statuses():
        topics = [topic for topic, status in STATUS_AFTER.items() if status in statuses]
        statement += f" WHERE {_LAST_TOPIC} IN (SELECT value FROM json_each(?))"  # noqa: S608
        given += [cut.position, rows.dump(topics)]
    found = cut.select(_NEWEST.format(statement), *given, limit)
    return [rows.load(one["doc"]) for one in found]


# A ``+`` keeps a column from choosing the index: what had not ended is few, and found by its own.
_OTHERS = (
    "SELECT task.id FROM ("
    "SELECT rowid AS id, seq, task_id FROM tasks WHERE live = 1 AND seq < ?{where}"
    " UNION ALL SELECT rowid AS id, seq, task_id FROM tasks"
    " WHERE completed_at >= ? AND +seq < ?{where}) AS task"
)
_NEWEST = "SELECT doc FROM tasks WHERE rowid IN ({} ORDER BY +seq DESC LIMIT ?) ORDER BY seq DESC"
# Where the first event of the task with the middle ``seq`` stands.
_BEGAN = (
    f"(SELECT rowid FROM {rows.EVENTS_TABLE} WHERE originator_version = 1 AND originator_id ="  # noqa: S608
    " (SELECT replace(task_id, '-', '') FROM tasks WHERE seq <= (low + high + 1) / 2"
    " ORDER BY seq DESC LIMIT 1))"
)
_SUBMITTED = (
    "WITH RECURSIVE search (low, high) AS ("  # noqa: S608
    "SELECT 0, COALESCE((SELECT MAX(seq) FROM tasks), 0) UNION ALL SELECT"
    f" CASE WHEN {_BEGAN} <= ? THEN (low + high + 1) / 2 ELSE low END,"
    f" CASE WHEN {_BEGAN} <= ? THEN high ELSE (low + high + 1) / 2 - 1 END"
    " FROM search WHERE low < high)"
    " SELECT low FROM search WHERE low = high"
)
_SETTING = ", ".join(f"'{topic}'" for topic in STATUS_AFTER)
# The last event that set the status; topics are our own constants.
_LAST_TOPIC = (
    f"(SELECT topic FROM {rows.EVENTS_TABLE}"  # noqa: S608
    " WHERE originator_id = replace(task.task_id, '-', '') AND rowid <= ?"
    f" AND topic IN ({_SETTING}) ORDER BY originator_version DESC LIMIT 1)"
)
_ENDED_COUNTS = (
    "SELECT status, COUNT(*) AS tasks FROM tasks WHERE completed_at < ? GROUP BY +status"
)
_OTHER_COUNTS = (
    f"SELECT {_LAST_TOPIC} AS topic, COUNT(*) AS tasks FROM ("  # noqa: S608
    "SELECT task_id FROM tasks WHERE live = 1 AND seq < ?"
    " UNION ALL SELECT task_id FROM tasks WHERE completed_at >= ? AND +seq < ?) AS task"
    " GROUP BY topic"
)
