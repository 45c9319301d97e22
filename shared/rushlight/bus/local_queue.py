"""One queue of the local bus: batches in order, what is taken and not acked, who waits.

No loop, no clock, no policy: the bus decides who may put and take.
"""

import asyncio
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from rushlight.errors import BusClosed, NoAnswer
from rushlight.messages.base import Message


@dataclass(slots=True, eq=False)
class Envelope:
    """A message on its way; ``answer`` is there when somebody waits for a reply."""

    message: Message
    answer: asyncio.Future[Message] | None = None
    redelivered: bool = False

    def fail(self, error: Exception) -> None:
        """Tell who waits that no reply will come."""
        if self.answer is not None and not self.answer.done():
            self.answer.set_exception(error)


Batch = list[Envelope]


class Wakeup:
    """Wakes everybody who waits; they look again at what they wait for."""

    def __init__(self) -> None:
        self._waiting: set[asyncio.Future[None]] = set()

    async def wait(self) -> None:
        """Until the next ``wake``."""
        one: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.add(one)
        try:
            await one
        finally:
            self._waiting.discard(one)

    def wake(self) -> None:
        """Wake all."""
        for one in self._waiting:
            if not one.done():
                one.set_result(None)


@dataclass(slots=True, eq=False)
class LocalQueue:
    """Batches that wait, up to ``limit`` messages together with those taken and not acked."""

    limit: int
    lossy: bool = False
    used_s: float = 0.0
    closed: bool = False
    taken: int = 0
    waiting: int = 0
    wakeup: Wakeup = field(default_factory=Wakeup)
    consumers: list[object] = field(default_factory=list)
    _batches: deque[Batch] = field(default_factory=deque)

    def has_room(self, count: int) -> bool:
        """Whether ``count`` more messages fit."""
        return self.waiting + self.taken + count <= self.limit

    def put(self, batch: Batch) -> None:
        """Add a batch at the end; a lossy queue drops its oldest to make room."""
        self._batches.append(batch)
        self.waiting += len(batch)
        while self.lossy and self.waiting > self.limit and len(self._batches) > 1:
            dropped = self._batches.popleft()
            self.waiting -= len(dropped)
            for one in dropped:
                one.fail(NoAnswer("dropped: newer messages filled the queue; send it again"))
        self.wakeup.wake()

    def take(self, limit: int) -> list[Batch]:
        """Whole batches from the front, up to ``limit`` messages; only one larger alone is cut."""
        found: list[Batch] = []
        room = limit
        while self._batches and len(self._batches[0]) <= room:
            found.append(self._batches.popleft())
            room -= len(found[-1])
        if not found and self._batches:
            large = self._batches.popleft()
            self._batches.appendleft(large[limit:])
            found = [large[:limit]]
        count = sum(map(len, found))
        self.waiting -= count
        self.taken += count
        return found

    def settle(self, count: int) -> None:
        """So many taken messages are handled."""
        self.taken -= count

    def give_back(self, batches: Iterable[Batch]) -> None:
        """Put what was taken and not acked first again, in the order that it had."""
        for batch in reversed([batch for batch in batches if batch]):
            for one in batch:
                one.redelivered = True
            self._batches.appendleft(batch)
            self.taken -= len(batch)
            self.waiting += len(batch)
        self.wakeup.wake()

    def close(self) -> None:
        """Nobody waits for it any more."""
        self.closed = True
        for batch in self._batches:
            for one in batch:
                one.fail(BusClosed("the bus is shutting down"))
        self.wakeup.wake()
