"""Streams of server-sent events: one per reader, each at its own pace, none with a queue.

A stream holds the frames that it is sending and nothing else. A reader that takes nothing for
``events_stall_s`` is cut off; one that was up to date and fell behind gets a reset. Both may come
back with the last id. Nothing is promised about how soon an event arrives.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import structlog
from litestar.response.base import ASGIResponse
from litestar.types import Receive, Scope, Send

from rushlight.clock import Clock
from rushlight.errors import LogError, RateLimited, Unavailable
from rushlight.messages.live import ResetResource
from rushlight.settings import ServerSettings
from rushlight_api.feed import CHUNK_BYTES, Feed, Reader, Taken
from rushlight_api.outflow import Outflow, outflow_of

EVENT_STREAM = "text/event-stream"
RETRY_MS = 2000
RETRY_AFTER_S = 5
# At a stop, so long a reader may take for the last frames.
STOP_GRACE_S = 0.3
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
logger = structlog.get_logger("rushlight.api")


class Streams:
    """All streams that are open, and how many there may be."""

    def __init__(self, feed: Feed, settings: ServerSettings, clock: Clock) -> None:
        """None yet."""
        self.feed = feed
        self.settings = settings
        self.clock = clock
        self._open: Counter[str] = Counter()

    @property
    def count(self) -> int:
        """How many are open."""
        return self._open.total()

    def check(self, principal: str) -> None:
        """Whether ``principal`` may open another one.

        Raises:
            RateLimited: it has as many as one may have.
            Unavailable: the farm has as many as it takes.
        """
        if self._open[principal] >= self.settings.streams_per_principal_max:
            raise RateLimited(
                f"{principal} has {self._open[principal]} streams of events open, and may have no"
                " more: close one, or share one among several readers",
                retry_after_s=RETRY_AFTER_S,
            )
        if self.count >= self.settings.streams_max:
            raise Unavailable(
                f"{self.count} streams of events are open, and the farm takes no more"
                " (streams_max): try again later, or read GET /events as pages",
                retry_after_s=RETRY_AFTER_S,
            )

    @contextmanager
    def opened(self, principal: str) -> Iterator[None]:
        """Count one."""
        self._open[principal] += 1
        try:
            yield
        finally:
            self._open[principal] -= 1
            if not self._open[principal]:
                del self._open[principal]


@dataclass(frozen=True, slots=True)
class Start:
    """Whose stream begins where; ``head`` is the log's, and ``admitted`` asked at heartbeats."""

    principal: str
    reader: Reader
    head: int
    admitted: Callable[[], bool]


class EventStream(ASGIResponse):
    """One stream as a response; it ends when its reader does, or the server."""

    _should_set_content_length = False

    def __init__(self, streams: Streams, start: Start, stopping: asyncio.Event) -> None:
        """Begin to send when called."""
        super().__init__(media_type=EVENT_STREAM, headers=HEADERS)
        self._streams = streams
        self._feed = streams.feed
        self._start = start
        self._reader = start.reader
        self._stopping = stopping
        self._outflow: Outflow | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until there is a reason to end."""
        self._outflow = outflow_of(scope)
        if self._outflow is not None:
            self._outflow.keep_small()
        with (
            self._streams.opened(self._start.principal),
            self._feed.reading(self._reader, self._start.head),
        ):
            await super().__call__(scope, receive, send)

    async def send_body(self, send: Send, receive: Receive) -> None:
        """Talk until the reader hangs up; at a stop it has a moment to take the last frames."""
        talking = asyncio.create_task(self._talk(send))
        gone = asyncio.create_task(_until_gone(receive))
        stop = asyncio.create_task(self._stopping.wait())
        try:
            await asyncio.wait((talking, gone, stop), return_when=asyncio.FIRST_COMPLETED)
            await asyncio.wait(
                (talking, gone), timeout=STOP_GRACE_S, return_when=asyncio.FIRST_COMPLETED
            )
            whole = talking.done() and talking.result()
            if not whole and not gone.done() and self._outflow is not None:
                self._outflow.abort()
                await gone
        finally:
            for task in (talking, gone, stop):
                task.cancel()

    async def _talk(self, send: Send) -> bool:
        """Send to the end of the stream; False: the reader took nothing for too long."""
        try:
            async for frames in self._frames():
                await self._pass_on(send, frames)
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        except TimeoutError:
            logger.info("reader_cut_off", principal=self._start.principal, at=self._reader.position)
            return False
        return True

    async def _pass_on(self, send: Send, frames: bytes) -> None:
        """Send piece by piece, so that no buffer grows with what is sent at once.

        Raises:
            TimeoutError: the reader took nothing for ``events_stall_s``.
        """
        self._reader.sending = True
        for begin in range(0, len(frames), CHUNK_BYTES):
            async with asyncio.timeout(self._streams.settings.events_stall_s):
                piece = frames[begin : begin + CHUNK_BYTES]
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            # What does not wait would not let others run either.
            await asyncio.sleep(0)
        self._reader.sending = False

    async def _frames(self) -> AsyncIterator[bytes]:
        """What is sent, part by part; ends when the stream has to."""
        reader, feed = self._reader, self._feed
        yield b"retry: %d\n%s" % (RETRY_MS, _place(reader.position))
        due_s = self._after_s()
        while not self._stopping.is_set():
            beat = feed.next_beat()
            if reader.live and feed.head - reader.position > self._streams.settings.events_lag_max:
                logger.info("reader_reset", principal=self._start.principal, at=reader.position)
                yield _reset(reader.position, feed.head)
                return
            taken = await self._taken()
            if taken is None:
                return
            if taken.frames:
                yield taken.frames
            if taken.reached > reader.position:
                reader.position = taken.reached
            else:
                reader.live = True
                await _either(beat, self._stopping, due_s - self._streams.clock.elapsed_s())
            if self._streams.clock.elapsed_s() >= due_s:
                if not self._start.admitted():
                    return
                yield _place(reader.position)
                due_s = self._after_s()

    async def _taken(self) -> Taken | None:
        """What comes next; None: the log does not answer, and the reader shall come back."""
        try:
            return await self._feed.take(self._reader)
        except LogError as error:
            logger.warning("stream_ended", code=error.code, detail=str(error))
            return None

    def _after_s(self) -> float:
        """When the next heartbeat is due."""
        return self._streams.clock.elapsed_s() + self._streams.settings.events_heartbeat_s


def _place(position: int) -> bytes:
    """A frame that moves the reader's last id and is no event."""
    return b"id: %d\n\n" % position


def _reset(position: int, head: int) -> bytes:
    reason = (
        f"this reader is {head - position} events behind: connect again with the last id to read"
        " them, or read the state anew"
    )
    data = ResetResource(position=position, reason=reason).model_dump_json(by_alias=True)
    return f"id: {position}\nevent: reset\ndata: {data}\n\n".encode()


async def _either(beat: asyncio.Event, stopping: asyncio.Event, most_s: float) -> None:
    """Wait for news, the stop, or the time, whichever is first."""
    waits = [asyncio.create_task(one.wait()) for one in (beat, stopping)]
    try:
        await asyncio.wait(waits, timeout=max(0.0, most_s), return_when=asyncio.FIRST_COMPLETED)
    finally:
        for one in waits:
            one.cancel()


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
