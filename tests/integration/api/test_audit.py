"""The farm as it was, over HTTP: at positions, at times, in pages, and beyond its ends."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from tests.integration.api.conftest import ServedFarm

from rushlight.clock import SystemClock
from rushlight_api.cursors import cursor_of
from rushlight_api.routes.audit import StateQuery


async def state(served: ServedFarm, query: str = "", *, status: int = 200) -> Any:
    return await served.json("GET", f"/audit/state?{query}", status=status)


async def lived(served: ServedFarm) -> str:
    """A task is submitted, rendered by a pull worker, and a second one paused."""
    first = await served.submit(name="first", jobId="shot")
    await served.json("PUT", "/workers/alpha/status", {"status": "ready"}, status=200)
    await served.json("POST", "/workers/alpha/request-task", status=200)
    await served.json("POST", f"/renders/{first}/complete", status=200)
    second = await served.submit(name="second")
    await served.json("POST", f"/renders/{second}/pause", status=200)
    return first


async def events_of(served: ServedFarm, task_id: str) -> dict[str, Any]:
    page = await served.json("GET", f"/renders/{task_id}/events", status=200)
    return {one["topic"].rsplit(".", 1)[1]: one for one in page["items"]}


def resource(now: dict[str, Any]) -> dict[str, Any]:
    """A worker as it is now, without what is not on the log."""
    return now | {"lastHeartbeat": None}


async def test_the_state_at_the_end_is_the_state_now(served: ServedFarm) -> None:
    await lived(served)
    now = await served.json("GET", "/renders", status=200)
    workers = await served.json("GET", "/workers", status=200)
    found = await state(served)

    assert found["tasks"] == now
    assert found["workers"]["items"] == [resource(one) for one in workers["items"]]
    assert found["position"] == found["head"] == served.parts.log.head()
    assert {name: count for name, count in found["counts"].items() if count} == {
        "completed": 1,
        "paused": 1,
    }
    assert found["settings"]["lost_after_s"] == 90


async def test_each_position_and_the_time_of_its_round_show_the_task_as_it_was(
    served: ServedFarm,
) -> None:
    first = await lived(served)
    for word, status in (
        ("submitted", "pending"),
        ("assigned", "rendering"),
        ("completed", "completed"),
    ):
        event = (await events_of(served, first))[word]
        for at in (event["position"], event["time"], event["time"].replace("Z", "+00:00")):
            found = await state(served, f"at={at}&jobId=shot")
            assert [task["status"] for task in found["tasks"]["items"]] == [status]
            assert found["time"] == event["time"]


async def test_a_worker_holds_what_it_held(served: ServedFarm) -> None:
    first = await lived(served)
    events = await events_of(served, first)
    then = await state(served, f"at={events['assigned']['time']}")
    before = await state(served, f"at={events['submitted']['position']}")

    assert [one["currentTaskId"] for one in then["workers"]["items"]] == [first]
    assert [one["status"] for one in then["workers"]["items"]] == ["busy"]
    assert before["workers"] == {"items": [], "next": None}


async def test_filters_go_by_what_was_true_then(served: ServedFarm) -> None:
    first = await lived(served)
    at = (await events_of(served, first))["assigned"]["time"]
    names: dict[str, list[str]] = {}
    for query in (
        "status=rendering",
        "status=completed",
        "workerId=alpha",
        "workerId=beta",
        "jobId=shot&status=rendering,pending",
        f"taskId={first}",
        "submittedBy=anonymous",
        "submittedBy=somebody",
        "name=sec",
    ):
        found = await state(served, f"at={at}&{query}")
        names[query] = [task["name"] for task in found["tasks"]["items"]]

    assert [query for query, found in names.items() if found == ["first"]] == [
        "status=rendering",
        "workerId=alpha",
        "jobId=shot&status=rendering,pending",
        f"taskId={first}",
        "submittedBy=anonymous",
    ]
    assert all(found in ([], ["first"]) for found in names.values())


async def test_pages_hold_the_position_while_the_farm_goes_on(served: ServedFarm) -> None:
    ids = [await served.submit() for _ in range(5)]
    for name in ("alpha", "beta", "gamma"):
        await served.json("PUT", f"/workers/{name}/status", {"status": "ready"}, status=200)
    page = await state(served, "limit=2")
    position, seen, workers = page["position"], [], []
    while True:
        seen += [task["taskId"] for task in page["tasks"]["items"]]
        await served.submit()
        if page["tasks"]["next"] is None:
            break
        page = await state(served, f"limit=2&cursor={page['tasks']['next']}")
        assert (page["position"], page["counts"]) == (position, None)
    page = await state(served, f"at={position}&limit=2")
    workers = page["workers"]["items"]
    more = await state(served, f"at={position}&limit=2&workersCursor={page['workers']['next']}")
    workers += more["workers"]["items"]

    assert seen == ids[::-1]
    assert [one["workerId"] for one in workers] == ["alpha", "beta", "gamma"]


async def test_the_farm_before_its_first_event_is_empty(served: ServedFarm) -> None:
    await served.submit()
    found = await state(served, "at=0")

    assert (found["position"], found["time"], found["round"]) == (0, None, 0)
    assert (found["settings"], found["planner"]) == (None, None)
    assert found["tasks"] == found["workers"] == {"items": [], "next": None}
    assert set(found["counts"].values()) == {0}


async def test_beyond_its_ends_the_log_says_how_far_it_goes(served: ServedFarm) -> None:
    await served.submit()
    head = served.parts.log.head()
    ends = [(await state(served, f"at={one}"))["time"] for one in (1, head)]
    later = (SystemClock().now() + timedelta(hours=1)).isoformat()
    for at, said in (
        (head + 1, f"position {head + 1} is not on the log"),
        ("1999-12-31T23:59:59Z", "1999-12-31T23:59:59.000000Z is before the farm's first event"),
        (later.replace("+", "%2B"), "is yet to come"),
    ):
        problem = await state(served, f"at={at}", status=422)
        assert said in problem["detail"]
        for number, time in zip((1, head), ends, strict=True):
            moment = datetime.fromisoformat(time).isoformat(timespec="microseconds")
            assert f"{number} ({moment.replace('+00:00', 'Z')})" in problem["detail"]


async def test_a_quiet_time_after_the_last_event_is_the_state_of_that_event(
    served: ServedFarm,
) -> None:
    await served.submit()
    last = datetime.fromisoformat((await state(served))["time"])
    found = await state(served, f"at={(last + timedelta(microseconds=1)).isoformat()}")

    assert found["position"] == served.parts.log.head()


@pytest.mark.parametrize(
    "at", ["yesterday", "-1", "1.5", "2026-05-04", "2026-05-04T12:00:00", "", "9" * 30, "12:00"]
)
async def test_what_is_no_moment_is_refused_with_what_would_be(served: ServedFarm, at: str) -> None:
    problem = await state(served, f"at={at}", status=400)

    assert (
        "should be a position of the log, as 4711, or a time with its offset" in problem["detail"]
    )


async def test_cursors_belong_to_their_list_and_their_answer(served: ServedFarm) -> None:
    for _ in range(3):
        await served.submit()
    for name in ("alpha", "beta"):
        await served.json("PUT", f"/workers/{name}/status", {"status": "ready"}, status=200)
    first = await state(served, "limit=1")
    await served.submit()
    second = await state(served, "limit=1")
    of_tasks, of_workers = first["tasks"]["next"], second["workers"]["next"]
    for query, said in (
        (f"cursor={of_workers}", "it is a cursor of workers"),
        (f"workersCursor={of_tasks}", "it is a cursor of tasks"),
        (f"cursor={of_tasks}&workersCursor={of_workers}", "of two answers"),
        (f"cursor={of_tasks}&status=pending", "other filters"),
    ):
        assert said in (await state(served, query, status=422))["detail"]


@pytest.mark.parametrize(
    ("cursor", "place"),
    [
        ("cursor", "x"),
        ("cursor", "tasks 1"),
        ("cursor", "tasks x 1"),
        ("cursor", "tasks 1 x"),
        ("cursor", f"tasks 1 {10**30}"),
        ("cursor", f"tasks {10**30} 1"),
        ("workersCursor", "workers 1 a b"),
        ("workersCursor", "workers 1 \x00"),
    ],
)
async def test_a_cursor_that_somebody_made_up_is_refused(
    served: ServedFarm, cursor: str, place: str
) -> None:
    await served.submit()

    await state(served, f"{cursor}={cursor_of(place, StateQuery())}", status=422)
