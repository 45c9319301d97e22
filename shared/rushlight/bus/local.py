"""The bus inside one process: bounded queues on one asyncio loop, for embedded farms and tests.

What waits here ends with the process. That is no loss: HTTP acknowledges a command only after its
outcome, which is on the log by then. Not thread-safe.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from rushlight.bus.local_queue import Batch, Envelope, LocalQueue, Wakeup
from rushlight.bus.port import Address, Delivery, Queue, WorkerQueue
from rushlight.clock import Clock
from rushlight.errors import BusClosed, BusFull, NoAnswer, Unroutable
from rushlight.messages.base import Message


@dataclass(frozen=True, slots=True)
class LocalLimits:
    """How many messages the local bus holds; a full queue refuses, heartbeats drop the oldest."""

    commands_max: int = 10_000
    heartbeats_max: int = 10_000
    worker_messages_max: int = 64
    worker_queue_expires_s: float = 120
    subscriber_events_max: int = 1_000
    parked_max: int = 1_000


@dataclass(frozen=True, slots=True)
class Parked:
    """A message put aside for people to look at."""

    message: Message
    reason: str


class LocalBus:
    """The port, in this process."""

    def __init__(self, clock: Clock, limits: LocalLimits | None = None) -> None:
        """Queues of workers expire by ``clock``, looked at when the bus is used."""
        self._clock = clock
        self._limits = limits or LocalLimits()
        self._closed = False
        self._queues: dict[Address, LocalQueue] = {
            Queue.COMMANDS: LocalQueue(self._limits.commands_max),
            Queue.HEARTBEATS: LocalQueue(self._limits.heartbeats_max, lossy=True),
        }
        self._subscribers: set[LocalSubscriber] = set()
        self._parked: deque[Parked] = deque(maxlen=self._limits.parked_max)
        self._answers: set[asyncio.Future[Message]] = set()

    async def publish(self, to: Address, *messages: Message) -> None:
        """Send one message, or several as a batch."""
        if messages:
            self._put(to, [Envelope(message) for message in messages])

    async def request(self, to: Address, message: Message, *, timeout_s: float) -> Message:
        """Send and wait for the reply."""
        answer: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self._put(to, [Envelope(message, answer)])
        self._answers.add(answer)
        try:
            async with asyncio.timeout(timeout_s):
                return await answer
        except TimeoutError:
            raise NoAnswer(
                f"no answer to {message.kind()} within {timeout_s:g} s; it may still take effect"
            ) from None
        finally:
            self._answers.discard(answer)

    def consume(self, address: Address) -> "LocalConsumer":
        """Consume a queue."""
        return LocalConsumer(self, address)

    async def declare(self, queue: WorkerQueue) -> None:
        """Make sure the queue exists; it expires when nobody consumes or declares it."""
        self._refuse_closed()
        self._expire()
        found = self._queues.get(queue)
        if found is None:
            found = self._queues[queue] = LocalQueue(self._limits.worker_messages_max)
        found.used_s = self._clock.elapsed_s()

    async def announce(self, *events: Message) -> None:
        """Tell every subscriber."""
        self._refuse_closed()
        for subscriber in self._subscribers:
            subscriber.hear(events)

    def subscribe(self) -> "LocalSubscriber":
        """Hear what is announced."""
        return LocalSubscriber(self, self._limits.subscriber_events_max)

    def waiting(self, queue: Queue) -> int:
        """How many messages wait there."""
        return self._queues[queue].waiting

    def parked(self) -> list[Parked]:
        """What was parked, oldest first; only the last ``parked_max``."""
        return list(self._parked)

    async def close(self) -> None:
        """End: waiting takes, requests and subscribers raise ``BusClosed``."""
        self._closed = True
        for queue in self._queues.values():
            queue.close()
        for answer in self._answers:
            if not answer.done():
                answer.set_exception(_closed())
        for subscriber in self._subscribers:
            subscriber.wakeup.wake()

    @property
    def closed(self) -> bool:
        """Whether ``close`` was called."""
        return self._closed

    def park(self, parked: Parked) -> None:
        """Keep a message that a consumer put aside."""
        self._parked.append(parked)

    def enlist(self, subscriber: "LocalSubscriber") -> None:
        """From now on it hears."""
        self._refuse_closed()
        self._subscribers.add(subscriber)

    def dismiss(self, subscriber: "LocalSubscriber") -> None:
        """It hears no more."""
        self._subscribers.discard(subscriber)

    def queue(self, address: Address) -> LocalQueue:
        """The queue of an address.

        Raises:
            Unroutable: nobody declared it, or it expired.
            BusClosed: the bus is shutting down.
        """
        self._refuse_closed()
        found = self._queues.get(address)
        if found is None or (isinstance(address, WorkerQueue) and self._is_expired(found)):
            raise Unroutable(f"nobody has the queue {address}: it has to be declared, and used")
        return found

    def touch(self, queue: LocalQueue) -> None:
        """It is in use now."""
        queue.used_s = self._clock.elapsed_s()

    def _put(self, to: Address, batch: Batch) -> None:
        queue = self.queue(to)
        if not queue.lossy and not queue.has_room(len(batch)):
            raise BusFull(
                f"the queue {to} holds {queue.limit} messages at most and has"
                f" {queue.waiting + queue.taken}, so {len(batch)} more do not fit: try again later"
            )
        queue.put(batch)

    def _is_expired(self, queue: LocalQueue) -> bool:
        unused_s = self._clock.elapsed_s() - queue.used_s
        return not queue.consumers and unused_s >= self._limits.worker_queue_expires_s

    def _expire(self) -> None:
        for address, queue in list(self._queues.items()):
            if isinstance(address, WorkerQueue) and self._is_expired(queue):
                del self._queues[address]
                queue.close()

    def _refuse_closed(self) -> None:
        if self._closed:
            raise _closed()


@dataclass(frozen=True, slots=True, eq=False)
class LocalDelivery:
    """A taken message."""

    envelope: Envelope

    @property
    def message(self) -> Message:
        """What was said."""
        return self.envelope.message

    @property
    def redelivered(self) -> bool:
        """It was taken before and not acked."""
        return self.envelope.redelivered

    async def reply(self, message: Message) -> None:
        """Answer a request, if one waits."""
        answer = self.envelope.answer
        if answer is not None and not answer.done():
            answer.set_result(message)


class LocalConsumer:
    """Takes from one queue; of ``COMMANDS`` only the first consumer is active."""

    def __init__(self, bus: LocalBus, address: Address) -> None:
        """Starts on entering."""
        self._bus = bus
        self._address = address
        self._queue: LocalQueue | None = None
        self._unacked: list[Batch] = []

    async def take(self, limit: int) -> Sequence[LocalDelivery]:
        """Wait for at least one message and return what is there, up to ``limit``."""
        queue = self._queue
        if queue is None or limit < 1:
            raise ValueError("take() inside `async with`, with a limit of at least 1")
        while True:
            if queue.closed:
                raise _closed()
            if self._is_active(queue) and queue.waiting:
                batches = queue.take(limit)
                self._unacked.extend(batches)
                return [LocalDelivery(one) for batch in batches for one in batch]
            await queue.wakeup.wait()

    async def ack(self) -> None:
        """All that was taken so far is handled."""
        if self._queue is not None:
            self._queue.settle(sum(map(len, self._unacked)))
        self._unacked = []

    async def park(self, delivery: Delivery, reason: str) -> None:
        """Put one taken message aside."""
        for batch in self._unacked:
            for one in batch:
                if isinstance(delivery, LocalDelivery) and one is delivery.envelope:
                    batch.remove(one)
                    if self._queue is not None:
                        self._queue.settle(1)
                    self._bus.park(Parked(one.message, reason))
                    return
        raise ValueError("only what this consumer took and did not ack can be parked")

    def _is_active(self, queue: LocalQueue) -> bool:
        return self._address is not Queue.COMMANDS or queue.consumers[0] is self

    async def __aenter__(self) -> Self:
        """Start consuming."""
        self._queue = self._bus.queue(self._address)
        self._queue.consumers.append(self)
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop; what was taken and not acked goes back."""
        queue, self._queue = self._queue, None
        if queue is None:
            return
        queue.consumers.remove(self)
        self._bus.touch(queue)
        queue.give_back(self._unacked)
        self._unacked = []


class LocalSubscriber:
    """Hears events; keeps the last ones that it has not asked for yet."""

    def __init__(self, bus: LocalBus, limit: int) -> None:
        """Starts on entering."""
        self._bus = bus
        self._heard: deque[Message] = deque(maxlen=limit)
        self.wakeup = Wakeup()

    def hear(self, events: Sequence[Message]) -> None:
        """Keep them, in order."""
        self._heard.extend(events)
        self.wakeup.wake()

    async def next(self) -> Message:
        """Wait for the next event."""
        while not self._heard:
            if self._bus.closed:
                raise _closed()
            await self.wakeup.wait()
        return self._heard.popleft()

    async def __aenter__(self) -> Self:
        """Start listening."""
        self._bus.enlist(self)
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop listening."""
        self._bus.dismiss(self)


def _closed() -> BusClosed:
    return BusClosed("the bus is shutting down: nothing was decided, try again when it is back")
