"""Windows of the log: what is wanted, all of it, once, in order, and no more work than agreed."""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from tests.every_event import tell
from tests.unit.eventlog.farm_rounds import SetClock, a_round, fill

from rushlight.domain.replay import fold_task
from rushlight.domain.task_events import TaskEvent
from rushlight.eventlog import windows
from rushlight.eventlog.log import FarmLog
from rushlight.eventlog.windows import ALL, Placed, Wanted


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FarmLog]:
    """A log on which every event happened, with the rows of its tasks."""
    story = tell().events()
    tasks = {one.originator_id for one in story if isinstance(one, TaskEvent)}
    streams = {task: [one for one in story if one.originator_id == task] for task in tasks}
    data: Path = tmp_path_factory.mktemp("farm")
    with FarmLog.open(data, clock=SetClock()) as log:
        log.put(
            events=story,
            task_rows=[fold_task(task, events).row() for task, events in streams.items()],
        )
        yield log


def everything(log: FarmLog, wanted: Wanted = ALL, *, limit: int = 7) -> list[Placed]:
    """All windows, one after the other."""
    found: list[Placed] = []
    after, head = 0, log.head()
    while after < head:
        window = log.windows.read(after, upto=head, limit=limit, wanted=wanted)
        assert len(window.events) <= limit
        assert window.reached > after
        found, after = [*found, *window.events], window.reached
    return found


def test_windows_one_after_the_other_are_the_whole_log(full: FarmLog) -> None:
    assert [(one.position, one.event) for one in everything(full)] == list(full.replay())


def test_the_job_of_a_task_stands_beside_each_of_its_events(full: FarmLog) -> None:
    for one in everything(full):
        row = full.views.task(one.event.originator_id)
        assert one.job_id == (None if row is None else row["job_id"])


FILTERS = {
    "topics": Wanted(topics=frozenset({"rushlight.task.completed", "rushlight.worker.freed"})),
    "job": Wanted(job_id="job"),
    "worker": Wanted(worker_id="w1"),
    "principal": Wanted(principal="reaper"),
    "worker and topic": Wanted(worker_id="w1", topics=frozenset({"rushlight.task.assigned"})),
    "all at once": Wanted(
        job_id="job", worker_id="plain", topics=frozenset({"rushlight.task.assigned"})
    ),
}


@pytest.mark.parametrize("name", FILTERS)
@pytest.mark.parametrize("limit", [1, 1000])
def test_the_filter_in_the_database_is_the_filter_in_memory(
    full: FarmLog, name: str, limit: int
) -> None:
    wanted = FILTERS[name]
    fitting = [one for one in everything(full) if wanted.fits(one.marks)]

    assert 0 < len(fitting) < full.head()
    assert everything(full, wanted, limit=limit) == fitting


def test_a_filter_of_tasks_finds_their_streams(full: FarmLog) -> None:
    tasks = [row["task_id"] for row in full.views.job_tasks("job")]
    ids = frozenset(one.event.originator_id for one in everything(full) if one.job_id == "job")
    wanted = Wanted(task_ids=ids)

    assert {str(one) for one in ids} == set(tasks)
    assert everything(full, wanted) == [one for one in everything(full) if wanted.fits(one.marks)]
    assert everything(full, Wanted(task_ids=frozenset({uuid4()}))) == []


def test_a_window_has_its_bounds(full: FarmLog) -> None:
    window = full.windows.read(3, upto=8, limit=100)

    assert [one.position for one in window.events] == [4, 5, 6, 7, 8]
    assert window.reached == 8


def test_a_window_without_what_is_wanted_says_how_far_it_looked(
    full: FarmLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(windows, "SCAN_MAX", 10)
    window = full.windows.read(5, upto=full.head(), limit=3, wanted=Wanted(principal="nobody"))

    assert window == ([], 15)


def test_a_window_of_large_events_ends_early(log: FarmLog, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(log, 2, 10)
    monkeypatch.setattr(windows, "BYTES_MAX", 1000)
    window = log.windows.read(0, upto=log.head(), limit=500)
    sizes = [len(one.event.encode()) for one in window.events]

    assert window.reached == len(window.events) < log.head()
    assert sum(sizes[:-1]) < 1000 <= sum(sizes)


def test_reading_goes_on_while_somebody_writes(log: FarmLog) -> None:
    log.put(**a_round(1, 3))
    before = log.windows.read(0, upto=log.head(), limit=100)
    log.put(**a_round(2, 3))
    after = log.windows.read(before.reached, upto=log.head(), limit=100)

    assert [one.position for one in before.events + after.events] == list(range(1, 9))
