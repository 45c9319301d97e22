"""Streams of events: nothing missed, nothing twice, wherever a reader begins."""

import asyncio
import random
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import anyio
import pytest
from tests.integration.api.conftest import ServedFarm, serve
from tests.integration.api.listener import Listener

from rushlight.errors import LogUnavailable
from rushlight_api import feed as feeding


async def batch(served: ServedFarm, tasks: int, **fields: Any) -> int:
    """Submit so many tasks in one round; says where the log ends then."""
    body = {"tasks": [fields] * tasks}
    await served.json("POST", "/renders/batch", body, status=201)
    return served.parts.log.head()


async def test_a_stream_says_first_where_it_begins(served: ServedFarm) -> None:
    head = await batch(served, 3)
    async with Listener(served.url) as listener:
        assert listener.answer is not None
        headers = listener.answer.headers
        await listener.until(lambda: listener.frames)

        assert headers["content-type"].split(";")[0] == "text/event-stream"
        assert (headers["cache-control"], headers["x-accel-buffering"]) == ("no-store", "no")
        assert (listener.frames[0].retry, listener.frames[0].id) == (2000, head)
        assert listener.frames[0].data is None


async def test_an_event_on_a_stream_is_the_one_on_the_page(served: ServedFarm) -> None:
    async with Listener(served.url) as listener:
        await listener.reach(await batch(served, 2, jobId="shot"))
        page = await served.json("GET", "/events?limit=500", status=200)

        assert [one.data for one in listener.events] == page["items"] != []
        assert [(one.id, f"rushlight.{one.event}") for one in listener.events] == [
            (item["position"], item["topic"]) for item in page["items"]
        ]


@pytest.mark.parametrize(
    ("query", "headers", "first"),
    [
        ("?after=0", {}, 1),
        ("?after=3", {}, 4),
        ("", {"last_event_id": "0"}, 1),
        ("?after=1", {"last_event_id": "4"}, 5),
        ("?after=1", {"last_event_id": ""}, 2),
    ],
)
async def test_a_stream_begins_where_it_is_told_to(
    served: ServedFarm, query: str, headers: dict[str, str], first: int
) -> None:
    await batch(served, 5)
    async with Listener(served.url, query, **headers) as listener:
        await listener.reach(await batch(served, 5))

        assert listener.positions == list(range(first, served.parts.log.head() + 1))


async def test_a_reader_that_comes_back_misses_nothing_and_gets_nothing_twice(
    served: ServedFarm,
) -> None:
    seen: list[int] = []
    last = "0"
    for _ in range(5):
        async with Listener(served.url, last_event_id=last) as listener:
            await batch(served, 4)
            await listener.until(lambda: len(listener.events) >= 3)
        seen += listener.positions
        last = str(listener.last_id)
        await batch(served, 2)
    async with Listener(served.url, last_event_id=last) as listener:
        await listener.reach(served.parts.log.head())
    seen += listener.positions

    assert seen == list(range(1, served.parts.log.head() + 1))


FILTERS = ["jobId=shot", "topic=task.submitted", "topic=worker.*", "workerId=w-1", "principal=farm"]


@pytest.mark.parametrize("query", FILTERS)
async def test_a_stream_has_the_filters_of_pages(served: ServedFarm, query: str) -> None:
    async with Listener(served.url, f"?after=0&{query}") as early, Listener(served.url) as all_:
        for number in range(3):
            await batch(served, 2, jobId="shot")
            name = f"/workers/w-{number}"
            await served.json("PUT", f"{name}/status", {"status": "ready"}, status=200)
            await served.json("POST", f"{name}/request-task", status=200)
            await batch(served, 2)
        head = served.parts.log.head()
        await all_.reach(head)
        async with Listener(served.url, f"?after=0&{query}") as late:
            page = await served.json("GET", f"/events?limit=500&{query}", status=200)
            expected = [item["position"] for item in page["items"]]
            for listener in (early, late):
                await listener.until(lambda: len(listener.events) >= len(expected))  # noqa: B023

    assert 0 < len(expected) < head
    assert early.positions == late.positions == expected


async def test_a_stream_of_which_nothing_fits_moves_on_by_heartbeats(tmp_path: Path) -> None:
    async with (
        serve(tmp_path, events_heartbeat_s=0.1) as served,
        Listener(served.url, "?topic=task.completed") as listener,
    ):
        await listener.reach(await batch(served, 50))

        assert listener.events == []
        assert all(one.data is None and one.event is None for one in listener.frames)


@pytest.mark.parametrize("ring", [10, 5000])
async def test_a_round_of_thousands_reaches_every_reader(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ring: int
) -> None:
    monkeypatch.setattr(feeding, "RING_EVENTS_MAX", ring)
    async with serve(tmp_path) as served, anyio.create_task_group() as group:
        before = served.parts.log.head()
        heard: list[list[int]] = []

        async def listen(opened: asyncio.Event) -> None:
            async with Listener(served.url) as listener:
                opened.set()
                await listener.reach(before + 3000)
                heard.append(listener.positions[:3000])

        for _ in range(5):
            opened = asyncio.Event()
            group.start_soon(listen, opened)
            await opened.wait()
        await batch(served, 3000)

    assert heard == [list(range(before + 1, before + 3001))] * 5


async def test_readers_that_are_behind_share_what_they_read(
    served: ServedFarm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feeding, "RING_EVENTS_MAX", 10)
    head = await batch(served, 2600)
    read, reads = served.parts.log.windows.read, list[Any]()

    def counted(*args: Any, **bounds: Any) -> Any:
        reads.append(args)
        return read(*args, **bounds)

    monkeypatch.setattr(served.parts.log.windows, "read", counted)
    async with AsyncExitStack() as opened:
        listeners = [
            await opened.enter_async_context(Listener(served.url, "?after=0")) for _ in range(10)
        ]
        for listener in listeners:
            await listener.reach(head)

    assert [one.positions for one in listeners] == [list(range(1, head + 1))] * 10
    # Five whole pages, the rest and the last looks: not 10 times 80 chunks.
    assert len(reads) < 60


async def test_readers_that_come_and_go_each_see_a_whole_part(
    served: ServedFarm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feeding, "RING_EVENTS_MAX", 7)
    monkeypatch.setattr(feeding, "PAGE", 5)
    chance = random.Random(7)
    writing = True

    async def read_parts() -> list[int]:
        seen: list[int] = []
        last = 0
        while writing or last < served.parts.log.head():
            wanted = chance.randrange(1, 30)
            async with Listener(served.url, last_event_id=str(last)) as listener:
                with anyio.move_on_after(chance.random() / 5):
                    await listener.until(lambda: len(listener.events) >= wanted)  # noqa: B023
            seen += listener.positions
            last = max(last, listener.last_id)
        return seen

    readers = [asyncio.create_task(read_parts()) for _ in range(4)]
    for _ in range(30):
        await batch(served, chance.randrange(1, 12))
    writing = False
    with anyio.fail_after(60):
        seen = await asyncio.gather(*readers)

    assert seen == [list(range(1, served.parts.log.head() + 1))] * 4


async def test_a_lost_hint_only_delays(served: ServedFarm, monkeypatch: pytest.MonkeyPatch) -> None:
    async def lose(*_: object) -> None:
        """Nobody hears of it."""

    async with Listener(served.url) as listener:
        monkeypatch.setattr(served.parts.bus, "announce", lose)
        head = await batch(served, 3)
        await listener.reach(head)

    assert listener.positions == list(range(1, head + 1))


async def test_a_log_that_does_not_answer_for_a_moment_costs_nothing(
    served: ServedFarm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feeding, "LOOK_S", 0.05)
    read, failures = served.parts.log.windows.read, list[Any]()

    def fail(*args: Any, **bounds: Any) -> Any:
        if len(failures) < 3:
            failures.append(args)
            raise LogUnavailable("the disk is busy")
        return read(*args, **bounds)

    async with Listener(served.url) as listener:
        monkeypatch.setattr(served.parts.log.windows, "read", fail)
        head = await batch(served, 3)
        await listener.reach(head)

    assert len(failures) == 3
    assert listener.positions == list(range(1, head + 1))


async def test_while_nobody_reads_nothing_is_kept(served: ServedFarm) -> None:
    feed = served.farm.streams.feed
    async with Listener(served.url) as listener:
        head = await batch(served, 20)
        await listener.reach(head)
        assert len(feed._ring) == head
    with anyio.fail_after(5):
        while served.farm.streams.count:
            await anyio.sleep(0.01)
    stood = feed.head
    await batch(served, 20)

    assert (feed._ring, feed._ring_bytes, feed.head) == ([], 0, stood)


async def test_the_ring_has_a_bound_in_bytes(
    served: ServedFarm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feeding, "RING_BYTES_MAX", 5000)
    feed = served.farm.streams.feed
    async with Listener(served.url) as listener:
        head = await batch(served, 100)
        await listener.reach(head)

        assert 0 < feed._ring_bytes == sum(len(one.frame) for one in feed._ring) <= 5000
        assert feed._ring[-1].position == head
    assert listener.positions == list(range(1, head + 1))


@pytest.mark.parametrize(
    ("query", "headers", "status", "said"),
    [
        ("", {"last_event_id": "7f"}, 400, "Last-Event-ID"),
        ("", {"last_event_id": "-1"}, 400, "leave it out"),
        ("", {"last_event_id": "9" * 30}, 400, "Last-Event-ID"),
        ("", {"last_event_id": "1000"}, 422, "begin without a position"),
        ("?after=1000", {}, 422, "beyond the end of the log"),
        ("?topic=nothing", {}, 400, "topic"),
        ("?until=5", {}, 400, "until"),
        ("?limit=5&since=2026-01-01T00:00:00Z", {}, 400, "limit, since"),
        ("?cursor=abc", {}, 400, "cursor"),
    ],
)
async def test_a_stream_that_cannot_begin_is_a_problem(
    served: ServedFarm, query: str, headers: dict[str, str], status: int, said: str
) -> None:
    async with Listener(served.url, query, **headers) as listener:
        assert listener.answer is not None
        problem = (await listener.http.get(f"/events{query}", headers=listener.headers)).json()

        assert listener.answer.status_code == problem["status"] == status
        assert listener.answer.headers["content-type"] == "application/problem+json"
        assert said in problem["detail"]


async def test_there_may_be_so_many_streams(tmp_path: Path) -> None:
    async with serve(tmp_path, streams_max=2) as served:
        async with Listener(served.url), Listener(served.url), Listener(served.url) as third:
            assert third.answer is not None
            assert third.answer.status_code == 503
            assert int(third.answer.headers["retry-after"]) > 0
        with anyio.fail_after(5):
            while served.farm.streams.count:
                await anyio.sleep(0.01)
        async with Listener(served.url) as listener:
            await listener.reach(await batch(served, 1))


async def test_one_principal_may_have_so_many(tmp_path: Path) -> None:
    async with (
        serve(tmp_path, streams_per_principal_max=1) as served,
        Listener(served.url),
        Listener(served.url) as second,
    ):
        assert second.answer is not None
        assert second.answer.status_code == 429
        assert int(second.answer.headers["retry-after"]) > 0


@pytest.mark.parametrize("method", ["DELETE", "POST"])
async def test_events_are_only_read(served: ServedFarm, method: str) -> None:
    assert (await served.http.request(method, "/events")).status_code == 405
