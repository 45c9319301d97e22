"""Logs of attempts over HTTP."""

from pathlib import Path

import httpx
from tests.integration.api.conftest import ServedFarm, serve

from rushlight.testing import ManualFarm, manual_farm

TEXT = {"content-type": "text/plain; charset=utf-8"}


async def rendering(served: ServedFarm) -> str:
    """A task that a plain REST worker renders."""
    task_id = await served.submit()
    await served.json("PUT", "/workers/w/status", {"status": "ready"}, status=200)
    await served.json("POST", "/workers/w/request-task", status=200)
    return task_id


async def append(served: ServedFarm, path: str, offset: int, text: bytes) -> httpx.Response:
    return await served.http.post(f"{path}?offset={offset}", content=text, headers=TEXT)


async def test_a_log_is_sent_in_pieces_and_followed(served: ServedFarm) -> None:
    task_id = await rendering(served)
    path = f"/renders/{task_id}/attempts/1/log"
    sizes = [(await append(served, path, 0, b"one\n")).json()]
    first = await served.http.get(path)
    sizes.append((await append(served, path, 4, "zwei ü\n".encode())).json())
    second = await served.http.get(f"{path}?offset={first.headers['x-log-size']}")

    assert sizes == [{"size": 4}, {"size": 12}]
    assert (first.text, second.text) == ("one\n", "zwei ü\n")
    assert first.headers["content-type"] == "text/plain; charset=utf-8"
    assert first.headers["x-log-complete"] == "false"


async def test_a_log_is_complete_a_while_after_the_attempt(tmp_path: Path) -> None:
    """Workers send the last piece after their last report."""
    async with manual_farm(tmp_path) as farm:
        await farm.say("w")
        task_id = (await farm.submit())["taskId"]
        await farm.ask("w")
        path = f"/renders/{task_id}/attempts/1/log"
        told = [await is_complete(farm, path)]
        await farm.http.post(f"/renders/{task_id}/complete")
        for seconds in (0, 2.9, 0.2):
            farm.clock.advance(seconds)
            told.append(await is_complete(farm, path))

    assert told == ["false", "false", "false", "true"]


async def is_complete(farm: ManualFarm, path: str) -> str:
    return str((await farm.http.get(path)).headers["x-log-complete"])


async def test_only_attempts_that_there_were_have_logs(served: ServedFarm) -> None:
    task_id = await rendering(served)

    for attempt in ("0", "2", "-1", "x", "1.0"):
        answer = await append(served, f"/renders/{task_id}/attempts/{attempt}/log", 0, b"x")
        assert (answer.status_code, answer.json()["type"]) == (404, "/problems/not-found")


async def test_a_log_is_text(served: ServedFarm) -> None:
    task_id = await rendering(served)
    path = f"/renders/{task_id}/attempts/1/log"

    assert (await served.http.post(path, json={})).status_code == 415
    assert (await served.http.post(f"{path}?offset=-1", content=b"x")).status_code == 400


async def test_a_log_lies_where_people_find_it_and_stays_within_its_limit(tmp_path: Path) -> None:
    async with serve(tmp_path, attempt_log_max_bytes=2000) as served:
        task_id = await rendering(served)
        path = f"/renders/{task_id}/attempts/1/log"
        for number in range(10):
            await append(served, path, number * 1000, b"%d" % number * 1000)
        answer = await served.http.get(path)

    stored = (tmp_path / "logs" / task_id / "1.log").read_bytes()
    assert answer.content == stored
    assert len(stored) <= 2000
    assert (stored[:1000], stored[-500:]) == (b"0" * 1000, b"9" * 500)
    assert answer.headers["x-log-size"] == "10000"
