"""Readers that do not keep up: they are told or cut off, and nobody else notices."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest
from tests.integration.api.conftest import ServedFarm, serve
from tests.integration.api.listener import Listener
from tests.integration.api.stuck import Stuck

TASKS = 2000


@asynccontextmanager
async def stuck(served: ServedFarm, count: int = 1) -> AsyncIterator[list[Stuck]]:
    """Readers that are up to date and take nothing more."""
    with ExitStack() as opened:
        readers = [await asyncio.to_thread(Stuck, served.url) for _ in range(count)]
        for reader in readers:
            opened.callback(reader.close)
        yield readers


async def burst(served: ServedFarm) -> int:
    """More events at once than the buffers of a reader hold; says where the log ends then."""
    body = {"tasks": [{"name": "x" * 100}] * TASKS}
    await served.json("POST", "/renders/batch", body, status=201)
    return served.parts.log.head()


async def until(holds: Callable[[], Any], deadline_s: float = 20) -> None:
    with anyio.fail_after(deadline_s):
        while not holds():
            await anyio.sleep(0.01)


def are_sending(served: ServedFarm) -> bool:
    readers = served.farm.streams.feed._readers
    return bool(readers) and all(one.sending for one in readers)


async def test_a_reader_that_takes_nothing_is_cut_off(tmp_path: Path) -> None:
    async with (
        serve(tmp_path, events_stall_s=0.4) as served,
        stuck(served) as (reader,),
        Listener(served.url) as other,
    ):
        head = await burst(served)
        await other.reach(head)
        await until(lambda: served.farm.streams.count == 1)
        whole = await asyncio.to_thread(reader.read_on)

    assert not whole
    assert other.positions == list(range(1, head + 1))


async def test_a_slow_reader_that_goes_on_reading_is_served(tmp_path: Path) -> None:
    """Each send may take as long as the limit, the whole of them much longer."""
    async with serve(tmp_path, events_stall_s=1) as served, stuck(served) as (reader,):
        head = await burst(served)
        await until(lambda: are_sending(served))
        reading = asyncio.create_task(asyncio.to_thread(reader.read_on))
        await until(lambda: last_position(served) == head)
        served.server.stop()
        whole = await reading

    assert whole
    assert positions(reader) == list(range(1, head + 1))


def last_position(served: ServedFarm) -> int:
    return max((one.position for one in served.farm.streams.feed._readers), default=0)


def positions(reader: Stuck) -> list[int]:
    return [one.data["position"] for one in reader.frames() if one.data and one.event != "reset"]


async def test_a_reader_that_falls_far_behind_gets_a_reset_and_may_come_back(
    tmp_path: Path,
) -> None:
    async with (
        serve(tmp_path, events_stall_s=60, events_lag_max=1000) as served,
        stuck(served) as (reader,),
    ):
        head = await burst(served)
        await until(lambda: are_sending(served) and served.farm.streams.feed.head == head)
        whole = await asyncio.to_thread(reader.read_on)
        reset = reader.frames()[-1]
        seen = positions(reader)
        async with Listener(served.url, last_event_id=str(reset.id)) as again:
            await again.reach(head)

    assert whole
    assert reset.event == "reset"
    assert reset.data["position"] == reset.id == seen[-1] < head - 1000
    assert "behind" in reset.data["reason"]
    assert seen + again.positions == list(range(1, head + 1))


async def test_a_reader_that_begins_far_behind_catches_up_without_a_reset(
    tmp_path: Path,
) -> None:
    async with serve(tmp_path, events_lag_max=1000) as served:
        head = await burst(served)
        async with Listener(served.url, "?after=0") as listener:
            await listener.reach(head)

    assert listener.positions == list(range(1, head + 1))


@pytest.mark.parametrize("readers", [1, 30])
async def test_a_stop_waits_for_no_reader(
    tmp_path: Path, readers: int, caplog: pytest.LogCaptureFixture
) -> None:
    async with (
        serve(tmp_path, events_stall_s=60) as served,
        stuck(served, readers),
        Listener(served.url) as good,
    ):
        await good.reach(await burst(served))
        await until(lambda: sum(one.sending for one in readers_of(served)) == readers)
        begun = time.monotonic()
        served.server.stop()
        with anyio.fail_after(10):
            await served.serving
        took_s = time.monotonic() - begun
        await good.until(lambda: good.ended)

    assert took_s < served.farm.settings.shutdown_s
    assert [one.message for one in caplog.records if one.levelno >= logging.ERROR] == []


def readers_of(served: ServedFarm) -> list[Any]:
    return list(served.farm.streams.feed._readers)


async def test_an_answer_that_nobody_takes_delays_no_stop(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with serve(tmp_path) as served:
        await burst(served)
        reader, writer = await asyncio.open_connection("127.0.0.1", port_of(served), limit=1)
        writer.write(b"GET /events?limit=500 HTTP/1.1\r\nHost: localhost\r\n\r\n" * 20)
        await writer.drain()
        await reader.readexactly(1)
        begun = time.monotonic()
        served.server.stop()
        with anyio.fail_after(10):
            await served.serving
        took_s = time.monotonic() - begun
        writer.close()

    assert took_s < served.farm.settings.shutdown_s
    assert [one.message for one in caplog.records if one.levelno >= logging.ERROR] == []


def port_of(served: ServedFarm) -> int:
    return int(served.url.rpartition(":")[2])
