"""What is sent to push agents, kept until they have fetched and acknowledged it over HTTP.

A mailbox belongs to one instance of a worker and numbers its messages. The numbers are this
process's own, and only numbers that were shown acknowledge anything: the first poll after a
(re)start says where the agent's count stands. So no message is lost to a number that another
process gave. What an agent did not acknowledge stays unacked, and the bus delivers it again.
"""

import asyncio
from collections import deque
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from contextlib import suppress
from itertools import islice
from typing import Any

import structlog

from rushlight.bus.port import Bus, Consumer, Delivery, WorkerQueue
from rushlight.errors import BusClosed
from rushlight.messages.base import Message

KEPT_MAX = 1000
SHOWN_MAX = 100
TAKE_MAX = 100
GONE = frozenset({"offline", "failed"})
_log = structlog.get_logger("rushlight.api")


class Mailbox:
    """The messages of one instance of a worker."""

    def __init__(self, address: WorkerQueue) -> None:
        """An empty one; ``run`` fills it."""
        self.address = address
        self.closed = asyncio.Event()
        self._messages: deque[Message] = deque()
        self._acknowledged = 0
        self._shown = 0
        self._news = asyncio.Event()
        self._emptied = asyncio.Event()

    async def run(self, bus: Bus) -> None:
        """Take from the bus until closed, never holding more than ``KEPT_MAX``."""
        with suppress(BusClosed):
            async with bus.consume(self.address) as consumer:
                await self._fill(consumer)

    async def _fill(self, consumer: Consumer) -> None:
        taking: asyncio.Task[Sequence[Delivery]] | None = None
        try:
            while not self.closed.is_set():
                room = min(TAKE_MAX, KEPT_MAX - len(self._messages))
                if taking is None and room > 0:
                    taking = asyncio.create_task(consumer.take(room))
                await _first(taking, self._emptied)
                if taking is not None and taking.done():
                    self._keep(taking.result())
                    taking = None
                elif not self._messages:
                    await consumer.ack()
                self._emptied.clear()
        finally:
            if taking is not None:
                taking.cancel()

    def _keep(self, deliveries: Sequence[Delivery]) -> None:
        self._messages.extend(delivery.message for delivery in deliveries)
        self.wake()

    def wake(self) -> None:
        """Let those who wait look again."""
        self._news.set()
        self._news = asyncio.Event()

    def close(self) -> None:
        """The instance is gone."""
        self.closed.set()
        self._emptied.set()
        self.wake()

    def news(self) -> asyncio.Event:
        """Set when something came; take it before looking."""
        return self._news

    def read(self, after: int) -> list[tuple[int, Message]]:
        """Forget what ``after`` acknowledges, and show what follows, numbered.

        An ``after`` beyond all numbers shown here was counted by another process: what is kept
        follows it.
        """
        if after > self._shown:
            self._acknowledged = self._shown = after
        while self._acknowledged < after:
            self._messages.popleft()
            self._acknowledged += 1
        if not self._messages:
            self._emptied.set()
        shown = list(islice(self._messages, SHOWN_MAX))
        self._shown = max(self._shown, self._acknowledged + len(shown))
        return list(enumerate(shown, self._acknowledged + 1))


async def _first(taking: asyncio.Task[Sequence[Delivery]] | None, event: asyncio.Event) -> None:
    waiting = asyncio.create_task(event.wait())
    try:
        both = (waiting,) if taking is None else (waiting, taking)
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiting.cancel()


class Mailboxes:
    """The mailboxes of all push agents that this API serves."""

    def __init__(self, bus: Bus) -> None:
        """None yet."""
        self._bus = bus
        self._boxes: dict[WorkerQueue, tuple[Mailbox, asyncio.Task[None]]] = {}
        self._errands: set[asyncio.Task[None]] = set()

    async def open(self, worker_id: str, instance: str) -> Mailbox:
        """The mailbox of that instance; its queue is declared, so nothing sent is unroutable."""
        address = WorkerQueue(worker_id, instance)
        if address not in self._boxes:
            await self._bus.declare(address)
        if address not in self._boxes:
            box = Mailbox(address)
            filling = asyncio.create_task(box.run(self._bus), name=f"mailbox {worker_id}")
            filling.add_done_callback(self._ended)
            filling.add_done_callback(lambda _: self._forget(box))
            self._boxes[address] = (box, filling)
        return self._boxes[address][0]

    def serves(self, worker_id: str) -> bool:
        """Whether it has one for that worker."""
        return any(address.worker_id == worker_id for address in self._boxes)

    def later(self, errand: Coroutine[Any, Any, None]) -> None:
        """Do something soon, and not after ``close``."""
        task = asyncio.create_task(errand, name="mailboxes")
        self._errands.add(task)
        task.add_done_callback(self._errands.discard)
        task.add_done_callback(self._ended)

    @property
    def count(self) -> int:
        """How many are open."""
        return len(self._boxes)

    async def open_all(self, workers: Iterable[Mapping[str, Any]]) -> None:
        """A mailbox for each push agent that is there."""
        for row in workers:
            if row["mode"] == "push" and row["instance"] and row["status"] not in GONE:
                await self.open(row["worker_id"], row["instance"])

    def keep_only(self, worker_id: str, instance: str | None) -> None:
        """Close those of other instances; None: all of that worker."""
        for address in [one for one in self._boxes if one.worker_id == worker_id]:
            if address.instance != instance:
                self.drop(address.worker_id, address.instance)

    def drop(self, worker_id: str, instance: str) -> None:
        """Close one; what it holds goes back to the bus."""
        found = self._boxes.pop(WorkerQueue(worker_id, instance), None)
        if found is not None:
            box, filling = found
            box.close()
            filling.cancel()

    async def close(self) -> None:
        """Stop all."""
        boxes = list(self._boxes.values())
        self._boxes.clear()
        for box, filling in boxes:
            box.close()
            filling.cancel()
        tasks = [*self._errands, *(filling for _, filling in boxes)]
        for task in self._errands:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _forget(self, box: Mailbox) -> None:
        """One that cannot be filled any more is of no use; the next poll opens another."""
        box.close()
        if self._boxes.get(box.address, (None,))[0] is box:
            del self._boxes[box.address]

    def _ended(self, filling: asyncio.Task[None]) -> None:
        if not filling.cancelled() and filling.exception() is not None:
            _log.error("mailbox_failed", mailbox=filling.get_name(), exc_info=filling.exception())
