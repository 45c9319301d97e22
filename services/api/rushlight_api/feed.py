"""The newest events of the log, encoded once for all streams that are open.

Hints on the bus wake it; the events themselves come from the log, in order and without gaps, so a
lost or doubled hint does no harm, and a look every ``LOOK_S`` heals it. Who is further behind than
the ring reaches reads windows of the log. Nothing is kept per reader but its position. While nobody
reads, nothing is read.
"""

import asyncio
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, NamedTuple

import structlog

from rushlight.eventlog.windows import ALL, Marks, Placed, Wanted, Window
from rushlight.shapes import event_resource
from rushlight_api.ports import LogPort

PAGE = 500
RING_EVENTS_MAX = 5_000
RING_BYTES_MAX = 8_388_608
CHUNK_BYTES = 32_768
LOOK_S = 1.0
# Reads of windows at once: more would leave the other requests no threads.
READS_MAX = 2
PAGES_MAX = 8
# Nearer to the end than this, a filter in memory costs less than a read for one alone.
NEAR_EVENTS = 10_000
# Small rounds that follow fast are told together.
PAUSE_S = 0.02
PACE_S = 0.005
PACES_MAX = 100
PREFIX = "rushlight."
logger = structlog.get_logger("rushlight.api")


class Framed(NamedTuple):
    """An event as its frame on the wire, and what filters look at."""

    position: int
    marks: Marks
    frame: bytes


class Taken(NamedTuple):
    """What a reader gets next, and the position that it has then reached."""

    frames: bytes
    reached: int


@dataclass(slots=True, eq=False)
class Reader:
    """Where one stream stands; ``live`` once it had caught up, ``sending`` while it waits."""

    position: int
    wanted: Wanted = ALL
    live: bool = False
    sending: bool = False


class Feed:
    """The end of the log, for everybody who follows it."""

    def __init__(self, log: LogPort) -> None:
        """Read ``log`` once ``run``."""
        self._log = log
        # The ring holds every event with `_start < position <= head`.
        self._ring: list[Framed] = []
        self._ring_bytes = 0
        self._start = 0
        self.head = 0
        self._readers: set[Reader] = set()
        self._stirred = asyncio.Event()
        self._beat = asyncio.Event()
        self._reads = asyncio.Semaphore(READS_MAX)
        self._pages = _Pages(self.window)

    def stir(self) -> None:
        """Something was written."""
        if self._readers:
            self._stirred.set()

    def next_beat(self) -> asyncio.Event:
        """Set at the next news; take it before looking, so that none falls between."""
        return self._beat

    @contextmanager
    def reading(self, reader: Reader, head: int) -> Iterator[None]:
        """The feed moves while somebody reads; ``head`` is the log's, as it was just now.

        Nothing here waits, at the end neither: a stream that is cut off could not.
        """
        if not self._readers:
            self._ring, self._ring_bytes = [], 0
            self._start = self.head = head
        self._readers.add(reader)
        self._stirred.set()
        try:
            yield
        finally:
            self._readers.discard(reader)
            if not self._readers:
                self._ring, self._ring_bytes = [], 0
                self._start = self.head
                self._pages.forget()

    async def run(self) -> None:
        """Follow the log until cancelled."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_S if self._readers else None):
                    await self._stirred.wait()
            self._stirred.clear()
            try:
                await self._catch_up()
            except Exception as error:
                # Whatever it is, those who follow must not stand still for ever because of it.
                logger.exception("events_not_read", detail=str(error))
                await asyncio.sleep(LOOK_S)
            await asyncio.sleep(PAUSE_S)

    async def _catch_up(self) -> None:
        while self._readers:
            after = self.head
            framed = await asyncio.to_thread(self._newest, after)
            if after != self.head:
                continue  # The last reader has left meanwhile, and another began elsewhere.
            if not framed:
                return
            self._keep(framed)
            self._beat.set()
            self._beat = asyncio.Event()
            await self._pace()

    def _newest(self, after: int) -> Sequence[Framed]:
        window = self._log.windows.read(
            after, upto=self._log.head(), limit=PAGE, bytes_max=RING_BYTES_MAX
        )
        return [framed(one) for one in window.events]

    def _keep(self, framed: Sequence[Framed]) -> None:
        """Add to the ring and drop its oldest beyond the limits; the newest one always stays."""
        self._ring += framed
        self._ring_bytes += sum(len(one.frame) for one in framed)
        self.head = framed[-1].position
        gone = max(0, len(self._ring) - RING_EVENTS_MAX)
        self._ring_bytes -= sum(len(one.frame) for one in self._ring[:gone])
        while self._ring_bytes > RING_BYTES_MAX and gone < len(self._ring) - 1:
            self._ring_bytes -= len(self._ring[gone].frame)
            gone += 1
        if gone:
            self._start = self._ring[gone - 1].position
            del self._ring[:gone]

    async def _pace(self) -> None:
        """In a burst, wait for those who can keep up: each would read the rest for itself."""
        near = self.head - PAGE
        for _ in range(PACES_MAX):
            if all(one.sending or not one.live or one.position >= near for one in self._readers):
                return
            await asyncio.sleep(PACE_S)

    async def take(self, reader: Reader) -> Taken:
        """What the reader gets next; empty, with its own position, when there is nothing.

        Raises:
            LogError: the log does not answer, or does not read.
        """
        position, wanted = reader.position, reader.wanted
        if position >= self.head:
            return Taken(b"", position)
        if position >= self._start:
            return _chunk(self._ring, position - self._start, wanted)
        if wanted == ALL or self.head - position <= NEAR_EVENTS:
            page = await self._pages.holding(position + 1, self.head)
            index = bisect_right(page, position, key=_position)
            if index < len(page):
                return _chunk(page, index, wanted)
        window = await self.window(
            position, upto=self.head, limit=PAGE, wanted=wanted, bytes_max=CHUNK_BYTES
        )
        return Taken(b"".join(framed(one).frame for one in window.events), window.reached)

    async def window(self, after: int, **bounds: Any) -> Window:
        """A window of the log, read in a thread, few at a time; see ``Windows.read``."""
        async with self._reads:
            return await asyncio.to_thread(self._log.windows.read, after, **bounds)


class _Pages:
    """Pages of the log that somebody has just read: who follows at some distance is not alone."""

    def __init__(self, window: Callable[..., Awaitable[Window]]) -> None:
        self._window = window
        self._kept: OrderedDict[int, asyncio.Task[Sequence[Framed]]] = OrderedDict()

    async def holding(self, position: int, head: int) -> Sequence[Framed]:
        """The page that ``position`` is on, if it is a whole one; it may be cut short in bytes."""
        first = (position - 1) // PAGE * PAGE
        if first + PAGE > head:
            return ()
        if first not in self._kept:
            reading = asyncio.create_task(self._read(first), name="page of events")
            reading.add_done_callback(lambda done: self._drop_failed(first, done))
            self._kept[first] = reading
            if len(self._kept) > PAGES_MAX:
                self._kept.popitem(last=False)
        self._kept.move_to_end(first)
        # One who hangs up must not end the read for the others.
        return await asyncio.shield(self._kept[first])

    async def _read(self, first: int) -> Sequence[Framed]:
        window = await self._window(first, upto=first + PAGE, limit=PAGE)
        return await asyncio.to_thread(lambda: [framed(one) for one in window.events])

    def _drop_failed(self, first: int, done: asyncio.Task[Sequence[Framed]]) -> None:
        if (done.cancelled() or done.exception() is not None) and self._kept.get(first) is done:
            del self._kept[first]

    def forget(self) -> None:
        """Nobody reads any more."""
        self._kept.clear()


def _position(one: Framed) -> int:
    return one.position


def _chunk(among: Sequence[Framed], index: int, wanted: Wanted) -> Taken:
    """The next frames from ``index`` on, about a chunk of them."""
    frames: list[bytes] = []
    size = 0
    everything = wanted == ALL
    while index < len(among) and size < CHUNK_BYTES:
        one = among[index]
        index += 1
        if everything or wanted.fits(one.marks):
            frames.append(one.frame)
            size += len(one.frame)
    return Taken(b"".join(frames), among[index - 1].position)


def framed(one: Placed) -> Framed:
    """An event with its frame: its position, its topic, and what pages show of it."""
    resource = event_resource(one.position, one.event)
    name = resource.topic.removeprefix(PREFIX)
    data = resource.model_dump_json(by_alias=True)
    return Framed(
        one.position, one.marks, f"id: {one.position}\nevent: {name}\ndata: {data}\n\n".encode()
    )
