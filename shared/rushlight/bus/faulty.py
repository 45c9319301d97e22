"""A bus that loses or doubles a message when told to, over any other; for tests of what heals."""

from collections.abc import Callable
from typing import Literal

from rushlight.bus.port import Address, Bus, Consumer, Queue, Subscriber, WorkerQueue
from rushlight.errors import NoAnswer
from rushlight.messages.base import Message

Predicate = Callable[[Address, Message], bool]
Fault = Literal["lose", "double", "lose_reply"]


class FaultyBus:
    """Everything as the bus underneath has it, but for the faults that were ordered.

    Each order holds for the next one message that fits, and ``struck`` lists what it was done to.
    """

    def __init__(self, bus: Bus) -> None:
        """Over this bus."""
        self._bus = bus
        self._orders: list[tuple[Fault, Predicate]] = []
        self.struck: list[tuple[Fault, Message]] = []

    def lose_next(self, fits: Predicate) -> None:
        """The next message that fits is confirmed and never arrives."""
        self._orders.append(("lose", fits))

    def double_next(self, fits: Predicate) -> None:
        """The next message that fits arrives twice."""
        self._orders.append(("double", fits))

    def lose_next_reply(self, fits: Predicate) -> None:
        """The next request that fits takes effect, and its reply is lost."""
        self._orders.append(("lose_reply", fits))

    async def publish(self, to: Address, *messages: Message) -> None:
        """Send what no fault takes away."""
        sent: list[Message] = []
        for message in messages:
            fault = self._strike(to, message, "lose", "double")
            sent.extend([message] * {"lose": 0, None: 1, "double": 2}[fault])
        await self._bus.publish(to, *sent)

    async def request(self, to: Address, message: Message, *, timeout_s: float) -> Message:
        """Send and wait; a lost request, or a lost reply, ends as if the time were up."""
        fault = self._strike(to, message, "lose", "double", "lose_reply")
        if fault == "lose":
            raise NoAnswer(f"{message.kind()} was lost by order")
        if fault == "double":
            await self._bus.publish(to, message)
        reply = await self._bus.request(to, message, timeout_s=timeout_s)
        if fault == "lose_reply":
            raise NoAnswer(f"the reply to {message.kind()} was lost by order")
        return reply

    def _strike(self, to: Address, message: Message, *faults: Fault) -> Fault | None:
        for order in self._orders:
            fault, fits = order
            if fault in faults and fits(to, message):
                self._orders.remove(order)
                self.struck.append((fault, message))
                return fault
        return None

    def consume(self, address: Address) -> Consumer:
        """As the bus underneath."""
        return self._bus.consume(address)

    async def declare(self, queue: WorkerQueue) -> None:
        """As the bus underneath."""
        await self._bus.declare(queue)

    async def announce(self, *events: Message) -> None:
        """As the bus underneath."""
        await self._bus.announce(*events)

    def subscribe(self) -> Subscriber:
        """As the bus underneath."""
        return self._bus.subscribe()

    def waiting(self, queue: Queue) -> int | None:
        """As the bus underneath."""
        return self._bus.waiting(queue)

    async def close(self) -> None:
        """As the bus underneath."""
        await self._bus.close()
