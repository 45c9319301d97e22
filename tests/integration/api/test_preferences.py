"""``Prefer``: a change may be left with the farm, or waited for as long as the client likes."""

import time
from pathlib import Path
from typing import Any

import anyio
import pytest
from tests.integration.api.conftest import ServedFarm, held_up, serve
from tests.integration.api.test_refusals import assert_problem

ASYNC = {"Prefer": "respond-async"}
KEY = {"Idempotency-Key": "k-1"}


async def outcome(served: ServedFarm, path: str) -> Any:
    """What became of a command, as soon as that is known."""
    with anyio.fail_after(10):
        while (answer := await served.http.get(path)).status_code == 404:
            await anyio.sleep(0.01)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_who_prefers_not_to_wait_gets_202_before_anything_is_decided(
    served: ServedFarm,
) -> None:
    async with held_up(served):
        answer = await served.http.post("/renders", json={}, headers=ASYNC)
    command = await outcome(served, f"/commands/{answer.json()['commandId']}")

    assert answer.status_code == 202
    assert answer.headers["preference-applied"] == "respond-async"
    assert answer.headers["link"] == f'</commands/{command["commandId"]}>; rel="monitor"'
    assert command["status"] == "done"
    task = await served.http.get(answer.headers["location"])
    assert task.json()["taskId"] == answer.json()["taskIds"][0]


async def test_a_refusal_is_found_where_the_202_says(served: ServedFarm) -> None:
    task_id = await served.submit()
    answer = await served.http.post(f"/renders/{task_id}/retry", headers=ASYNC)
    command = await outcome(served, f"/commands/{answer.json()['commandId']}")

    assert (answer.status_code, command["status"]) == (202, "refused")
    assert command["code"] == "illegal-transition"


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/renders", {}),
        ("POST", "/renders/batch", {"tasks": [{}, {}]}),
        ("PATCH", "/renders/{task}", {"priority": "RUSH"}),
        ("PUT", "/renders/{task}/status", {"status": "cancelled"}),
        ("POST", "/renders/{task}/complete", {}),
        ("POST", "/renders/{task}/cancel", None),
        ("POST", "/renders/{task}/retry", None),
        ("POST", "/renders/{task}/requeue", {}),
        ("POST", "/renders/{task}/pause", None),
        ("POST", "/renders/{task}/resume", None),
        ("PATCH", "/jobs/shot", {"priority": "LOW"}),
        ("POST", "/jobs/shot/cancel", None),
        ("PUT", "/workers/w2/status", {"status": "ready", "instance": "i", "capabilities": {}}),
        ("POST", "/workers/w/drain", None),
        ("POST", "/workers/w/undrain", None),
    ],
)
async def test_every_change_can_be_left_with_the_farm(
    served: ServedFarm, method: str, path: str, body: Any
) -> None:
    task_id = await served.submit(jobId="shot")
    await served.json("PUT", "/workers/w/status", {"status": "ready"}, status=200)
    url = path.format(task=task_id)
    answer = await served.http.request(method, url, json=body, headers=ASYNC)

    assert answer.status_code == 202, answer.text
    assert answer.headers["vary"] == "Prefer"
    await outcome(served, f"/commands/{answer.json()['commandId']}")


async def test_a_repetition_of_what_is_decided_gets_the_usual_answer(served: ServedFarm) -> None:
    first = await served.http.post("/renders", json={}, headers={**ASYNC, **KEY})
    await outcome(served, f"/commands/{first.json()['commandId']}")
    again = await served.http.post("/renders", json={}, headers={**ASYNC, **KEY})
    other = await served.http.post("/renders", json={"name": "x"}, headers={**ASYNC, **KEY})

    assert (first.status_code, again.status_code) == (202, 201)
    assert [again.json()["taskId"]] == first.json()["taskIds"]
    assert_problem(other, 422, "key-reused")


async def test_who_prefers_to_wait_for_a_second_gets_202_after_it(served: ServedFarm) -> None:
    async with held_up(served):
        started = time.monotonic()
        answer = await served.http.post("/renders", json={}, headers={"Prefer": "wait=1"})
        waited_s = time.monotonic() - started

    assert (answer.status_code, answer.headers["preference-applied"]) == (202, "wait=1")
    assert 1 <= waited_s < 20


async def test_who_waits_gets_the_usual_answer_and_hears_for_how_long(tmp_path: Path) -> None:
    async with serve(tmp_path, outcome_wait_s=20) as served:
        answer = await served.http.post("/renders", json={}, headers={"Prefer": "wait=900"})
        both = await served.http.post(
            "/renders", json={}, headers={"Prefer": "respond-async, wait=9"}
        )

    assert (answer.status_code, answer.headers["preference-applied"]) == (201, "wait=20")
    assert (both.status_code, both.headers["preference-applied"]) == (201, "wait=9")


async def test_a_refusal_says_too_what_was_honoured(served: ServedFarm) -> None:
    path = f"/renders/{await served.submit()}/retry"
    answer = await served.http.post(path, headers={"Prefer": "wait=9"})

    assert_problem(answer, 409, "illegal-transition")
    assert answer.headers["preference-applied"] == "wait=9"


@pytest.mark.parametrize("wish", ["handling=lenient", "wait", "wait=soon", "wait=-1", "", ",;="])
async def test_an_unknown_wish_is_passed_over(served: ServedFarm, wish: str) -> None:
    answer = await served.http.post("/renders", json={}, headers={"Prefer": wish})

    assert answer.status_code == 201
    assert "preference-applied" not in answer.headers
    assert answer.headers["vary"] == "Prefer"


async def test_a_pull_worker_that_reports_and_does_not_wait_is_heard(served: ServedFarm) -> None:
    await served.json("PUT", "/workers/w/status", {"status": "ready"}, status=200)
    task_id = await served.submit()
    await served.json("POST", "/workers/w/request-task", status=200)
    before = await served.json("GET", "/workers/w", status=200)
    answer = await served.http.post(f"/renders/{task_id}/complete", headers=ASYNC)
    after = await served.json("GET", "/workers/w", status=200)

    assert answer.status_code == 202
    assert after["lastHeartbeat"] > before["lastHeartbeat"]


async def test_a_plain_workers_status_is_answered_in_full(served: ServedFarm) -> None:
    answer = await served.http.put("/workers/w/status", json={"status": "ready"}, headers=ASYNC)

    assert (answer.status_code, answer.json()["status"]) == (200, "ready")
    assert "preference-applied" not in answer.headers


async def test_who_asks_for_a_task_is_never_told_to_come_back_later_for_it(tmp_path: Path) -> None:
    async with serve(tmp_path, outcome_wait_s=0.2) as served:
        await served.json("PUT", "/workers/w/status", {"status": "ready"}, status=200)
        task_id = await served.submit()
        async with held_up(served):
            busy = await served.http.post("/workers/w/request-task")
        with anyio.fail_after(10):
            while (again := await served.http.post("/workers/w/request-task")).status_code == 503:
                await anyio.sleep(0.01)

    assert_problem(busy, 503, "unavailable")
    assert "retry-after" in busy.headers
    assert (again.status_code, again.json()["taskId"]) == (200, task_id)
