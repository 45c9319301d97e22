"""Reads of the views: tasks, workers and outcomes, as the last round left them.

Each call reads one snapshot. Rows are the plain dicts that were written; nothing here looks at
events.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from heapq import merge
from itertools import islice
from pathlib import Path
from typing import Any
from uuid import UUID

from eventsourcing.sqlite import SQLiteCursor, SQLiteDatastore

from rushlight.eventlog import rows
from rushlight.eventlog.failures import log_errors
from rushlight.eventlog.rows import Row


class Views:
    """The views of one log; thread-safe."""

    def __init__(self, datastore: SQLiteDatastore, path: Path) -> None:
        """Read through the log's own connections."""
        self._datastore = datastore
        self._path = path

    def task(self, task_id: UUID | str) -> Row | None:
        """One task."""
        return self._one("SELECT doc FROM tasks WHERE task_id = ?", str(task_id))

    def tasks(
        self,
        *,
        task_ids: Collection[str] | None = None,
        status: Collection[str] = (),
        job_id: str | None = None,
        submitted_by: str | None = None,
        worker_id: str | None = None,
        priority: str | None = None,
        renderer: str | None = None,
        name_prefix: str | None = None,
        before_seq: int | None = None,
        ended_before: datetime | None = None,
        limit: int,
    ) -> list[Row]:
        """A page of tasks, newest first; ``before_seq`` is the ``seq`` of the last one before.

        ``ended_before``: only those that ended earlier, and were not reopened since.
        """
        filters = _filters(
            task_ids=task_ids,
            job_id=job_id,
            submitted_by=submitted_by,
            worker_id=worker_id,
            priority=priority,
            renderer=renderer,
            name_prefix=name_prefix,
            before_seq=before_seq,
            ended_before=None if ended_before is None else rows.instant(ended_before.isoformat()),
        )
        # The status picks the index only where no narrower one is given.
        narrower = (task_ids, job_id, worker_id, submitted_by)
        term = "status = ?" if narrower == (None,) * 4 else "+status = ?"
        # One walk down an index per status, merged: none reads further than its page.
        walks = [[*filters, (term, one)] for one in sorted(set(status))] or [filters]
        with self._snapshot() as cursor:
            pages = [_page(cursor, walk, limit) for walk in walks]
        newest = merge(*pages, key=lambda found: -found[0])
        return [rows.load(doc) for _, doc in islice(newest, limit)]

    def live_tasks(self) -> list[Row]:
        """All tasks that may still render, oldest first."""
        return self._all("SELECT doc FROM tasks WHERE live = 1 ORDER BY seq")

    def job_tasks(self, job_id: str) -> list[Row]:
        """All tasks of a job, oldest first."""
        return self._all("SELECT doc FROM tasks WHERE job_id = ? ORDER BY seq", job_id)

    def job(self, job_id: str) -> Row | None:
        """A job's tasks, counted; None when it has none.

        ``{job_id, tasks, by_status, frames_total, frames_done, created_at, completed_at}``;
        ``completed_at`` is null while one of them is live.
        """
        with self._snapshot() as cursor:
            cursor.execute(_JOB, (job_id,))
            parts = cursor.fetchall()
        if not parts:
            return None
        ends = [part["completed_at"] for part in parts if part["completed_at"] is not None]
        live = any(part["live"] for part in parts)
        return {
            "job_id": job_id,
            "tasks": sum(part["tasks"] for part in parts),
            "by_status": {part["status"]: part["tasks"] for part in parts},
            "frames_total": sum(part["frames_total"] for part in parts),
            "frames_done": sum(part["frames_done"] for part in parts),
            "created_at": min(part["created_at"] for part in parts),
            "completed_at": None if live else max(ends, default=None),
        }

    def census(self) -> Row:
        """Tasks and workers counted, from indexes alone.

        ``{tasks, workers}`` by status, ``{waiting, oldest}`` of the pending tasks by priority
        (``oldest``: when its first was submitted), ``here``: the ids of workers that should beat.
        """
        with self._snapshot() as cursor:
            cursor.execute("SELECT status, COUNT(*) AS tasks FROM tasks GROUP BY status")
            tasks = {one["status"]: one["tasks"] for one in cursor.fetchall()}
            cursor.execute(_WAITING)
            waiting = cursor.fetchall()
            cursor.execute("SELECT worker_id, status FROM workers")
            workers = {one["worker_id"]: one["status"] for one in cursor.fetchall()}
        return {
            "tasks": tasks,
            "waiting": {one["priority"]: one["tasks"] for one in waiting},
            "oldest": {one["priority"]: datetime.fromisoformat(one["oldest"]) for one in waiting},
            "workers": Counter(workers.values()),
            "here": {name for name, status in workers.items() if status in HERE},
        }

    def worker(self, worker_id: str) -> Row | None:
        """One worker."""
        return self._one("SELECT doc FROM workers WHERE worker_id = ?", worker_id)

    def workers(
        self, *, after_id: str | None = None, status: Collection[str] = (), limit: int
    ) -> list[Row]:
        """A page of workers, by id; ``after_id`` is the last one before."""
        return self._all(
            "SELECT doc FROM workers WHERE worker_id > ?"
            " AND (? OR status IN (SELECT value FROM json_each(?))) ORDER BY worker_id LIMIT ?",
            after_id or "",
            not status,
            rows.dump(list(status)),
            limit,
        )

    def all_workers(self) -> list[Row]:
        """Every worker, by id."""
        return self._all("SELECT doc FROM workers ORDER BY worker_id")

    def outcome(self, command_id: UUID | str) -> Row | None:
        """What became of a command: ``{command_id, digest, doc, at}``."""
        return self.outcomes([command_id]).get(UUID(str(command_id)))

    def outcomes(self, command_ids: Iterable[UUID | str]) -> dict[UUID, Row]:
        """The outcomes that there are of these commands, in one query."""
        wanted = rows.dump([str(command_id) for command_id in command_ids])
        with self._snapshot() as cursor:
            cursor.execute(_OUTCOMES, (wanted,))
            found = cursor.fetchall()
        return {
            UUID(one["command_id"]): {
                "command_id": one["command_id"],
                "digest": one["digest"],
                "doc": rows.load(one["doc"]),
                "at": one["at"],
            }
            for one in found
        }

    def expire_outcomes(self, before: datetime) -> int:
        """Forget outcomes older than ``before``; says how many."""
        with self._change() as cursor:
            cursor.execute("DELETE FROM outcomes WHERE at < ?", (rows.instant(before.isoformat()),))
            cursor.execute("SELECT changes()")
            return int(cursor.fetchone()[0])

    def has_tasks_of(self, job_id: str, principal: str) -> bool:
        """Whether a job has tasks that ``principal`` submitted."""
        with self._snapshot() as cursor:
            cursor.execute(_TASKS_OF, (job_id, principal))
            return cursor.fetchone() is not None

    def are_current(self) -> bool:
        """Whether they have the form that this version writes, for all of the log."""
        with self._snapshot() as cursor:
            cursor.execute("PRAGMA user_version")
            return bool(cursor.fetchone()[0] == rows.FORMAT)

    def rebuild(self, task_rows: Iterable[Row], worker_rows: Iterable[Row]) -> None:
        """Replace both views by these rows, in one transaction; outcomes stay."""
        with self._change() as cursor:
            cursor.execute("DELETE FROM tasks")
            cursor.execute("DELETE FROM workers")
            cursor.executemany(rows.PUT_TASK, map(rows.task_columns, task_rows))
            cursor.executemany(rows.PUT_WORKER, map(rows.worker_columns, worker_rows))
            cursor.execute(f"PRAGMA user_version={rows.FORMAT}")

    def dump(self) -> tuple[int, list[Row], list[Row]]:
        """The log's head, and all rows of tasks and of workers by id, from one snapshot."""
        with self._snapshot() as cursor:
            cursor.execute(f"SELECT MAX(rowid) AS head FROM {rows.EVENTS_TABLE}")  # noqa: S608
            head = int(cursor.fetchone()["head"] or 0)
            cursor.execute("SELECT doc FROM tasks ORDER BY task_id")
            tasks = [rows.load(one["doc"]) for one in cursor.fetchall()]
            cursor.execute("SELECT doc FROM workers ORDER BY worker_id")
            return head, tasks, [rows.load(one["doc"]) for one in cursor.fetchall()]

    @contextmanager
    def _snapshot(self) -> Iterator[SQLiteCursor]:
        with log_errors(self._path), self._datastore.transaction(commit=False) as cursor:
            yield cursor

    @contextmanager
    def _change(self) -> Iterator[SQLiteCursor]:
        with log_errors(self._path), self._datastore.transaction(commit=True) as cursor:
            yield cursor

    def _one(self, statement: str, *values: Any) -> Row | None:
        found = self._all(statement, *values)
        return found[0] if found else None

    def _all(self, statement: str, *values: Any) -> list[Row]:
        with self._snapshot() as cursor:
            cursor.execute(statement, values)
            found = cursor.fetchall()
        return [rows.load(one["doc"]) for one in found]


HERE = frozenset({"ready", "busy", "draining"})
_WAITING = (
    "SELECT priority, COUNT(*) AS tasks, MIN(created_at) AS oldest"
    " FROM tasks INDEXED BY tasks_waiting WHERE status = 'pending' GROUP BY priority"
)
_TASKS_OF = "SELECT 1 FROM tasks WHERE job_id = ? AND submitted_by = ? LIMIT 1"
_JOB = (
    "SELECT status, COUNT(*) AS tasks, SUM(frames_total) AS frames_total,"
    " SUM(frames_done) AS frames_done, MIN(created_at) AS created_at,"
    " MAX(completed_at) AS completed_at, MAX(live) AS live"
    " FROM tasks WHERE job_id = ? GROUP BY status ORDER BY status"
)
_OUTCOMES = (
    "SELECT command_id, digest, doc, at FROM outcomes"
    " WHERE command_id IN (SELECT value FROM json_each(?))"
)
_IDS = "task_id IN (SELECT value FROM json_each(?))"
Terms = list[tuple[str, Any]]


def _filters(
    *,
    task_ids: Collection[str] | None,
    job_id: str | None,
    submitted_by: str | None,
    worker_id: str | None,
    priority: str | None,
    renderer: str | None,
    name_prefix: str | None,
    before_seq: int | None,
    ended_before: str | None,
) -> Terms:
    """Terms with their values; a ``+`` keeps a column from choosing the index."""
    terms: Terms = [
        (_IDS, None if task_ids is None else rows.dump(list(task_ids))),
        ("job_id = ?" if task_ids is None else "+job_id = ?", job_id),
        ("worker_id = ?" if task_ids is job_id is None else "+worker_id = ?", worker_id),
        ("submitted_by = ?" if job_id is worker_id is None else "+submitted_by = ?", submitted_by),
        ("+priority = ?", priority),
        ("+renderer = ?", renderer),
        ("instr(name, ?) = 1", name_prefix),
        ("seq < ?", before_seq),
        ("+completed_at < ?", ended_before),
    ]
    return [(term, value) for term, value in terms if value is not None]


def _page(cursor: SQLiteCursor, terms: Terms, limit: int) -> list[tuple[int, str]]:
    """The newest tasks that fit all terms: ``(seq, doc)``."""
    where = "".join(f" AND {term}" for term, _ in terms)
    # Terms are our own constants; what a client gave goes in as values.
    statement = f"SELECT seq, doc FROM tasks WHERE TRUE{where} ORDER BY seq DESC LIMIT ?"  # noqa: S608
    cursor.execute(statement, [*(value for _, value in terms), limit])
    return [(row["seq"], row["doc"]) for row in cursor.fetchall()]
