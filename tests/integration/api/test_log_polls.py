"""Long polls of attempts' logs: an answer as soon as there is news, and never later than agreed."""

import asyncio
import time
from pathlib import Path
from uuid import UUID

import anyio
import httpx
import pytest
from tests.integration.api.conftest import ServedFarm
from tests.integration.api.test_attempt_logs import append, rendering

from rushlight.testing import manual_farm
from rushlight_api.attempt_logs import AttemptLogs


async def held(served: ServedFarm, path: str) -> asyncio.Task[httpx.Response]:
    """A poll that has looked, and waits."""
    poll = asyncio.create_task(served.http.get(path))
    with anyio.fail_after(5):
        while not served.farm.log_news._awaited:
            await anyio.sleep(0.005)
    return poll


def facts(answer: httpx.Response) -> tuple[int, str, str, str]:
    headers = answer.headers
    return answer.status_code, answer.text, headers["x-log-size"], headers["x-log-complete"]


async def test_a_poll_is_answered_as_soon_as_a_piece_comes(served: ServedFarm) -> None:
    path = f"/renders/{await rendering(served)}/attempts/1/log"
    await append(served, path, 0, b"one\n")
    poll = await held(served, f"{path}?offset=4&wait=20")
    begun = time.monotonic()
    await append(served, path, 4, b"two\n")
    with anyio.fail_after(10):
        answer = await poll

    assert facts(answer) == (200, "two\n", "8", "false")
    assert time.monotonic() - begun < 5


async def test_what_is_there_already_is_not_waited_for(served: ServedFarm) -> None:
    path = f"/renders/{await rendering(served)}/attempts/1/log"
    await append(served, path, 0, b"one\n")
    begun = time.monotonic()
    answer = await served.http.get(f"{path}?wait=20")

    assert facts(answer) == (200, "one\n", "4", "false")
    assert time.monotonic() - begun < 5


@pytest.mark.parametrize("how", ["query", "header"])
async def test_a_poll_without_news_is_empty_when_its_time_is_over(
    served: ServedFarm, how: str
) -> None:
    path = f"/renders/{await rendering(served)}/attempts/1/log"
    await append(served, path, 0, b"one\n")
    query = "&wait=1" if how == "query" else ""
    begun = time.monotonic()
    answer = await served.http.get(
        f"{path}?offset=4{query}", headers={"prefer": "wait=1"} if how == "header" else {}
    )

    assert facts(answer) == (200, "", "4", "false")
    assert 1 <= time.monotonic() - begun < 5
    assert (answer.headers.get("preference-applied") == "wait=1") is (how == "header")


async def test_a_piece_that_another_process_took_is_seen_a_moment_later(
    served: ServedFarm,
) -> None:
    task_id = await rendering(served)
    poll = await held(served, f"/renders/{task_id}/attempts/1/log?wait=20")
    folder = served.farm.settings.data / "logs"
    AttemptLogs(folder, 1000).append(UUID(task_id), 1, 0, b"one\n")
    with anyio.fail_after(5):
        answer = await poll

    assert facts(answer) == (200, "one\n", "4", "false")


async def test_a_poll_ends_when_nothing_follows(tmp_path: Path) -> None:
    async with manual_farm(tmp_path) as farm:
        await farm.say("w")
        task_id = (await farm.submit())["taskId"]
        await farm.ask("w")
        await farm.http.post(f"/renders/{task_id}/complete")
        poll = asyncio.create_task(farm.http.get(f"/renders/{task_id}/attempts/1/log?wait=20"))
        await anyio.sleep(0)
        farm.clock.advance(4)
        with anyio.fail_after(5):
            answer = await poll

    assert facts(answer) == (200, "", "0", "true")


async def test_a_poll_ends_with_the_server(served: ServedFarm) -> None:
    path = f"/renders/{await rendering(served)}/attempts/1/log"
    poll = await held(served, f"{path}?wait=20")
    served.server.stop()
    with anyio.fail_after(5):
        answer = await poll

    assert facts(answer) == (200, "", "0", "false")


async def test_nobody_is_remembered_who_has_left(served: ServedFarm) -> None:
    path = f"/renders/{await rendering(served)}/attempts/1/log"
    poll = await held(served, f"{path}?wait=20")
    poll.cancel()
    with anyio.fail_after(5):
        while served.farm.log_news._awaited:
            await anyio.sleep(0.01)


@pytest.mark.parametrize("wait", ["-1", "nan", "x"])
async def test_a_wait_is_a_number_of_seconds(served: ServedFarm, wait: str) -> None:
    path = f"/renders/{await rendering(served)}/attempts/1/log"

    assert (await served.http.get(f"{path}?wait={wait}")).status_code == 400
