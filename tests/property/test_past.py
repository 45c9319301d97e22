"""What the farm was at any position is what a fold from the first event makes of it."""

import random
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from eventsourcing.persistence import StoredEvent
from hypothesis import HealthCheck, given, settings
from tests.property.histories import SETTINGS, histories, live_through
from tests.property.past import Fold, LoggedRehearsal, Row, busy, without_round

from rushlight.domain import FarmEvent
from rushlight.eventlog import past_tasks, past_workers, recorder
from rushlight.eventlog.history import History, Moment
from rushlight.eventlog.log import FarmLog
from rushlight.eventlog.past_tasks import Filters
from rushlight.eventlog.recorder import read_event
from rushlight.testing import START, ManualClock

ROUNDS = 800
POSITIONS = 200
SEED = 3
FILTERED = 12
ENDS = ("rushlight.task.completed", "rushlight.task.cancelled")
SEEN = {
    *("task.assigned task.frames_rendered task.stop_requested task.stopped task.completed".split()),
    *("task.failed task.timed_out task.lost task.retried task.requeued task.cancelled".split()),
    *("task.reprioritised task.paused task.resumed worker.requested worker.claimed".split()),
    *("worker.joined worker.occupied worker.freed worker.draining worker.undrained".split()),
    *("worker.left worker.lost term.taken_over".split()),
}


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FarmLog]:
    """A log on which everything that can happen has happened."""
    data = tmp_path_factory.mktemp("busy")
    with FarmLog.open(data, clock=ManualClock()) as opened:
        busy(opened, ROUNDS, seed=SEED)
        yield opened


def all_tasks(history: History, then: Moment, filters: Filters, limit: int) -> list[Row]:
    """Every page."""
    found: list[Row] = []
    before: int | None = None
    while True:
        page, before = history.tasks(then, filters, before_seq=before, limit=limit)
        assert len(page) <= limit
        found += page
        if before is None:
            return without_round(found)


def all_workers(history: History, then: Moment, limit: int) -> list[Row]:
    found: list[Row] = []
    after: str | None = None
    while True:
        page, after = history.workers(then, after_id=after, limit=limit)
        found += page
        if after is None:
            return without_round(found)


def shown(history: History, position: int, limit: int) -> dict[str, Any]:
    then = history.find(position, START)
    return {
        "time": then.time,
        "round": then.round,
        "settings": then.settings,
        "tasks": all_tasks(history, then, Filters(), limit),
        "workers": all_workers(history, then, limit),
        "counts": {status: count for status, count in history.counts(then).items() if count},
    }


def folded(fold: Fold) -> dict[str, Any]:
    rows = fold.task_rows()
    return {
        "time": fold.time,
        "round": fold.round,
        "settings": fold.settings,
        "tasks": rows,
        "workers": fold.worker_rows(),
        "counts": dict(Counter(row["status"] for row in rows)),
    }


def folds(log: FarmLog, positions: set[int]) -> Iterator[tuple[int, Fold]]:
    """One fold from the start, looked at after each of these positions."""
    fold = Fold()
    for position, event in log.replay():
        fold.apply(event)
        if position in positions:
            yield position, fold


def test_everything_happens_on_the_busy_log(log: FarmLog) -> None:
    topics = {event.TOPIC.removeprefix("rushlight.") for _, event in log.replay()}

    assert SEEN - topics == set()


def test_the_state_at_200_random_positions_is_a_fold_from_the_start(log: FarmLog) -> None:
    positions = set(random.Random(5).sample(range(1, log.head() + 1), POSITIONS))

    for position, fold in folds(log, positions | {1, log.head()}):
        assert shown(log.history, position, limit=40) == folded(fold), position


@settings(deadline=None, max_examples=15, suppress_health_check=[HealthCheck.too_slow])
@given(histories)
def test_the_state_at_every_position_of_any_history_is_a_fold(history: list[Any]) -> None:
    with TemporaryDirectory() as folder, FarmLog.open(Path(folder), clock=ManualClock()) as log:
        farm = LoggedRehearsal(log, **SETTINGS)
        farm.round()
        live_through(farm, history)
        for position, fold in folds(log, set(range(1, log.head() + 1))):
            assert shown(log.history, position, limit=100) == folded(fold), position


def test_a_log_without_the_indexes_of_this_version_has_the_same_past(
    log: FarmLog, tmp_path: Path
) -> None:
    path = tmp_path / "farm.sqlite3"
    with closing(sqlite3.connect(log._path)) as connection:
        connection.execute("VACUUM INTO ?", (str(path),))
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DROP INDEX stored_events_rare")
        connection.execute("DROP INDEX tasks_ended")
    with FarmLog.open_read_only(tmp_path) as copy:
        for position in random.Random(7).sample(range(1, log.head() + 1), 10):
            assert shown(copy.history, position, limit=40) == shown(log.history, position, limit=40)


def test_the_cost_of_a_page_does_not_grow_with_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []

    def counted(stored: StoredEvent) -> FarmEvent:
        read.append(stored.topic)
        return read_event(stored)

    monkeypatch.setattr(recorder, "read_event", counted)
    costs = []
    for name, tasks in (("short", 20), ("long", 400)):
        with FarmLog.open(tmp_path / name, clock=ManualClock()) as log:
            farm = LoggedRehearsal(log)
            farm.join("node")
            for number in range(tasks):
                farm.complete(farm.submit(f"task {number}"))
            read.clear()
            then = log.history.find(log.head() * 3 // 4, START)
            assert len(log.history.tasks(then, Filters(), limit=5)[0]) == 5
            assert log.history.workers(then, limit=5)[0][0]["status"] in ("busy", "ready")
            assert log.history.counts(then)["completed"] > tasks // 2
            costs.append(len(read))

    assert 0 < costs[1] <= costs[0] + 2, costs


FILTERS = (
    Filters(status=("pending",)),
    Filters(status=("completed", "cancelled")),
    Filters(status=("rendering", "failed", "paused")),
    Filters(worker_id="push-1"),
    Filters(worker_id="pull-1", status=("rendering",)),
    Filters(worker_id="push-1", status=("pending", "rendering")),
    Filters(priority="RUSH"),
    Filters(job_id="job"),
    Filters(renderer="mitsuba", priority="LOW"),
)


def fits(row: Row, filters: Filters) -> bool:
    return (
        (not filters.status or row["status"] in filters.status)
        and filters.worker_id in (None, row["worker_id"])
        and filters.priority in (None, row["priority"])
        and filters.job_id in (None, row["job_id"])
        and filters.renderer in (None, row["renderer"])
    )


@pytest.mark.parametrize("chunk", [2, 500])
@pytest.mark.parametrize("filters", FILTERS, ids=str)
def test_filters_go_by_what_was_true_then(
    log: FarmLog, filters: Filters, chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (past_tasks, past_workers):
        monkeypatch.setattr(module, "CHUNK", chunk)
    monkeypatch.setattr(past_tasks, "LOOKED_MAX", 2 * chunk)
    chance = random.Random(3)
    ends = [position - 1 for position, event in log.replay() if event.TOPIC in ENDS]
    positions = set(chance.sample(range(1, log.head() + 1), FILTERED))
    # In the middle of a round, just before a task ends in it.
    positions |= set(chance.sample(ends, FILTERED))
    found = 0

    for position, fold in folds(log, positions):
        then = log.history.find(position, START)
        expected = [row for row in fold.task_rows() if fits(row, filters)]
        assert all_tasks(log.history, then, filters, 2) == expected, position
        found += len(expected)

    assert found
