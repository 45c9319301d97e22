"""Requests that wait: ended by work, by their time, by a client that leaves, by a shutdown."""

import asyncio
import time
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from tests.integration.api.conftest import ServedFarm, serve


async def ready(served: ServedFarm, name: str = "w") -> None:
    await served.json("PUT", f"/workers/{name}/status", {"status": "ready"}, status=200)


async def hold(served: ServedFarm, wait: float = 20, name: str = "w") -> asyncio.Task[Any]:
    """A poll that waits for work, with its first question answered."""
    before = served.parts.dispatcher.rounds
    poll = asyncio.create_task(served.http.post(f"/workers/{name}/request-task?wait={wait}"))
    with anyio.fail_after(5):
        while served.parts.dispatcher.rounds == before:
            await anyio.sleep(0.005)
    return poll


async def test_no_work_and_no_wait_is_an_empty_answer_at_once(served: ServedFarm) -> None:
    await ready(served)
    answer = await served.http.post("/workers/w/request-task")

    assert (answer.status_code, answer.content) == (204, b"")


@pytest.mark.parametrize("how", ["submit", "resume", "requeue", "give back"])
async def test_a_waiting_worker_gets_work_as_soon_as_there_is_some(
    served: ServedFarm, how: str
) -> None:
    await ready(served)
    task_id = None if how == "submit" else await prepared(served, how)
    poll = await hold(served)
    started = time.monotonic()
    task_id = await released(served, how, task_id)
    with anyio.fail_after(10):
        answer = await poll

    assert (answer.status_code, answer.json()["taskId"]) == (200, task_id)
    assert time.monotonic() - started < 5


async def prepared(served: ServedFarm, how: str) -> str:
    task_id = await served.submit()
    if how == "resume":
        await served.json("POST", f"/renders/{task_id}/pause", status=200)
    elif how == "requeue":
        await served.json("POST", f"/renders/{task_id}/cancel", status=200)
    else:
        await ready(served, "other")
        await served.json("POST", "/workers/other/request-task", status=200)
    return task_id


async def released(served: ServedFarm, how: str, task_id: str | None) -> str:
    if task_id is None:
        return await served.submit()
    if how == "give back":
        await ready(served, "other")
    else:
        await served.json("POST", f"/renders/{task_id}/{how}", status=200)
    return task_id


async def test_a_poll_ends_when_its_time_is_up(served: ServedFarm) -> None:
    await ready(served)
    started = time.monotonic()
    answer = await served.http.post("/workers/w/request-task?wait=0.3")

    assert answer.status_code == 204
    assert 0.3 <= time.monotonic() - started < 5


async def test_the_wish_to_wait_may_stand_in_a_header(served: ServedFarm) -> None:
    await ready(served)
    started = time.monotonic()
    answer = await served.http.post("/workers/w/request-task", headers={"prefer": "wait=1"})

    assert (answer.status_code, answer.headers["preference-applied"]) == (204, "wait=1")
    assert time.monotonic() - started >= 1


async def test_a_poll_waits_no_longer_than_the_settings_allow(tmp_path: Path) -> None:
    async with serve(tmp_path, request_wait_max_s=0.2) as served:
        await ready(served)
        started = time.monotonic()
        answer = await served.http.post("/workers/w/request-task?wait=3600")

        assert answer.status_code == 204
        assert time.monotonic() - started < 5


async def test_no_work_is_given_to_a_client_that_has_hung_up(served: ServedFarm) -> None:
    await ready(served)
    poll = await hold(served)
    poll.cancel()
    await asyncio.gather(poll, return_exceptions=True)
    with anyio.fail_after(5):
        while served.server.server_state.tasks:
            await anyio.sleep(0.005)
    task_id = await served.submit()
    again = await served.http.get(f"/renders/{task_id}")

    assert (again.json()["status"], again.json()["attempt"]) == ("pending", 0)


async def test_two_workers_that_wait_get_a_task_each(served: ServedFarm) -> None:
    for name in ("w", "x"):
        await ready(served, name)
    polls = [await hold(served, name=name) for name in ("w", "x")]
    ids = {await served.submit(), await served.submit()}
    with anyio.fail_after(10):
        answers = await asyncio.gather(*polls)

    assert {answer.json()["taskId"] for answer in answers} == ids


async def test_waiting_workers_make_no_rounds_by_themselves(served: ServedFarm) -> None:
    """Each question is a round; if its end woke those who wait, they would ask for ever."""
    await ready(served)
    poll = await hold(served, wait=1)
    asked = served.parts.dispatcher.rounds
    with anyio.fail_after(10):
        await poll

    assert served.parts.dispatcher.rounds == asked


async def test_a_lost_answer_is_given_again(served: ServedFarm) -> None:
    await ready(served)
    await served.submit()
    first = (await served.http.post("/workers/w/request-task")).json()
    second = (await served.http.post("/workers/w/request-task?wait=5")).json()

    assert (first["taskId"], first["attempt"]) == (second["taskId"], second["attempt"])


async def test_a_held_poll_does_not_keep_the_server_from_stopping(tmp_path: Path) -> None:
    async with serve(tmp_path) as served:
        await ready(served)
        await served.join("agent", "i1")
        work = await hold(served, wait=30)
        messages = asyncio.create_task(served.messages("agent", "i1", wait=30))
        with anyio.fail_after(5):
            while len(served.server.server_state.tasks) < 2:
                await anyio.sleep(0.005)
        served.server.stop()
        with anyio.fail_after(served.farm.settings.shutdown_s):
            answers = await asyncio.gather(work, messages)
            await served.serving

        assert (answers[0].status_code, answers[1]["items"]) == (204, [])


async def test_a_server_that_stops_is_not_ready(served: ServedFarm) -> None:
    served.farm.stop()
    answer = await served.http.get("/readyz")

    assert (answer.status_code, answer.json()["checks"]["shutdown"]) == (503, "begun")
    assert (await served.http.get("/healthz")).status_code == 200


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
async def test_probes_may_ask_for_the_head_only(served: ServedFarm, path: str) -> None:
    answer = await served.http.head(path)

    assert (answer.status_code, answer.content) == (200, b"")


async def test_a_slow_client_holds_up_nobody(served: ServedFarm) -> None:
    """Headers sent, body never: others are served meanwhile."""
    host, port = served.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(
        b"POST /renders HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        b"Content-Length: 100\r\n\r\n{"
    )
    await writer.drain()
    answer: httpx.Response = await served.http.post("/renders", json={})
    writer.close()
    await writer.wait_closed()

    assert answer.status_code == 201
    assert await reader.read() == b""
