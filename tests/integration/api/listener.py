"""A reader of server-sent events that can be paused, cut off, and told where to begin."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

import anyio
import httpx


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame: what came before an empty line."""

    id: int | None = None
    event: str | None = None
    data: Any = None
    retry: int | None = None


def frame_of(lines: list[str]) -> Frame:
    """Read the lines of a frame; a field that nobody knows is an error here."""
    fields: dict[str, Any] = {}
    for line in lines:
        name, _, value = line.partition(": ")
        fields[name] = value if name == "event" else json.loads(value)
    return Frame(**fields)


class Listener:
    """Reads one stream in the background; use as an async context manager."""

    def __init__(self, url: str, query: str = "", **headers: str) -> None:
        """Not connected yet; ``last_event_id=`` and the like become headers."""
        self._url = url
        self._query = query
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.headers = {"accept": "text/event-stream", **named}
        self.frames: list[Frame] = []
        self.ended = False
        self.answer: httpx.Response | None = None
        self._news = asyncio.Event()

    async def __aenter__(self) -> Self:
        """Connect; the first frames have come when this returns."""
        self.http = httpx.AsyncClient(base_url=self._url, timeout=httpx.Timeout(30, read=None))
        request = self.http.build_request("GET", f"/events{self._query}", headers=self.headers)
        self.answer = await self.http.send(request, stream=True)
        self._reading = asyncio.create_task(self._read(self.answer))
        if self.answer.status_code == 200:
            await self.until(lambda: self.frames or self.ended)
        return self

    async def __aexit__(self, *_: object) -> None:
        """Hang up."""
        self._reading.cancel()
        await asyncio.gather(self._reading, return_exceptions=True)
        await self.http.aclose()

    async def _read(self, answer: httpx.Response) -> None:
        lines: list[str] = []
        try:
            async for line in answer.aiter_lines():
                if line:
                    lines.append(line)
                    continue
                self.frames.append(frame_of(lines))
                lines = []
                self._tell()
        finally:
            self.ended = True
            self._tell()

    def _tell(self) -> None:
        self._news.set()
        self._news = asyncio.Event()

    async def until(self, holds: Callable[[], Any], deadline_s: float = 20) -> None:
        """Wait until something holds of what was read.

        Raises:
            TimeoutError: it does not within ``deadline_s``.
        """
        with anyio.fail_after(deadline_s):
            while not holds():
                await self._news.wait()

    async def reach(self, position: int) -> None:
        """Wait until the stream has reached a position."""
        await self.until(lambda: self.last_id >= position)

    @property
    def last_id(self) -> int:
        """What a browser would send as ``Last-Event-ID``."""
        return next((one.id for one in reversed(self.frames) if one.id is not None), -1)

    @property
    def events(self) -> list[Frame]:
        """The frames that are events of the log."""
        return [one for one in self.frames if one.data is not None and one.event != "reset"]

    @property
    def positions(self) -> list[int]:
        """Where these events stand."""
        return [int(one.data["position"]) for one in self.events]
