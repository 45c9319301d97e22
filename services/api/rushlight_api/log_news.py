"""Wakes those who wait for more of an attempt's log, when a piece has come to this process."""

import asyncio
from uuid import UUID
from weakref import WeakValueDictionary


class LogNews:
    """One event per log that somebody waits for; it is gone when nobody does."""

    def __init__(self) -> None:
        """Nobody waits yet."""
        self._awaited: WeakValueDictionary[tuple[UUID, int], asyncio.Event] = WeakValueDictionary()

    def next_of(self, task_id: UUID, attempt: int) -> asyncio.Event:
        """The event to wait for; take it before looking, so that no piece falls between."""
        return self._awaited.setdefault((task_id, attempt), asyncio.Event())

    def tell(self, task_id: UUID, attempt: int) -> None:
        """A piece has come."""
        event = self._awaited.pop((task_id, attempt), None)
        if event is not None:
            event.set()
