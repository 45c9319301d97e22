"""Filters, pages, sums and expiry of the views."""

from datetime import timedelta
from typing import Any

import pytest
from tests.unit.eventlog.farm_rounds import (
    START,
    command_id,
    outcome_row,
    submitted,
    task_id,
    task_row,
    worker_row,
)

from rushlight.eventlog.log import FarmLog


def row(seq: int, **fields: Any) -> dict[str, Any]:
    return task_row(submitted(seq), **fields)


def keep(log: FarmLog, *task_rows: dict[str, Any]) -> None:
    log.put(events=[], task_rows=task_rows)


def seqs(rows: list[dict[str, Any]]) -> list[int]:
    return [one["seq"] for one in rows]


@pytest.fixture
def farm(log: FarmLog) -> FarmLog:
    """Ten tasks: even ones completed, odd ones pending, every third in a job on worker w3."""
    for seq in range(1, 11):
        third = seq % 3 == 0
        keep(
            log,
            row(
                seq,
                status="pending" if seq % 2 else "completed",
                job_id="shot" if third else None,
                worker_id="w3" if third else None,
                renderer="mitsuba" if seq > 5 else "command",
                priority="RUSH" if seq == 7 else "LOW",
                name="100%_a" if seq == 4 else f"b{seq}",
            ),
        )
    return log


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({}, [10, 9, 8, 7, 6, 5, 4, 3, 2, 1]),
        ({"status": ["pending"]}, [9, 7, 5, 3, 1]),
        ({"status": ["pending", "completed"]}, [10, 9, 8, 7, 6, 5, 4, 3, 2, 1]),
        ({"status": ["pending", "failed"]}, [9, 7, 5, 3, 1]),
        ({"status": ["failed"]}, []),
        ({"job_id": "shot"}, [9, 6, 3]),
        ({"job_id": "shot", "status": ["pending", "completed"]}, [9, 6, 3]),
        ({"job_id": "shot", "status": ["completed"], "worker_id": "w3"}, [6]),
        ({"worker_id": "w3"}, [9, 6, 3]),
        ({"worker_id": "w4"}, []),
        ({"task_ids": [str(task_id(4)), str(task_id(9)), str(task_id(99))]}, [9, 4]),
        ({"task_ids": [str(task_id(4)), str(task_id(9))], "status": ["completed"]}, [4]),
        ({"task_ids": [str(task_id(4)), str(task_id(9))], "job_id": "shot"}, [9]),
        ({"task_ids": []}, []),
        ({"priority": "RUSH"}, [7]),
        ({"renderer": "command", "status": {"pending"}}, [5, 3, 1]),
        ({"name_prefix": "b1"}, [10, 1]),
        ({"name_prefix": "100%_"}, [4]),
        ({"name_prefix": "%"}, []),
        ({"before_seq": 4}, [3, 2, 1]),
        ({"before_seq": 8, "status": ["pending", "completed"], "limit": 3}, [7, 6, 5]),
        ({"limit": 2}, [10, 9]),
    ],
)
def test_tasks_are_filtered_and_newest_first(
    farm: FarmLog, filters: dict[str, Any], expected: list[int]
) -> None:
    assert seqs(farm.views.tasks(**{"limit": 100, **filters})) == expected


def test_pages_cover_all_tasks_once(farm: FarmLog) -> None:
    seen: list[int] = []
    page = farm.views.tasks(limit=3, status=["completed", "pending"])
    while page:
        seen += seqs(page)
        page = farm.views.tasks(
            limit=3, status=["completed", "pending"], before_seq=page[-1]["seq"]
        )
    assert seen == list(range(10, 0, -1))


@pytest.mark.parametrize(
    ("filters", "index"),
    [
        ("job_id = 'x' AND +status = 'y'", "tasks_job (job_id=?)"),
        ("worker_id = 'x' AND +status = 'y'", "tasks_worker (worker_id=?)"),
        ("status = 'x' AND +priority = 'y'", "tasks_status (status=?)"),
        ("live = 1", "tasks_live"),
        ("seq < 5", "tasks_seq (seq<?)"),
    ],
)
def test_each_filter_walks_its_index_without_a_sort(log: FarmLog, filters: str, index: str) -> None:
    with log._app.datastore.transaction(commit=False) as cursor:
        cursor.execute(
            f"EXPLAIN QUERY PLAN SELECT doc FROM tasks WHERE {filters}"  # noqa: S608
            " ORDER BY seq DESC LIMIT 5"
        )
        plan = [step["detail"] for step in cursor.fetchall()]
    assert len(plan) == 1
    assert index in plan[0]


@pytest.mark.parametrize(
    ("fields", "live"),
    [
        ({"status": "pending"}, True),
        ({"status": "rendering"}, True),
        ({"status": "paused"}, True),
        ({"status": "failed", "retry_at": START.isoformat()}, True),
        ({"status": "failed", "retry_at": None}, False),
        ({"status": "completed"}, False),
        ({"status": "cancelled"}, False),
    ],
)
def test_live_tasks_are_those_that_may_still_render(
    log: FarmLog, fields: dict[str, Any], live: bool
) -> None:
    keep(log, row(1, **fields))
    assert seqs(log.views.live_tasks()) == ([1] if live else [])


def test_a_later_row_of_a_task_takes_the_place_of_the_former(log: FarmLog) -> None:
    keep(log, row(1, status="pending"))
    keep(log, row(1, status="completed", version=2))
    assert log.views.tasks(limit=10) == [row(1, status="completed", version=2)]
    assert log.views.live_tasks() == []


def test_a_job_is_summed(log: FarmLog) -> None:
    hour = timedelta(hours=1)
    keep(
        log,
        row(
            1, job_id="shot", status="completed", frames_total=4, frames_done=4,
            completed_at=(START + 2 * hour).isoformat(),
        ),
        row(
            2, job_id="shot", status="rendering", frames_total=4, frames_done=1,
            created_at=(START + hour).isoformat(),
        ),
        row(3, job_id="another", frames_total=9),
    )  # fmt: skip
    assert log.views.job("shot") == {
        "job_id": "shot",
        "tasks": 2,
        "by_status": {"completed": 1, "rendering": 1},
        "frames_total": 8,
        "frames_done": 5,
        "created_at": "2026-05-04T12:00:00.000000+00:00",
        "completed_at": None,
    }
    assert seqs(log.views.job_tasks("shot")) == [1, 2]


def test_a_job_is_complete_when_its_last_task_is_whatever_form_the_times_have(log: FarmLog) -> None:
    keep(
        log,
        row(1, job_id="shot", status="completed", completed_at="2026-05-04T12:00:00.5Z"),
        row(2, job_id="shot", status="completed", completed_at="2026-05-04T12:00:00Z"),
        row(3, job_id="shot", status="cancelled", completed_at="2026-05-04T13:00:00+02:00"),
    )
    job = log.views.job("shot")
    assert job is not None
    assert job["completed_at"] == "2026-05-04T12:00:00.500000+00:00"


def test_there_is_no_job_without_tasks(farm: FarmLog) -> None:
    assert farm.views.job("none") is None


def test_workers_are_paged_by_id(log: FarmLog) -> None:
    statuses = {"a": "ready", "b": "busy", "c": "offline", "d": "ready"}
    log.put(events=[], worker_rows=[worker_row(*one) for one in statuses.items()])
    views = log.views
    assert [one["worker_id"] for one in views.workers(limit=2)] == ["a", "b"]
    assert [one["worker_id"] for one in views.workers(after_id="b", limit=9)] == ["c", "d"]
    assert [one["worker_id"] for one in views.workers(status=["ready"], limit=9)] == ["a", "d"]
    assert len(views.all_workers()) == 4
    assert views.worker("c") == worker_row("c", "offline")
    assert views.worker("e") is None


def test_outcomes_are_found_by_many_ids(log: FarmLog) -> None:
    log.put(events=[], outcomes=[outcome_row(1), outcome_row(2)])
    found = log.views.outcomes([command_id(seq) for seq in range(1, 40_000)])
    assert {one["digest"] for one in found.values()} == {"digest 1", "digest 2"}
    assert found[command_id(1)]["doc"] == outcome_row(1)["doc"]
    assert log.views.outcome(command_id(3)) is None


def test_outcomes_expire_by_age(log: FarmLog) -> None:
    day = timedelta(days=1)
    log.put(events=[], outcomes=[outcome_row(seq, at=START + seq * day) for seq in range(5)])
    assert log.views.expire_outcomes(START + 3 * day) == 3
    assert log.views.outcome(command_id(2)) is None
    assert log.views.outcome(command_id(3)) is not None


def test_rebuilt_views_have_the_given_rows_and_no_others(farm: FarmLog) -> None:
    farm.views.rebuild([row(2), row(1)], iter([worker_row("w9")]))
    by_id = sorted([row(1), row(2)], key=lambda one: str(one["task_id"]))
    assert farm.views.dump()[1:] == (by_id, [worker_row("w9")])


def test_a_rebuild_that_fails_leaves_the_views_as_they_were(farm: FarmLog) -> None:
    before = farm.views.dump()
    with pytest.raises(KeyError):
        farm.views.rebuild([row(1), {"task_id": "broken"}], [])
    assert farm.views.dump() == before


def test_a_task_is_found_by_id_as_text_or_uuid(farm: FarmLog) -> None:
    assert farm.views.task(str(task_id(3))) == farm.views.task(task_id(3)) != None  # noqa: E711


def test_the_census_counts_what_the_rows_say(farm: FarmLog) -> None:
    farm.put(
        events=[],
        worker_rows=[worker_row("w1", status="busy"), worker_row("w2", status="offline")],
    )
    census = farm.views.census()

    assert census["tasks"] == {"pending": 5, "completed": 5}
    assert census["waiting"] == {"RUSH": 1, "LOW": 4}
    first = farm.views.tasks(status=["pending"], priority="LOW", limit=10)[-1]
    assert census["oldest"]["LOW"].isoformat() == first["created_at"]
    assert census["workers"] == {"busy": 1, "offline": 1}
    assert census["here"] == {"w1"}


def test_an_empty_farm_has_a_census_too(log: FarmLog) -> None:
    assert log.views.census()["waiting"] == {}
    assert log.size_bytes() > 0
