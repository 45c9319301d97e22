"""What the contract says over the bus, and how it waits."""

import asyncio
from collections.abc import Awaitable, Sequence
from typing import TypeVar
from uuid import UUID

from rushlight.bus.port import Consumer, Delivery, WorkerQueue
from rushlight.messages.base import Message
from rushlight.messages.commands import DrainWorker
from rushlight.messages.outcomes import Outcome
from rushlight.messages.work import FarmEvent, Heartbeat, Stop

DEADLINE_S = 10
T = TypeVar("T")
WORKER = WorkerQueue("w1", "a")


def command(number: int) -> DrainWorker:
    return DrainWorker(command_id=UUID(int=number), worker_id=f"w{number}")


def outcome(number: int) -> Outcome:
    return Outcome(command_id=UUID(int=number), status="done")


def heartbeat(number: int) -> Heartbeat:
    return Heartbeat(worker_id="w1", sequence=number)


def event(number: int) -> FarmEvent:
    return FarmEvent(topic="rushlight.task.assigned", position=number)


def stop(number: int) -> Stop:
    return Stop(task_id=UUID(int=number), attempt=1, reason="cancelled")


async def soon(waited: Awaitable[T]) -> T:
    return await asyncio.wait_for(waited, DEADLINE_S)


async def take(consumer: Consumer, limit: int = 100) -> Sequence[Delivery]:
    return await soon(consumer.take(limit))


async def take_all(consumer: Consumer, count: int, limit: int = 100) -> list[Message]:
    """Take until there were ``count`` messages: an adapter may hand them over in several goes."""
    found: list[Message] = []
    while len(found) < count:
        found += [one.message for one in await take(consumer, limit)]
    return found


async def settled() -> None:
    """Let everything run that can run now."""
    for _ in range(20):
        await asyncio.sleep(0)
