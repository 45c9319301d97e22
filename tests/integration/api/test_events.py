"""The log as pages: every event once, in order, by filters, and no more at once than agreed."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID, uuid4

import pytest
from tests.integration.api.conftest import ServedFarm

from rushlight.eventlog import windows


async def work(served: ServedFarm) -> list[str]:
    """A pull worker renders the first of three tasks; the others are of the job `shot`."""
    first = await served.submit()
    others = [await served.submit(jobId="shot") for _ in range(2)]
    await served.json("PUT", "/workers/w-1/status", {"status": "ready"}, status=200)
    await served.json("POST", "/workers/w-1/request-task", status=200)
    await served.json("POST", f"/renders/{first}/complete", status=200)
    await served.json("POST", f"/renders/{others[1]}/cancel", status=200)
    return [first, *others]


async def pages(served: ServedFarm, **query: Any) -> list[dict[str, Any]]:
    """All items of all pages, and a check that each goes on where the one before ended."""
    found: list[dict[str, Any]] = []
    cursor = None
    while True:
        more: dict[str, Any] = {} if cursor is None else {"cursor": cursor}
        page = await served.json("GET", f"/events?{urlencode(query | more)}", status=200)
        assert len(page["items"]) <= query.get("limit", 50)
        found += page["items"]
        cursor = page["next"]
        if cursor is None:
            return found


def positions(items: list[dict[str, Any]]) -> list[int]:
    return [item["position"] for item in items]


@pytest.mark.parametrize("limit", [1, 3, 500])
async def test_pages_are_the_whole_log_in_order(served: ServedFarm, limit: int) -> None:
    await work(served)
    items = await pages(served, limit=limit)
    log = list(served.parts.log.replay())

    assert positions(items) == list(range(1, len(log) + 1))
    assert [item["topic"] for item in items] == [event.TOPIC for _, event in log]
    assert [item["payload"] for item in items] == [event.payload() for _, event in log]


async def test_an_event_is_shown_as_among_those_of_its_task(served: ServedFarm) -> None:
    first, *_ = await work(served)
    of_task = await served.json("GET", f"/renders/{first}/events", status=200)

    assert await pages(served, taskId=first) == of_task["items"] != []


async def test_every_filter_leaves_what_its_field_says(served: ServedFarm) -> None:
    first, second, third = await work(served)
    log = await pages(served)
    expected: dict[tuple[str, str], Callable[[Any], bool]] = {
        ("taskId", f"{first},{third}"): lambda one: one["taskId"] in (first, third),
        ("jobId", "shot"): lambda one: one["taskId"] in (second, third),
        ("workerId", "w-1"): lambda one: one["workerId"] == "w-1",
        ("topic", "task.completed"): lambda one: one["topic"] == "rushlight.task.completed",
        ("topic", "rushlight.worker.*,task.cancelled"): lambda one: (
            one["topic"].startswith("rushlight.worker.") or one["topic"].endswith(".cancelled")
        ),
        ("principal", "farm"): lambda one: one["principal"] == "farm",
    }

    for (name, value), holds in expected.items():
        fitting = [one for one in log if holds(one)]
        assert 0 < len(fitting) < len(log), name
        assert await pages(served, **{name: value}, limit=2) == fitting, name


async def test_all_filters_must_hold(served: ServedFarm) -> None:
    first, *_ = await work(served)
    items = await pages(served, taskId=first, workerId="w-1", topic="task.*")

    assert [one["topic"] for one in items] == [
        "rushlight.task.assigned",
        "rushlight.task.completed",
    ]
    assert await pages(served, taskId=first, jobId="shot") == []


async def test_positions_bound_a_page(served: ServedFarm) -> None:
    await work(served)

    assert positions(await pages(served, after=2, until=5)) == [3, 4, 5]
    assert positions(await pages(served, after=5, until=2)) == []
    head = served.parts.log.head()
    assert positions(await pages(served, after=head - 1, until=head + 100)) == [head]


async def test_times_bound_a_page_by_rounds(served: ServedFarm) -> None:
    await work(served)
    log = await pages(served)
    times = [datetime.fromisoformat(one["time"]) for one in log]
    middle = times[len(times) // 2]
    since = middle.isoformat()
    elsewhere = (middle + timedelta(hours=2)).isoformat().replace("+00:00", "+02:00")

    early = [one["position"] for one, time in zip(log, times, strict=True) if time < middle]
    late = [one["position"] for one, time in zip(log, times, strict=True) if time >= middle]
    assert early and late
    assert positions(await pages(served, before=since)) == early
    assert positions(await pages(served, since=since)) == late
    assert positions(await pages(served, since=elsewhere)) == late
    assert positions(await pages(served, since=since, before=since)) == []


async def test_a_page_says_how_far_it_looked(served: ServedFarm) -> None:
    await work(served)
    head = served.parts.log.head()
    seen = await served.json("GET", "/events?principal=nobody", status=200)
    await served.submit()
    new = await served.json("GET", f"/events?after={seen['position']}", status=200)

    assert seen == {"items": [], "next": None, "position": head}
    assert positions(new["items"]) == list(range(head + 1, served.parts.log.head() + 1))


async def test_a_page_may_be_empty_and_go_on(
    served: ServedFarm, monkeypatch: pytest.MonkeyPatch
) -> None:
    await work(served)
    monkeypatch.setattr(windows, "SCAN_MAX", 2)
    page = await served.json("GET", "/events?topic=task.cancelled", status=200)
    items = await pages(served, topic="task.cancelled")

    assert (page["items"], page["position"]) == ([], 2)
    assert page["next"] is not None
    assert len(items) == 1


async def test_a_cursor_is_good_for_its_own_filters_only(served: ServedFarm) -> None:
    await work(served)
    page = await served.json("GET", "/events?limit=1&topic=task.*", status=200)
    refused = await served.json("GET", f"/events?limit=1&cursor={page['next']}", status=422)

    assert "other filters" in refused["detail"]


@pytest.mark.parametrize(
    ("query", "status", "said"),
    [
        ("topic=task.complete", 400, "task.completed"),
        ("topic=", 400, "topic"),
        (f"topic={','.join(['task.*'] * 33)}", 400, "at most 32"),
        ("taskId=x", 400, "ids of tasks"),
        (f"taskId={','.join(str(uuid4()) for _ in range(101))}", 400, "at most 100"),
        ("workerId=a%20b", 400, "workerId"),
        ("after=-1", 400, "after"),
        ("after=9223372036854775808", 400, "after"),
        ("after=1000", 422, "beyond the end of the log"),
        ("until=x", 400, "until"),
        ("since=5", 400, "2026-05-04T12:00:00Z"),
        ("since=2026-05-04T12:00:00", 400, "timezone"),
        ("before=yesterday", 400, "before"),
        ("limit=501", 400, "limit"),
        ("cursor=x", 422, "cursor"),
        ("task=x", 400, "known: taskId"),
        ("after=1&after=2", 400, "given twice"),
    ],
)
async def test_a_filter_that_makes_no_sense_is_refused(
    served: ServedFarm, query: str, status: int, said: str
) -> None:
    refused = await served.json("GET", f"/events?{query}", status=status)

    assert refused["type"] == "/problems/invalid-request"
    assert said in refused["detail"]


async def test_unknown_tasks_and_jobs_have_no_events(served: ServedFarm) -> None:
    await work(served)

    assert await pages(served, taskId=str(UUID(int=0))) == []
    assert await pages(served, jobId="it's") == []
    assert await pages(served, principal="' OR 1=1 --") == []


@pytest.mark.parametrize("offset", ["Z", "+14:00", "-12:00"])
async def test_times_far_away_are_no_failure(served: ServedFarm, offset: str) -> None:
    await work(served)

    assert await pages(served, before=f"0001-01-01T00:00:00{offset}") == []
    assert await pages(served, since=f"9999-12-31T23:59:59{offset}") == []
    whole = await pages(served, since=f"0001-01-01T00:00:00{offset}")
    assert len(whole) == served.parts.log.head()
