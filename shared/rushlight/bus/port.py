"""What a bus does, in terms of messages; adapters: ``local`` (in this process), later ``amqp``.

Promised: ``publish`` and ``request`` return only after the bus has taken the message (a confirm);
messages of one sender to one queue arrive in order; what a consumer took and did not ack goes to
the next consumer, first, marked ``redelivered``; one consumer of ``COMMANDS`` is active, others
stand by. Several messages published together are one batch: delivered together, never split over
two ``take`` calls unless larger than ``limit`` alone.

Not promised: exactly once. A message may come twice; command ids, attempts and instances are the
answer to that. A confirm says taken, not handled. ``EVENTS`` and ``HEARTBEATS`` may lose messages.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from rushlight.messages.base import Message


class Queue(Enum):
    """The farm's own queues."""

    COMMANDS = "commands"
    HEARTBEATS = "heartbeats"


@dataclass(frozen=True, slots=True)
class WorkerQueue:
    """The queue of one instance of a worker; it exists once declared, and expires unused."""

    worker_id: str
    instance: str


Address = Queue | WorkerQueue


class Delivery(Protocol):
    """One message, taken and not yet acked."""

    @property
    def message(self) -> Message:
        """What was said."""
        ...

    @property
    def redelivered(self) -> bool:
        """It was taken before, by a consumer that did not ack it."""
        ...

    async def reply(self, message: Message) -> None:
        """Answer a request; without effect where none was asked for or nobody waits any more."""
        ...


class Consumer(Protocol):
    """Takes messages at its own pace; use as an async context manager."""

    async def take(self, limit: int) -> Sequence[Delivery]:
        """Wait for at least one message and return what is there, up to ``limit``.

        Raises:
            BusClosed: the bus is shutting down.
        """
        ...

    async def ack(self) -> None:
        """All that was taken so far is handled."""
        ...

    async def park(self, delivery: Delivery, reason: str) -> None:
        """Put one taken message aside for people to look at."""
        ...

    async def __aenter__(self) -> "Consumer":
        """Start consuming."""
        ...

    async def __aexit__(self, *_: object) -> None:
        """Stop; what was taken and not acked goes back."""
        ...


class Subscriber(Protocol):
    """Hears events from now on; slow ones lose the oldest."""

    async def next(self) -> Message:
        """Wait for the next event.

        Raises:
            BusClosed: the bus is shutting down.
        """
        ...

    async def __aenter__(self) -> "Subscriber":
        """Start listening."""
        ...

    async def __aexit__(self, *_: object) -> None:
        """Stop listening."""
        ...


class Bus(Protocol):
    """The port."""

    async def publish(self, to: Address, *messages: Message) -> None:
        """Send one message, or several as a batch.

        Raises:
            Unroutable: nobody has declared that worker queue.
            BusFull: the queue is at its limit (a heartbeat queue drops its oldest instead).
            BusClosed: the bus is shutting down.
        """
        ...

    async def request(self, to: Address, message: Message, *, timeout_s: float) -> Message:
        """Send and wait for the reply.

        Raises:
            NoAnswer: none within ``timeout_s``; the message may still take effect.
            BusFull, BusClosed, Unroutable: as for ``publish``.
        """
        ...

    def consume(self, address: Address) -> Consumer:
        """Consume a queue; a worker queue must have been declared."""
        ...

    async def declare(self, queue: WorkerQueue) -> None:
        """Make sure the queue exists."""
        ...

    async def announce(self, *events: Message) -> None:
        """Tell every subscriber; none may be there."""
        ...

    def subscribe(self) -> Subscriber:
        """Hear what is announced."""
        ...

    def waiting(self, queue: Queue) -> int | None:
        """How many messages of the farm's own queue nobody has taken; None: the bus cannot say."""
        ...

    async def close(self) -> None:
        """End: waiting takes and requests raise ``BusClosed``."""
        ...
