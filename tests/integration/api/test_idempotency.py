"""The same ``Idempotency-Key`` makes the same change once, however often it comes."""

import asyncio
from pathlib import Path
from typing import Any
from uuid import uuid5

import pytest
from tests.integration.api.conftest import ServedFarm, held_up, serve

from rushlight_api.stamps import NAMESPACE

KEY = {"idempotency-key": "k-1"}


async def tasks(served: ServedFarm) -> list[Any]:
    items: list[Any] = (await served.json("GET", "/renders", status=200))["items"]
    return items


async def test_a_task_submitted_twice_is_one_task(served: ServedFarm) -> None:
    answers = [
        await served.http.post("/renders", json={"name": "a"}, headers=KEY) for _ in range(3)
    ]

    assert [answer.status_code for answer in answers] == [201, 201, 201]
    assert len({answer.headers["location"] for answer in answers}) == 1
    assert len(await tasks(served)) == 1


async def test_a_task_submitted_twice_at_once_is_one_task(served: ServedFarm) -> None:
    answers = await asyncio.gather(
        *(served.http.post("/renders", json={}, headers=KEY) for _ in range(10))
    )

    assert {answer.status_code for answer in answers} == {201}
    assert len(await tasks(served)) == 1


async def test_it_is_one_task_also_over_a_restart(tmp_path: Path) -> None:
    ids, count = [], 0
    for _ in range(2):
        async with serve(tmp_path) as served:
            answer = await served.http.post("/renders", json={}, headers=KEY)
            ids.append(answer.json()["taskId"])
            count = len(await tasks(served))

    assert (len(set(ids)), count) == (1, 1)


async def test_the_same_key_with_another_body_is_refused(served: ServedFarm) -> None:
    await served.http.post("/renders", json={"name": "a"}, headers=KEY)
    answer = await served.http.post("/renders", json={"name": "b"}, headers=KEY)

    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/key-reused")
    assert [task["name"] for task in await tasks(served)] == ["a"]


@pytest.mark.parametrize(
    "text", [b'{"name":"a","priority":"MEDIUM"}', b'{ "priority" : "MEDIUM", "name" : "a" }']
)
async def test_the_order_and_form_of_a_body_do_not_matter(served: ServedFarm, text: bytes) -> None:
    await served.http.post("/renders", json={"name": "a"}, headers=KEY)
    headers = {**KEY, "content-type": "application/json"}
    answer = await served.http.post("/renders", content=text, headers=headers)

    assert answer.status_code == 201
    assert len(await tasks(served)) == 1


async def test_the_same_key_elsewhere_is_another_one(served: ServedFarm) -> None:
    first = (await served.http.post("/renders", json={}, headers=KEY)).json()["taskId"]
    second = await served.submit()
    for task_id in (first, second):
        answer = await served.http.post(f"/renders/{task_id}/pause", headers=KEY)
        assert answer.json()["status"] == "paused"


async def test_a_verb_said_twice_has_the_outcome_of_the_first(served: ServedFarm) -> None:
    task_id = await served.submit()
    path = f"/renders/{task_id}/resume"
    refused = [await served.http.post(path, headers=KEY)]
    await served.json("POST", f"/renders/{task_id}/pause", status=200)
    refused.append(await served.http.post(path, headers=KEY))

    assert [answer.status_code for answer in refused] == [409, 409]
    assert (await served.json("GET", f"/renders/{task_id}", status=200))["status"] == "paused"


async def test_a_batch_submitted_twice_is_one_batch(served: ServedFarm) -> None:
    body = {"frames": "1-10", "framesPerTask": 3}
    answers = [
        (await served.http.post("/renders/batch", json=body, headers=KEY)).json() for _ in range(2)
    ]

    assert answers[0] == answers[1]
    assert len(await tasks(served)) == 4


async def test_a_request_for_work_said_twice_gives_the_same_attempt(served: ServedFarm) -> None:
    for _ in range(2):
        await served.submit()
    await served.json("PUT", "/workers/w/status", {"status": "ready"}, status=200)
    answers = [
        (await served.http.post("/workers/w/request-task", headers=KEY)).json() for _ in range(2)
    ]

    assert answers[0]["taskId"] == answers[1]["taskId"]


@pytest.mark.parametrize("key", ["", '""', "x" * 256, "tab\there"])
async def test_what_is_no_key_is_refused(served: ServedFarm, key: str) -> None:
    answer = await served.http.post("/renders", json={}, headers={"idempotency-key": key})

    assert answer.status_code == 400
    assert await tasks(served) == []


async def test_a_key_in_quotes_is_the_same_key(served: ServedFarm) -> None:
    for key in ("k", '"k"'):
        await served.http.post("/renders", json={}, headers={"idempotency-key": key})

    assert len(await tasks(served)) == 1


async def test_without_an_outcome_in_time_the_answer_leads_to_it(tmp_path: Path) -> None:
    async with serve(tmp_path, outcome_wait_s=0.2) as served:
        async with held_up(served):
            answer = await served.http.post("/renders", json={}, headers=KEY)
            body = answer.json()
            early = await served.http.get(f"/commands/{body['commandId']}")
        again = await served.http.post("/renders", json={}, headers=KEY)
        command = await served.json("GET", f"/commands/{body['commandId']}", status=200)

    assert (answer.status_code, body["status"]) == (202, "accepted")
    assert answer.headers["location"] == f"/renders/{body['taskIds'][0]}"
    assert answer.headers["link"] == f'</commands/{body["commandId"]}>; rel="monitor"'
    assert (early.status_code, early.headers["retry-after"]) == (404, "1")
    assert (again.status_code, again.json()["taskId"]) == (201, body["taskIds"][0])
    assert (command["status"], command["taskIds"]) == ("done", body["taskIds"])


async def test_a_command_that_was_refused_says_why(served: ServedFarm) -> None:
    task_id = await served.submit()
    path = f"/renders/{task_id}/retry"
    await served.http.post(path, headers=KEY)
    command_id = uuid5(NAMESPACE, "\n".join(("anonymous", "POST", path, "k-1")))
    command = await served.json("GET", f"/commands/{command_id}", status=200)

    assert (command["status"], command["code"]) == ("refused", "illegal-transition")
    assert "only a failed task can be retried" in command["detail"]
