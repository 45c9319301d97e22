"""Wakes held requests when the farm's events say that something may have changed for them.

Events are hints: whoever wakes asks again. Bursts are one beat, so that waiting clients cannot make
more work than the burst itself.
"""

import asyncio
from collections.abc import Callable

from rushlight.bus.port import Bus
from rushlight.errors import BusClosed
from rushlight.messages.work import FarmEvent

PAUSE_S = 0.02
Listener = Callable[[FarmEvent], None]


class Pulse:
    """Beats after events of tasks and workers."""

    def __init__(self, bus: Bus) -> None:
        """Listen on ``bus`` once ``run``."""
        self._bus = bus
        self._beat = asyncio.Event()
        self._stirred = asyncio.Event()
        self._listeners: list[Listener] = []
        self.listening = asyncio.Event()

    def next_beat(self) -> asyncio.Event:
        """The beat to wait for; take it before looking, so that none falls between."""
        return self._beat

    def tell(self, listener: Listener) -> None:
        """Call ``listener`` with every event; it must not wait."""
        self._listeners.append(listener)

    async def run(self) -> None:
        """Listen until the bus closes."""
        try:
            async with asyncio.TaskGroup() as group:
                beating = group.create_task(self._beat_on())
                await self._listen()
                beating.cancel()
        finally:
            self.listening.clear()

    async def _listen(self) -> None:
        async with self._bus.subscribe() as subscriber:
            self.listening.set()
            while True:
                try:
                    event = await subscriber.next()
                except BusClosed:
                    return
                if isinstance(event, FarmEvent):
                    self._hear(event)

    def _hear(self, event: FarmEvent) -> None:
        for listener in self._listeners:
            listener(event)
        # A round's own closing is no news: it would wake those whose asking made the round.
        if event.task_id is not None or event.worker_id is not None:
            self._stirred.set()

    async def _beat_on(self) -> None:
        while True:
            await self._stirred.wait()
            self._stirred.clear()
            self._beat.set()
            self._beat = asyncio.Event()
            await asyncio.sleep(PAUSE_S)
