"""Tables of the views and outcomes, and how a row is written into them.

A row is a plain dict of JSON values. It is kept whole in ``doc``; the other columns are copies for
filters and sums, with times in one form (UTC, microseconds) so that their text sorts.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import orjson

Row = dict[str, Any]

EVENTS_TABLE = "stored_events"
# Of the file; 2: tasks know who submitted them. Views of an older one are made anew at the start.
FORMAT = 2

# What does not come with each task: comings and goings of workers, settings. A term for indexes.
RARE = (
    "topic NOT IN ('rushlight.worker.occupied', 'rushlight.worker.freed',"
    " 'rushlight.term.round_closed')"
    " AND (topic < 'rushlight.task.' OR topic >= 'rushlight.task/')"
)

TASK_COLUMNS = (
    "task_id",
    "seq",
    "status",
    "live",
    "priority",
    "job_id",
    "submitted_by",
    "worker_id",
    "renderer",
    "name",
    "frames_total",
    "frames_done",
    "created_at",
    "completed_at",
    "doc",
)
WORKER_COLUMNS = ("worker_id", "status", "doc")
OUTCOME_COLUMNS = ("command_id", "digest", "at", "doc")
ENDED = frozenset({"completed", "cancelled"})

# ``doc`` comes last: sums over a job then never touch the pages that it overflows into.
TABLES = (
    "CREATE TABLE IF NOT EXISTS tasks ("
    "task_id TEXT PRIMARY KEY, seq INTEGER, status TEXT, live INTEGER, priority TEXT, job_id TEXT,"
    " submitted_by TEXT,"
    " worker_id TEXT, renderer TEXT, name TEXT, frames_total INTEGER, frames_done INTEGER,"
    " created_at TEXT, completed_at TEXT, doc TEXT)",
    "CREATE INDEX IF NOT EXISTS tasks_seq ON tasks (seq)",
    "CREATE INDEX IF NOT EXISTS tasks_status ON tasks (status, seq)",
    "CREATE INDEX IF NOT EXISTS tasks_job ON tasks (job_id, seq) WHERE job_id IS NOT NULL",
    "CREATE INDEX IF NOT EXISTS tasks_worker ON tasks (worker_id, seq) WHERE worker_id IS NOT NULL",
    "CREATE INDEX IF NOT EXISTS tasks_submitter ON tasks (submitted_by, seq)",
    "CREATE INDEX IF NOT EXISTS tasks_live ON tasks (seq) WHERE live = 1",
    # What had not ended at some time is found, and what had is counted, without reading rows.
    "CREATE INDEX IF NOT EXISTS tasks_ended ON tasks (completed_at, status, seq)"
    " WHERE completed_at IS NOT NULL",
    f"CREATE INDEX IF NOT EXISTS {EVENTS_TABLE}_rare"
    f" ON {EVENTS_TABLE} (originator_id, originator_version) WHERE {RARE}",
    # What waits is counted at every scrape of the metrics.
    "CREATE INDEX IF NOT EXISTS tasks_waiting ON tasks (priority, created_at)"
    " WHERE status = 'pending'",
    "CREATE TABLE IF NOT EXISTS workers (worker_id TEXT PRIMARY KEY, status TEXT, doc TEXT)",
    "CREATE TABLE IF NOT EXISTS outcomes ("
    "command_id TEXT PRIMARY KEY, digest TEXT, at TEXT, doc TEXT)",
    "CREATE INDEX IF NOT EXISTS outcomes_at ON outcomes (at)",
)


def _upsert(table: str, columns: tuple[str, ...]) -> str:
    key, *others = columns
    slots = ", ".join("?" * len(columns))
    updates = ", ".join(f"{column}=excluded.{column}" for column in others)
    return (
        f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({slots})"  # noqa: S608
        f" ON CONFLICT ({key}) DO UPDATE SET {updates}"
    )


PUT_TASK = _upsert("tasks", TASK_COLUMNS)
PUT_WORKER = _upsert("workers", WORKER_COLUMNS)
# The first outcome of a command stands: the same id again has the same outcome.
PUT_OUTCOME = (
    f"INSERT INTO outcomes ({', '.join(OUTCOME_COLUMNS)}) VALUES (?, ?, ?, ?)"  # noqa: S608
    " ON CONFLICT (command_id) DO NOTHING"
)


def instant(text: str | None) -> str | None:
    """A time as text that sorts: UTC with microseconds, whatever form it came in."""
    if text is None:
        return None
    return datetime.fromisoformat(text).astimezone(UTC).isoformat(timespec="microseconds")


def is_live(row: Mapping[str, Any]) -> bool:
    """It may still render: not ended, or failed and due again."""
    if row["status"] == "failed":
        return row["retry_at"] is not None
    return row["status"] not in ENDED


def task_columns(row: Row) -> tuple[Any, ...]:
    """A row of the view ``tasks`` in the order of ``TASK_COLUMNS``."""
    return (
        row["task_id"],
        row["seq"],
        row["status"],
        is_live(row),
        row["priority"],
        row["job_id"],
        row["submitted_by"],
        row["worker_id"],
        row["renderer"],
        row["name"],
        row["frames_total"],
        row["frames_done"],
        instant(row["created_at"]),
        instant(row["completed_at"]),
        dump(row),
    )


def worker_columns(row: Row) -> tuple[Any, ...]:
    """A row of the view ``workers`` in the order of ``WORKER_COLUMNS``."""
    return (row["worker_id"], row["status"], dump(row))


def outcome_columns(row: Row) -> tuple[Any, ...]:
    """An outcome ``{command_id, digest, doc, at}`` in the order of ``OUTCOME_COLUMNS``."""
    return (row["command_id"], row["digest"], instant(row["at"]), dump(row["doc"]))


def dump(value: Any) -> str:
    """JSON as it is stored."""
    return orjson.dumps(value).decode()


def load(text: str) -> Any:
    """What ``dump`` stored."""
    return orjson.loads(text)
