"""The audit: clean on what was written, also while it is written, and on copies."""

import sqlite3
import threading
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from rushlight.errors import LogError
from rushlight.eventlog.audit import rebuild, verify
from rushlight.eventlog.log import FarmLog
from rushlight.messages import commands as c
from rushlight.settings import FarmSettings
from rushlight.testing import START, ManualClock
from rushlight_dispatcher.writer import Writer


def rounds(log: FarmLog, count: int) -> None:
    """Rounds of a dispatcher in which a pull worker renders task after task."""
    writer = Writer(log, "test", FarmSettings())
    for number in range(count):
        task_id = uuid4()
        writer.write(
            [
                c.SubmitTasks(command_id=uuid4(), tasks=(c.NewTask(task_id=task_id),)),
                c.SetWorkerStatus(command_id=uuid4(), worker_id="w1", status="busy"),
                c.RequestTask(command_id=uuid4(), worker_id="w1"),
            ],
            START + timedelta(seconds=2 * number),
        )
        writer.write(
            [c.CompleteTask(command_id=uuid4(), task_id=task_id, attempt=1)],
            START + timedelta(seconds=2 * number + 1),
        )


def test_a_log_is_clean_while_a_farm_writes_it(tmp_path: Path) -> None:
    with FarmLog.open(tmp_path, clock=ManualClock()) as log:
        rounds(log, 20)
        writing = threading.Thread(target=rounds, args=(log, 150))
        writing.start()
        reports = []
        while writing.is_alive():
            reports.append(verify(tmp_path))
        writing.join()
    assert [report.differences for report in reports if not report.clean] == []
    assert len({report.rounds for report in reports}) > 1
    assert verify(tmp_path).tasks == 170


def test_a_copy_that_is_not_in_wal_mode_can_be_verified(tmp_path: Path) -> None:
    farm, copy = tmp_path / "farm", tmp_path / "copy"
    with FarmLog.open(farm, clock=ManualClock()) as log:
        rounds(log, 5)
    copy.mkdir()
    connection = sqlite3.connect(farm / "farm.sqlite3")
    connection.execute("VACUUM INTO ?", (str(copy / "farm.sqlite3"),))
    connection.close()
    report = verify(copy)
    assert report.clean, report.differences
    assert report.tasks == 5


def test_the_past_is_not_read_by_views_of_another_version(tmp_path: Path) -> None:
    with FarmLog.open(tmp_path, clock=ManualClock()) as log:
        rounds(log, 2)
    connection = sqlite3.connect(tmp_path / "farm.sqlite3")
    connection.execute("PRAGMA user_version=1")
    connection.close()
    with (
        FarmLog.open_read_only(tmp_path) as log,
        pytest.raises(LogError, match="rushlight audit rebuild --data"),
    ):
        log.history.find(None, START)
    rebuild(tmp_path)
    with FarmLog.open_read_only(tmp_path) as log:
        then = log.history.find(None, START)
        assert log.history.counts(then)["completed"] == 2


def test_views_made_anew_are_those_that_were_there(tmp_path: Path) -> None:
    with FarmLog.open(tmp_path, clock=ManualClock()) as log:
        rounds(log, 10)
        before = log.views.dump()
    assert rebuild(tmp_path) == (10, 1)
    with FarmLog.open(tmp_path, clock=ManualClock()) as log:
        assert log.views.dump() == before
