"""Held requests: they end at their deadline, when the client hangs up, or when the server stops.

A handler is not cancelled when its client goes away, so it has to listen for that itself; otherwise
work would be given to a closed socket.
"""

import asyncio
from types import TracebackType
from typing import Self

from rushlight_api.preferences import note_applied, preferred_wait_s
from rushlight_api.reading import Incoming, whole_body


class Hold:
    """One held request; use as an async context manager, after its body was read."""

    def __init__(self, request: Incoming, *, wait_s: float, stopping: asyncio.Event) -> None:
        """Hold ``request`` for up to ``wait_s``."""
        self._request = request
        self._wait_s = wait_s
        self._stopping = stopping

    async def __aenter__(self) -> Self:
        """Start the deadline and listen for the client's leaving."""
        await whole_body(self._request)
        loop = asyncio.get_running_loop()
        self._gone = asyncio.create_task(self._client_gone())
        self._stop = asyncio.create_task(self._stopping.wait())
        self._deadline = asyncio.Event()
        self._timer = loop.call_later(self._wait_s, self._deadline.set)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop listening."""
        self._timer.cancel()
        for task in (self._gone, self._stop):
            task.cancel()
        await asyncio.gather(self._gone, self._stop, return_exceptions=True)

    @property
    def over(self) -> bool:
        """Nothing shall be done for this client any more."""
        return self._gone.done() or self._stopping.is_set() or self._deadline.is_set()

    async def until(self, event: asyncio.Event, most_s: float | None = None) -> bool:
        """Wait for ``event``; False when the hold, or ``most_s``, ends first."""
        happened = asyncio.create_task(event.wait())
        expired = asyncio.create_task(self._deadline.wait())
        try:
            await asyncio.wait(
                (happened, expired, self._gone, self._stop),
                timeout=most_s,
                return_when=asyncio.FIRST_COMPLETED,
            )
            return happened.done() and not self._gone.done() and not self._stopping.is_set()
        finally:
            for task in (happened, expired):
                task.cancel()

    async def _client_gone(self) -> None:
        while (await self._request.receive())["type"] != "http.disconnect":
            pass


def wait_of(request: Incoming, asked_s: float | None, most_s: float) -> float:
    """How long the client wants to wait: ``?wait=`` or ``Prefer: wait=``, up to ``most_s``."""
    if asked_s is not None:
        return min(asked_s, most_s)
    preferred_s = preferred_wait_s(request)
    if preferred_s is None:
        return 0.0
    wait_s = min(preferred_s, most_s)
    note_applied(request, f"wait={wait_s:g}")
    return wait_s
