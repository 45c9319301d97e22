"""Views that an older version wrote are made anew from the log when a farm starts."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

from tests.rehearsal import Rehearsal
from tests.unit.eventlog.farm_rounds import SetClock

from rushlight.eventlog.audit import verify
from rushlight.eventlog.folder import LOG_FILE
from rushlight.eventlog.log import FarmLog
from rushlight.eventlog.rounds import all_rows
from rushlight.eventlog.rows import FORMAT

OLD_TASKS = (
    "CREATE TABLE tasks (task_id TEXT PRIMARY KEY, seq INTEGER, status TEXT, live INTEGER,"
    " priority TEXT, job_id TEXT, worker_id TEXT, renderer TEXT, name TEXT, frames_total INTEGER,"
    " frames_done INTEGER, created_at TEXT, completed_at TEXT, doc TEXT)"
)


def life() -> Rehearsal:
    farm = Rehearsal()
    farm.join("w1")
    farm.submit("one")
    farm.submit("two")
    farm.complete(farm.submit("three", priority="RUSH"))
    return farm


def as_version_1_left_it(data: Path, clock: SetClock) -> None:
    """The same events; rows of tasks do not say who submitted them."""
    with FarmLog.open(data, clock=clock) as log:
        log.put(events=list(life().events()))
        tasks, workers = all_rows(log)
        log.views.rebuild(tasks, workers)
    with closing(sqlite3.connect(data / LOG_FILE)) as connection, connection:
        connection.execute("DROP TABLE tasks")
        connection.execute(OLD_TASKS)
        for row in tasks:
            doc = {name: value for name, value in row.items() if name != "submitted_by"}
            connection.execute(
                "INSERT INTO tasks (task_id, seq, doc) VALUES (?, ?, ?)",
                (row["task_id"], row["seq"], json.dumps(doc)),
            )
        connection.execute("INSERT INTO checkpoint VALUES (1, 1, '{}')")
        connection.execute("PRAGMA user_version=1")


def test_a_start_makes_them_anew(tmp_path: Path) -> None:
    clock = SetClock()
    as_version_1_left_it(tmp_path, clock)

    with FarmLog.open(tmp_path, clock=clock) as log:
        found = log.views.tasks(submitted_by="test", limit=10)
        assert log.checkpoints.load() is None

    assert len(found) == 3
    assert verify(tmp_path).clean


def test_a_start_that_was_cut_off_is_made_up_for_by_the_next(tmp_path: Path) -> None:
    clock = SetClock()
    as_version_1_left_it(tmp_path, clock)
    with closing(sqlite3.connect(tmp_path / LOG_FILE)) as connection, connection:
        connection.execute("DROP TABLE tasks")
        connection.execute("DROP TABLE workers")
        connection.execute("PRAGMA user_version=0")

    FarmLog.open(tmp_path, clock=clock).close()

    report = verify(tmp_path)
    assert (report.clean, report.tasks, report.workers) == (True, 3, 1)


def test_an_audit_before_that_start_says_nothing_of_them(tmp_path: Path) -> None:
    as_version_1_left_it(tmp_path, SetClock())

    assert verify(tmp_path).clean


def test_the_file_says_which_form_it_has(tmp_path: Path) -> None:
    FarmLog.open(tmp_path, clock=SetClock()).close()

    with closing(sqlite3.connect(tmp_path / LOG_FILE)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (FORMAT,)
