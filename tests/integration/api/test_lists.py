"""Lists: newest first, in pages, filtered; and what stands beside a task."""

from typing import Any
from urllib.parse import quote

import pytest
from tests.integration.api.conftest import ServedFarm


async def pages(served: ServedFarm, path: str, limit: int) -> list[list[Any]]:
    """All pages of a list."""
    found, cursor = [], None
    glue = "&" if "?" in path else "?"
    while True:
        more = "" if cursor is None else f"&cursor={quote(cursor)}"
        page = await served.json("GET", f"{path}{glue}limit={limit}{more}", status=200)
        found.append(page["items"])
        cursor = page["next"]
        if cursor is None:
            return found


async def test_pages_hold_every_task_once_newest_first(served: ServedFarm) -> None:
    ids = [await served.submit() for _ in range(5)]
    found = await pages(served, "/renders", 2)

    assert [len(page) for page in found] == [2, 2, 1]
    assert [task["taskId"] for page in found for task in page] == ids[::-1]


async def test_a_last_page_that_is_full_has_no_next(served: ServedFarm) -> None:
    for _ in range(4):
        await served.submit()

    assert [len(page) for page in await pages(served, "/renders", 2)] == [2, 2]


async def test_new_tasks_do_not_move_the_pages_that_follow(served: ServedFarm) -> None:
    ids = [await served.submit() for _ in range(4)]
    first = await served.json("GET", "/renders?limit=2", status=200)
    await served.submit()
    second = await served.json("GET", f"/renders?limit=2&cursor={first['next']}", status=200)

    assert [task["taskId"] for task in second["items"]] == [ids[1], ids[0]]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("priority=RUSH", ["b"]),
        ("status=paused", ["c"]),
        ("status=paused,pending", ["e", "d", "c", "b", "a"]),
        ("status=completed", []),
        ("jobId=j", ["d"]),
        ("renderer=mitsuba", ["e"]),
        ("name=a", ["a"]),
        ("name=a&priority=RUSH", []),
        ("workerId=nobody", []),
    ],
)
async def test_filters_all_hold(served: ServedFarm, query: str, names: list[str]) -> None:
    await served.submit(name="a")
    await served.submit(name="b", priority="RUSH")
    paused = await served.submit(name="c")
    await served.submit(name="d", jobId="j")
    await served.submit(name="e", renderer="mitsuba")
    await served.json("POST", f"/renders/{paused}/pause", status=200)
    found = await pages(served, f"/renders?{query}", 2)

    assert [task["name"] for page in found for task in page] == names


async def test_tasks_are_read_by_their_ids(served: ServedFarm) -> None:
    first, second, third = [await served.submit(name=name) for name in ("a", "b", "c")]
    nobody = "00000000-0000-4000-8000-000000000000"
    found = await pages(served, f"/renders?taskId={third},{nobody},{first.upper()}", 1)
    named = await pages(served, f"/renders?taskId={first},{second}&name=b", 2)

    assert [task["taskId"] for page in found for task in page] == [third, first]
    assert [task["taskId"] for page in named for task in page] == [second]


@pytest.mark.parametrize("ids", ["", "7f3a9c01", ",".join(["0" * 32] * 101)])
async def test_what_are_no_ids_or_too_many_are_refused(served: ServedFarm, ids: str) -> None:
    problem = await served.json("GET", f"/renders?taskId={ids}", status=400)

    assert "query parameter taskId" in problem["detail"]


async def test_a_cursor_of_other_filters_is_refused(served: ServedFarm) -> None:
    for _ in range(3):
        await served.submit()
    cursor = (await served.json("GET", "/renders?limit=2", status=200))["next"]
    problem = await served.json("GET", f"/renders?priority=LOW&cursor={cursor}", status=422)

    assert "other filters" in problem["detail"]


async def test_workers_come_in_pages_by_id(served: ServedFarm) -> None:
    for name in ("gamma", "alpha", "beta"):
        await served.json("PUT", f"/workers/{name}/status", {"status": "ready"}, status=200)
    await served.json("PUT", "/workers/delta/status", {"status": "offline"}, status=200)
    found = await pages(served, "/workers", 2)
    ready = await pages(served, "/workers?status=ready", 2)

    assert [[one["workerId"] for one in page] for page in found] == [
        ["alpha", "beta"],
        ["delta", "gamma"],
    ]
    assert [one["workerId"] for page in ready for one in page] == ["alpha", "beta", "gamma"]


async def test_the_events_of_a_task_come_in_pages_oldest_first(served: ServedFarm) -> None:
    task_id = await served.submit()
    for verb in ("pause", "resume", "cancel"):
        await served.json("POST", f"/renders/{task_id}/{verb}", status=200)
    found = [
        event for page in await pages(served, f"/renders/{task_id}/events", 3) for event in page
    ]

    assert [event["topic"].rsplit(".", 1)[1] for event in found] == [
        "submitted",
        "paused",
        "resumed",
        "cancelled",
    ]
    assert {event["taskId"] for event in found} == {task_id}
    assert [event["version"] for event in found] == [1, 2, 3, 4]


async def test_a_job_is_its_tasks_counted(served: ServedFarm) -> None:
    body = {"frames": "1-10", "framesPerTask": 4, "jobId": "shot"}
    batch = await served.json("POST", "/renders/batch", body, status=201)
    await served.json("POST", f"/renders/{batch['taskIds'][0]}/cancel", status=200)
    job = await served.json("GET", "/jobs/shot", status=200)

    assert (job["tasks"], job["byStatus"]) == (3, {"cancelled": 1, "pending": 2})
    assert (job["framesTotal"], job["framesDone"], job["completionTime"]) == (10, 0, None)


async def test_a_verb_on_a_job_counts_what_it_reached(served: ServedFarm) -> None:
    body = {"frames": "1-3", "framesPerTask": 1, "jobId": "shot"}
    batch = await served.json("POST", "/renders/batch", body, status=201)
    await served.json("POST", f"/renders/{batch['taskIds'][0]}/cancel", status=200)

    for verb, counts in (("pause", (2, 1)), ("resume", (2, 1)), ("cancel", (2, 1))):
        found = await served.json("POST", f"/jobs/shot/{verb}", status=200)
        assert (found["changed"], found["refused"]) == counts
    found = await served.json("POST", "/jobs/shot/requeue", status=200)
    assert found["changed"] == 3


async def test_the_priority_of_a_task_and_of_a_job_can_be_changed(served: ServedFarm) -> None:
    task_id = await served.submit(jobId="shot")
    task = await served.json("PATCH", f"/renders/{task_id}", {"priority": "RUSH"}, status=200)
    job = await served.json("PATCH", "/jobs/shot", {"priority": "LOW"}, status=200)
    again = await served.json("GET", f"/renders/{task_id}", status=200)

    assert (task["priority"], job["changed"], again["priority"]) == ("RUSH", 1, "LOW")


async def test_ten_thousand_tasks_are_one_batch_and_one_more_is_too_many(
    served: ServedFarm,
) -> None:
    body = {"frames": "1-10000", "framesPerTask": 1, "jobId": "big"}
    batch = await served.json("POST", "/renders/batch", body, status=201)
    too_many = {"frames": "1-10001", "framesPerTask": 1}
    problem = await served.json("POST", "/renders/batch", too_many, status=422)

    assert (batch["count"], len(set(batch["taskIds"]))) == (10_000, 10_000)
    assert (await served.json("GET", "/jobs/big", status=200))["framesTotal"] == 10_000
    assert problem["errors"][0]["pointer"] == "#/framesPerTask"
