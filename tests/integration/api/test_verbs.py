"""Each verb in each status, over HTTP: what it does, or a 409 that leaves the task as it is."""

from typing import Any

import pytest
from tests.integration.api.conftest import ServedFarm
from tests.integration.api.test_refusals import assert_problem

STATUSES = ("pending", "paused", "rendering", "completed", "failed", "cancelled")
# Verb to what becomes of a task in those statuses that allow it.
ALLOWED = {
    "cancel": dict.fromkeys(("pending", "paused", "rendering", "failed"), "cancelled"),
    "pause": dict.fromkeys(("pending", "paused"), "paused"),
    "resume": {"paused": "pending"},
    "retry": {"failed": "pending"},
    "requeue": dict.fromkeys(("completed", "failed", "cancelled"), "pending"),
}
CASES = [(verb, status) for verb in ALLOWED for status in STATUSES]


async def task_in(served: ServedFarm, status: str) -> dict[str, Any]:
    """A task that has this status."""
    path = f"/renders/{await served.submit()}"
    if status == "paused":
        await served.json("POST", f"{path}/pause", status=200)
    if status == "cancelled":
        await served.json("POST", f"{path}/cancel", status=200)
    if status in ("rendering", "completed", "failed"):
        await served.json("PUT", "/workers/w/status", {"status": "ready"}, status=200)
        await served.json("POST", "/workers/w/request-task", status=200)
    if status in ("completed", "failed"):
        await served.json("PUT", f"{path}/status", {"status": status}, status=200)
    found: dict[str, Any] = await served.json("GET", path, status=200)
    assert found["status"] == status
    return found


@pytest.mark.parametrize(("verb", "status"), CASES)
async def test_a_verb_does_what_the_table_says(served: ServedFarm, verb: str, status: str) -> None:
    before = await task_in(served, status)
    path = f"/renders/{before['taskId']}"
    answer = await served.http.post(f"{path}/{verb}")
    after = await served.json("GET", path, status=200)

    if status in ALLOWED[verb]:
        assert answer.status_code == 200, answer.text
        assert answer.json() == after
        assert after["status"] == ALLOWED[verb][status]
    else:
        problem = assert_problem(answer, 409, "illegal-transition")
        assert status in problem["detail"]
        assert after == before


async def test_a_requeue_may_name_frames_and_keeps_the_others(served: ServedFarm) -> None:
    path = f"/renders/{await served.submit(frames='1-3')}"
    await served.json("PUT", "/workers/w/status", {"status": "ready"}, status=200)
    await served.json("POST", "/workers/w/request-task", status=200)
    outputs = [{"frame": one, "path": f"out:{one}.png", "bytes": 1} for one in (1, 2, 3)]
    await served.json("POST", f"{path}/complete", {"outputs": outputs}, status=200)
    again = await served.json("POST", f"{path}/requeue", {"frames": "2"}, status=200)

    assert (again["status"], again["framesRendered"]) == ("pending", "1,3")
