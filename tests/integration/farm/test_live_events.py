"""Two hundred tasks while three readers watch: none misses an event, none gets one twice."""

import asyncio
import signal
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from uuid import uuid4

import anyio
import httpx
import pytest
from tests.integration.api.listener import Listener
from tests.integration.api.stuck import Stuck
from tests.integration.farm.process import FarmProcess

from rushlight.eventlog.audit import verify
from rushlight.eventlog.log import FarmLog

TASKS = 200
WORKERS = 4


@pytest.fixture
def farm(tmp_path: Path) -> Iterator[FarmProcess]:
    """A farm without workers of its own, and with little patience for readers."""
    process = FarmProcess(tmp_path / "farm", events_stall_s=1)
    process.start()
    yield process
    process.stop()


class PullWorkers:
    """Plain REST workers that complete whatever they get, until all is done."""

    def __init__(self, farm: FarmProcess) -> None:
        """Not started."""
        self._farm = farm
        self._left = threading.Semaphore(TASKS)
        self._threads = [threading.Thread(target=self._work, args=(n,)) for n in range(WORKERS)]
        self.errors: list[BaseException] = []

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def join(self) -> None:
        """Wait until all tasks are completed.

        Raises:
            AssertionError: a worker has failed.
        """
        for thread in self._threads:
            thread.join(60)
        assert self.errors == []
        assert not any(thread.is_alive() for thread in self._threads)

    def _work(self, number: int) -> None:
        try:
            with httpx.Client(base_url=self._farm.url, timeout=30) as http:
                while self._left.acquire(blocking=False):
                    self._complete_one(http, f"w{number}")
        except (AssertionError, httpx.HTTPError) as error:
            self.errors.append(error)

    @staticmethod
    def _complete_one(http: httpx.Client, name: str) -> None:
        answer = http.put(f"/workers/{name}/status", json={"status": "ready"})
        assert answer.status_code == 200, answer.text
        answer = http.post(f"/workers/{name}/request-task?wait=20")
        assert answer.status_code == 200, answer.text
        task = answer.json()["taskId"]
        answer = http.post(f"/renders/{task}/complete", json={"workerId": name, "attempt": 1})
        assert answer.status_code == 200, answer.text


def submit(farm: FarmProcess, count: int) -> None:
    """So many tasks, one request each for the half of them, one for all others."""
    with httpx.Client(base_url=farm.url, timeout=30) as http:
        for _ in range(count // 2):
            assert http.post("/renders", json={"name": "one"}).status_code == 201
        body = {"tasks": [{"name": "many", "jobId": "shot"}] * (count - count // 2)}
        assert http.post("/renders/batch", json=body).status_code == 201


def positions_on(farm: FarmProcess) -> list[int]:
    """What is on the log of a farm that may be running."""
    with FarmLog.open_read_only(farm.data) as log:
        return [position for position, _ in log.replay()]


async def steady(farm: FarmProcess, ready: asyncio.Event, done: asyncio.Event) -> list[int]:
    """Reads one stream from the beginning of the log to its end."""
    async with Listener(farm.url, "?after=0") as listener:
        ready.set()
        await done.wait()
        await listener.reach(len(positions_on(farm)))
        return listener.positions


async def killed(farm: FarmProcess, ready: asyncio.Event, done: asyncio.Event) -> list[int]:
    """Is cut off again and again, and comes back with the last id."""
    seen: list[int] = []
    last = 0
    while not done.is_set() or last < len(positions_on(farm)):
        async with Listener(farm.url, last_event_id=str(last)) as listener:
            ready.set()
            with anyio.move_on_after(0.4):
                await listener.until(lambda: len(listener.events) >= 60)
        seen += listener.positions
        last = max(last, listener.last_id)
    return seen


async def slow(farm: FarmProcess, ready: asyncio.Event, done: asyncio.Event) -> list[int]:
    """Takes nothing for a while, is cut off or reset, and comes back."""
    reader = await asyncio.to_thread(Stuck, farm.url, "?after=0")
    ready.set()
    await done.wait()
    head = len(positions_on(farm))
    await asyncio.to_thread(reader.read_on, head)
    reader.close()
    seen = [one.data["position"] for one in reader.frames() if one.data and one.event != "reset"]
    async with Listener(farm.url, last_event_id=str(reader.last_id)) as listener:
        await listener.reach(head)
        return seen + listener.positions


async def test_three_readers_see_every_event_once(farm: FarmProcess) -> None:
    done = asyncio.Event()
    readers = []
    for read in (steady, killed, slow):
        ready = asyncio.Event()
        readers.append(asyncio.create_task(read(farm, ready, done)))
        await asyncio.wait_for(ready.wait(), 20)
    workers = PullWorkers(farm)
    workers.start()
    await asyncio.to_thread(submit, farm, TASKS)
    await asyncio.to_thread(workers.join)
    done.set()
    with anyio.fail_after(40):
        seen = await asyncio.gather(*readers)
    log = positions_on(farm)
    events = httpx.get(f"{farm.url}/events?topic=task.completed&limit=500").json()["items"]

    assert len({event["taskId"] for event in events}) == len(events) == TASKS
    assert len(log) > 4 * TASKS
    for positions in seen:
        assert positions == log


@asynccontextmanager
async def many_streams(farm: FarmProcess) -> AsyncIterator[list[Listener]]:
    """Fourteen readers that read, and six that do not."""
    async with AsyncExitStack() as opened:
        for _ in range(6):
            reader = await asyncio.to_thread(Stuck, farm.url, "?after=0")
            opened.callback(reader.close)
        yield [await opened.enter_async_context(Listener(farm.url)) for _ in range(14)]


async def poll(farm: FarmProcess, path: str, method: str = "GET") -> httpx.Response:
    async with httpx.AsyncClient(base_url=farm.url, timeout=30) as http:
        return await http.request(method, path)


async def test_a_stop_with_open_streams_and_polls_is_quick_and_loses_nothing(
    tmp_path: Path,
) -> None:
    farm = FarmProcess(tmp_path / "farm", events_stall_s=60)
    farm.start()
    submit(farm, 2)
    ready = httpx.put(f"{farm.url}/workers/w/status", json={"status": "ready"})
    task_id = httpx.post(f"{farm.url}/workers/w/request-task").json()["taskId"]
    httpx.put(f"{farm.url}/workers/v/status", json={"status": "ready"})
    httpx.post(f"{farm.url}/workers/v/request-task")
    body = {"status": "ready", "capabilities": {"renderers": {"mitsuba": "3.9.1"}}}
    httpx.put(f"{farm.url}/workers/u/status", json=body)
    assert ready.status_code == 200
    async with many_streams(farm) as listeners:
        polls = [
            asyncio.create_task(poll(farm, f"/renders/{task_id}/attempts/1/log?wait=25")),
            asyncio.create_task(poll(farm, "/workers/u/request-task?wait=25", "POST")),
        ]
        # Larger than the buffers of those who do not read, and in flight when the signal comes.
        await asyncio.to_thread(paused_batch, farm, 2000)
        before = len(positions_on(farm))
        for listener in listeners:
            await listener.reach(before)
        keys = [str(uuid4()) for _ in range(10)]
        flying = [asyncio.create_task(submission(farm, key)) for key in keys]
        begun = time.monotonic()
        assert farm.process is not None
        farm.process.send_signal(signal.SIGTERM)
        code = await asyncio.to_thread(farm.process.wait, 15)
        took_s = time.monotonic() - begun
        answers = await asyncio.gather(*flying)
        held = await asyncio.gather(*polls)
        for listener in listeners:
            await listener.until(lambda: listener.ended)  # noqa: B023
            assert listener.positions == list(range(listener.positions[0], listener.last_id + 1))
    said = (tmp_path / "farm.out").read_text()
    report = verify(farm.data)
    with FarmLog.open_read_only(farm.data) as log:
        known = [log.views.task(one) for one in answers if one is not None]

    assert code == 0
    assert took_s < 5
    assert "Traceback" not in said
    assert "error" not in said.lower()
    assert [one.status_code for one in held] == [200, 204]
    assert report.clean, report.differences
    assert None not in known


async def submission(farm: FarmProcess, key: str) -> str | None:
    """A task's id if the farm acknowledged it; None if it was already closing."""
    async with httpx.AsyncClient(base_url=farm.url, timeout=30) as http:
        try:
            body = {"renderer": "nobody-has-it"}
            answer = await http.post("/renders", json=body, headers={"idempotency-key": key})
        except httpx.TransportError:
            return None
    return str(answer.json()["taskId"]) if answer.status_code == 201 else None


def paused_batch(farm: FarmProcess, count: int) -> None:
    """Tasks that give no work to those who wait for some."""
    body = {"tasks": [{"renderer": "nobody-has-it", "name": "x" * 100}] * count}
    answer = httpx.post(f"{farm.url}/renders/batch", json=body, timeout=30)
    assert answer.status_code == 201, answer.text
