"""SEED, "Endpoints": every row with the bare bodies of the original's clients."""

import asyncio
import uuid

import pytest

from rushlight.testing import ManualFarm

BARE = {"priority": "HIGH", "estimatedRenderTime": 3600}


async def test_a_bare_submission_is_created(farm: ManualFarm) -> None:
    response = await farm.http.post("/renders", json=BARE)
    task = response.json()
    assert response.status_code == 201
    assert response.headers["location"].endswith(f"/renders/{task['taskId']}")
    assert (task["priority"], task["estimatedRenderTime"], task["status"]) == (
        "HIGH",
        3600,
        "pending",
    )
    assert (task["retries"], task["workerId"], task["errorMessage"]) == (0, None, None)
    assert task["creationTime"] and task["startTime"] is None and task["completionTime"] is None


async def test_the_same_key_creates_one_task(farm: ManualFarm) -> None:
    key = {"Idempotency-Key": "shot-10-take-3"}
    first = await farm.http.post("/renders", json=BARE, headers=key)
    again = await farm.http.post("/renders", json=BARE, headers=key)
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json()["taskId"] == again.json()["taskId"]
    assert len((await farm.http.get("/renders")).json()["items"]) == 1


async def test_the_same_key_with_another_body_is_refused(farm: ManualFarm) -> None:
    key = {"Idempotency-Key": "shot-10-take-3"}
    await farm.http.post("/renders", json=BARE, headers=key)
    other = await farm.http.post("/renders", json={"priority": "LOW"}, headers=key)
    assert other.status_code == 422
    assert other.json()["type"].endswith("key-reused")


async def test_the_same_key_gives_the_same_task_after_it_has_ended(farm: ManualFarm) -> None:
    key = {"Idempotency-Key": "shot-10-take-3"}
    task = (await farm.http.post("/renders", json=BARE, headers=key)).json()
    await farm.say("w1")
    await farm.ask("w1")
    await farm.http.post(f"/renders/{task['taskId']}/complete")
    again = await farm.http.post("/renders", json=BARE, headers=key)
    assert again.json()["taskId"] == task["taskId"]
    assert again.json()["status"] == "completed"


async def test_the_list_is_newest_first_in_pages(farm: ManualFarm) -> None:
    made = [(await farm.submit(**BARE))["taskId"] for _ in range(5)]
    first = (await farm.http.get("/renders", params={"limit": 2})).json()
    second = (await farm.http.get("/renders", params={"limit": 2, "cursor": first["next"]})).json()
    third = (await farm.http.get("/renders", params={"limit": 2, "cursor": second["next"]})).json()
    seen = [task["taskId"] for page in (first, second, third) for task in page["items"]]
    assert seen == made[::-1]
    assert third["next"] is None


async def test_the_list_can_be_filtered(farm: ManualFarm) -> None:
    await farm.submit(priority="LOW")
    high = await farm.submit(priority="HIGH")
    page = (await farm.http.get("/renders", params={"priority": "HIGH"})).json()
    assert [task["taskId"] for task in page["items"]] == [high["taskId"]]


async def test_an_unknown_task_is_not_found(farm: ManualFarm) -> None:
    response = await farm.http.get(f"/renders/{uuid.uuid4()}")
    assert response.status_code == 404
    assert response.headers["content-type"].startswith("application/problem+json")
    assert response.json()["detail"] == "Task not found"


async def test_a_task_has_its_version_as_etag(farm: ManualFarm) -> None:
    made = await farm.http.post("/renders", json=BARE)
    url = f"/renders/{made.json()['taskId']}"
    read = await farm.http.get(url)
    changed = await farm.http.patch(url, json={"priority": "LOW"})
    assert made.headers["etag"] == read.headers["etag"] == f'"{read.json()["version"]}"'
    assert changed.headers["etag"] != read.headers["etag"]
    assert (await farm.http.get(url)).headers["etag"] == changed.headers["etag"]


async def test_a_task_and_a_worker_have_the_fields_of_the_original(farm: ManualFarm) -> None:
    task = await farm.submit(**BARE)
    assert set(task) >= {
        *("taskId", "attempt", "retryAt", "priority", "estimatedRenderTime", "status", "workerId"),
        *("retries", "errorMessage", "creationTime", "startTime", "completionTime"),
    }
    worker = await farm.say("w1")
    assert set(worker) >= {"workerId", "status", "lastHeartbeat", "currentTaskId"}


async def test_workers_come_in_pages(farm: ManualFarm) -> None:
    for number in range(3):
        await farm.say(f"w{number}")
    first = (await farm.http.get("/workers", params={"limit": 2})).json()
    second = (await farm.http.get("/workers", params={"limit": 2, "cursor": first["next"]})).json()
    pages = [[worker["workerId"] for worker in page["items"]] for page in (first, second)]
    assert (pages, second["next"]) == ([["w0", "w1"], ["w2"]], None)


async def test_a_worker_may_wait_for_work(farm: ManualFarm) -> None:
    await farm.say("w1")
    url = "/workers/w1/request-task"
    none = await farm.http.post(url, params={"wait": 0.05})
    asking = asyncio.create_task(farm.http.post(url, params={"wait": 20}))
    task = await farm.submit(**BARE)
    assert none.status_code == 204
    assert (await asking).json()["taskId"] == task["taskId"]


async def test_an_unknown_worker_is_registered_by_its_status(farm: ManualFarm) -> None:
    worker = await farm.say("w1")
    assert (worker["workerId"], worker["status"], worker["currentTaskId"]) == ("w1", "ready", None)
    assert worker["lastHeartbeat"]
    listed = (await farm.http.get("/workers")).json()["items"]
    assert [one["workerId"] for one in listed] == ["w1"]


async def test_a_ready_worker_gets_the_task(farm: ManualFarm) -> None:
    task = await farm.submit(**BARE)
    await farm.say("w1")
    got = await farm.ask("w1")
    assert got is not None and got["taskId"] == task["taskId"]
    assert (got["status"], got["workerId"], got["attempt"]) == ("rendering", "w1", 1)
    assert got["startTime"]
    assert (await farm.worker("w1"))["currentTaskId"] == task["taskId"]
    assert (await farm.worker("w1"))["status"] == "busy"


async def test_there_may_be_no_task(farm: ManualFarm) -> None:
    await farm.say("w1")
    response = await farm.http.post("/workers/w1/request-task")
    assert response.status_code == 204


async def test_an_unknown_worker_gets_no_task(farm: ManualFarm) -> None:
    response = await farm.http.post("/workers/nobody/request-task")
    assert response.status_code == 404


@pytest.mark.parametrize("status", ["offline", "failed"])
async def test_a_worker_that_is_not_ready_gets_no_task(farm: ManualFarm, status: str) -> None:
    await farm.say("w1")
    await farm.say("w1", status)
    response = await farm.http.post("/workers/w1/request-task")
    assert response.status_code == 409
    assert "not ready" in response.json()["detail"]


async def test_asking_again_before_reporting_gives_the_same_attempt(farm: ManualFarm) -> None:
    task = await farm.submit(**BARE)
    await farm.submit(**BARE)
    await farm.say("w1")
    first = await farm.ask("w1")
    await farm.say("w1", "busy")
    again = await farm.ask("w1")
    assert first is not None and again is not None
    assert (again["taskId"], again["attempt"]) == (task["taskId"], first["attempt"])


async def test_asking_again_after_reporting_is_refused_and_names_the_task(farm: ManualFarm) -> None:
    task = await farm.submit(**BARE)
    await farm.say("w1")
    await farm.ask("w1")
    running = await farm.http.put(
        f"/renders/{task['taskId']}/status", json={"status": "rendering", "workerId": "w1"}
    )
    assert running.status_code == 200
    response = await farm.http.post("/workers/w1/request-task")
    assert response.status_code == 409
    assert task["taskId"] in response.json()["detail"]


async def test_a_completion_has_the_fields_of_the_original(farm: ManualFarm) -> None:
    task = await farm.submit(**BARE)
    await farm.say("w1")
    await farm.ask("w1")
    await farm.advance(125)
    outputs = [{"path": "out:shot/frame.png", "bytes": 12345}]
    response = await farm.http.post(
        f"/renders/{task['taskId']}/complete", json={"outputs": outputs}
    )
    done = response.json()
    assert response.status_code == 200
    assert set(done) == {"status", "outputPath", "outputSize", "finalRenderTime"}
    assert (done["status"], done["outputPath"], done["outputSize"]) == (
        "completed",
        "out:shot/frame.png",
        12345,
    )
    assert done["finalRenderTime"] == pytest.approx(125, abs=0.01)
    assert (await farm.worker("w1"))["status"] == "ready"


async def test_a_completion_twice_changes_nothing(farm: ManualFarm) -> None:
    task = await farm.submit(**BARE)
    await farm.say("w1")
    await farm.ask("w1")
    url = f"/renders/{task['taskId']}/complete"
    assert (await farm.http.post(url, json={"attempt": 1})).status_code == 200
    done = await farm.task(task["taskId"])
    assert (await farm.http.post(url, json={"attempt": 1})).status_code == 200
    assert await farm.task(task["taskId"]) == done


async def test_only_the_holder_completes(farm: ManualFarm) -> None:
    task = await farm.submit(**BARE)
    await farm.say("w1")
    await farm.say("w2")
    await farm.ask("w1")
    response = await farm.http.post(f"/renders/{task['taskId']}/complete", json={"workerId": "w2"})
    assert response.status_code == 409
    assert "w1" in response.json()["detail"]
    assert (await farm.task(task["taskId"]))["status"] == "rendering"


async def test_an_old_attempt_does_not_complete(farm: ManualFarm) -> None:
    task = await farm.submit(**BARE)
    await farm.say("w1")
    await farm.ask("w1")
    await farm.say("w1", "ready")
    await farm.ask("w1")
    response = await farm.http.post(f"/renders/{task['taskId']}/complete", json={"attempt": 1})
    assert response.status_code == 409
    assert response.json()["type"].endswith("stale")
    assert (await farm.task(task["taskId"]))["attempt"] == 2


@pytest.mark.parametrize("status", ["ready", "offline", "failed"])
async def test_such_a_status_gives_the_task_back(farm: ManualFarm, status: str) -> None:
    task = await farm.submit(**BARE)
    await farm.say("w1")
    await farm.ask("w1")
    await farm.say("w1", status)
    back = await farm.task(task["taskId"])
    assert (back["status"], back["workerId"], back["retries"]) == ("pending", None, 0)
    assert (await farm.worker("w1"))["status"] == status


async def test_busy_changes_nothing(farm: ManualFarm) -> None:
    task = await farm.submit(**BARE)
    await farm.say("w1")
    await farm.ask("w1")
    before = await farm.task(task["taskId"])
    await farm.say("w1", "busy")
    assert await farm.task(task["taskId"]) == before


@pytest.mark.parametrize(
    ("start", "status", "end"),
    [
        ("pending", "cancelled", "cancelled"),
        ("pending", "paused", "paused"),
        ("paused", "pending", "pending"),
        ("rendering", "failed", "failed"),
        ("rendering", "completed", "completed"),
        ("rendering", "cancelled", "cancelled"),
        ("failed", "pending", "pending"),
        ("pending", "rendering", "rendering"),
    ],
)
async def test_legal_transitions(farm: ManualFarm, start: str, status: str, end: str) -> None:
    task_id = await _task_in(farm, start)
    body = {"status": status} | ({"workerId": "w1"} if status == "rendering" else {})
    response = await farm.http.put(f"/renders/{task_id}/status", json=body)
    assert response.status_code == 200, response.text
    assert (await farm.task(task_id))["status"] == end


@pytest.mark.parametrize(
    ("start", "status"),
    [
        ("pending", "completed"),
        ("pending", "failed"),
        ("rendering", "paused"),
        ("completed", "pending"),
        ("completed", "failed"),
        ("completed", "cancelled"),
        ("cancelled", "completed"),
        ("failed", "completed"),
        ("failed", "paused"),
    ],
)
async def test_illegal_transitions_are_refused_with_a_reason(
    farm: ManualFarm, start: str, status: str
) -> None:
    task_id = await _task_in(farm, start)
    before = await farm.task(task_id)
    response = await farm.http.put(f"/renders/{task_id}/status", json={"status": status})
    assert response.status_code == 409, response.text
    assert start in response.json()["detail"]
    assert await farm.task(task_id) == before


async def _task_in(farm: ManualFarm, status: str) -> str:
    """A task that has this status, and the ready worker w1."""
    task_id = str((await farm.submit(**BARE))["taskId"])
    await farm.say("w1")
    url = f"/renders/{task_id}/status"
    if status in ("cancelled", "paused"):
        assert (await farm.http.put(url, json={"status": status})).status_code == 200
    if status in ("rendering", "completed", "failed"):
        await farm.ask("w1")
    if status in ("completed", "failed"):
        body = (
            {"status": status, "errorMessage": "boom"} if status == "failed" else {"status": status}
        )
        assert (await farm.http.put(url, json=body)).status_code == 200
    assert (await farm.task(task_id))["status"] == status
    return task_id


async def test_a_reported_failure_keeps_its_message(farm: ManualFarm) -> None:
    task_id = await _task_in(farm, "failed")
    assert (await farm.task(task_id))["errorMessage"] == "boom"


async def test_a_status_may_say_what_was_written(farm: ManualFarm) -> None:
    task = await farm.submit(**BARE, frames="1-2")
    await farm.say("w1")
    await farm.ask("w1")
    url = f"/renders/{task['taskId']}/status"
    first, second = ({"frame": one, "path": f"out:{one}.png", "bytes": 10} for one in (1, 2))
    failed = await farm.http.put(url, json={"status": "failed", "outputs": [first]})
    await farm.advance(30)
    again = await farm.ask("w1")
    done = await farm.http.put(url, json={"status": "completed", "outputs": [second]})
    assert failed.json()["framesRendered"] == "1"
    assert again is not None and again["framesRendered"] == "1"
    assert (done.json()["status"], done.json()["outputSize"]) == ("completed", 20)


async def test_only_an_end_has_outputs(farm: ManualFarm) -> None:
    task_id = await _task_in(farm, "pending")
    body = {"status": "paused", "outputs": []}
    response = await farm.http.put(f"/renders/{task_id}/status", json=body)
    assert response.status_code == 422
    assert "#/outputs" in response.json()["detail"]


async def test_the_documents_are_served_here(farm: ManualFarm) -> None:
    page = await farm.http.get("/api-docs/")
    document = await farm.http.get("/api-docs/openapi.json")
    assert page.status_code == 200 and "text/html" in page.headers["content-type"]
    assert document.json()["openapi"].startswith("3.1")
    paths = document.json()["paths"]
    for path, method in (
        ("/renders", "post"),
        ("/renders", "get"),
        ("/renders/{task_id}", "get"),
        ("/renders/{task_id}/status", "put"),
        ("/renders/{task_id}/complete", "post"),
        ("/workers", "get"),
        ("/workers/{worker_id}/request-task", "post"),
        ("/workers/{worker_id}/status", "put"),
    ):
        assert method in paths[path]
