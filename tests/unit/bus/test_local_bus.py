"""What only the local bus does, and the bus with faults over it."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from typing import Any
from uuid import UUID

import pytest

from rushlight.bus.faulty import FaultyBus
from rushlight.bus.local import LocalBus, LocalLimits
from rushlight.bus.port import Address, Queue
from rushlight.clock import SystemClock
from rushlight.errors import BusFull, NoAnswer
from rushlight.messages.base import Message
from rushlight.messages.commands import DrainWorker
from rushlight.messages.work import Heartbeat


@pytest.fixture
async def local() -> AsyncIterator[LocalBus]:
    bus = LocalBus(SystemClock(), LocalLimits(commands_max=4, heartbeats_max=2, parked_max=2))
    yield bus
    await bus.close()


@pytest.fixture
def faulty(local: LocalBus) -> FaultyBus:
    return FaultyBus(local)


def command(number: int) -> DrainWorker:
    return DrainWorker(command_id=UUID(int=number), worker_id=f"w{number}")


def is_second(_: Address, message: Message) -> bool:
    return message == command(2)


def started(request: Coroutine[Any, Any, Message]) -> "asyncio.Task[Message]":
    return asyncio.create_task(request)


async def settled() -> None:
    """Let everything run that can run now."""
    for _ in range(20):
        await asyncio.sleep(0)


async def waiting(bus: LocalBus, count: int) -> list[Message]:
    async with bus.consume(Queue.COMMANDS) as consumer:
        found = [one.message for one in await consumer.take(100)]
        await consumer.ack()
    assert len(found) == count
    return found


async def test_what_is_taken_and_not_acked_counts_against_the_limit(local: LocalBus) -> None:
    await local.publish(Queue.COMMANDS, *map(command, range(4)))
    async with local.consume(Queue.COMMANDS) as consumer:
        await consumer.take(4)
        with pytest.raises(BusFull, match="holds 4 messages at most and has 4"):
            await local.publish(Queue.COMMANDS, command(9))


async def test_a_request_whose_heartbeat_was_dropped_is_told_at_once(local: LocalBus) -> None:
    first = Heartbeat(worker_id="w", sequence=7)
    asking = started(local.request(Queue.HEARTBEATS, first, timeout_s=60))
    await settled()
    for number in range(2):
        await local.publish(Queue.HEARTBEATS, Heartbeat(worker_id="w", sequence=number))
    with pytest.raises(NoAnswer, match="dropped"):
        await asking


async def test_only_the_last_parked_messages_are_kept(local: LocalBus) -> None:
    await local.publish(Queue.COMMANDS, *map(command, range(3)))
    async with local.consume(Queue.COMMANDS) as consumer:
        for one in await consumer.take(3):
            await consumer.park(one, "poison")
    assert [one.message for one in local.parked()] == [command(1), command(2)]


async def test_what_was_acked_cannot_be_parked(local: LocalBus) -> None:
    await local.publish(Queue.COMMANDS, command(1))
    async with local.consume(Queue.COMMANDS) as consumer:
        (one,) = await consumer.take(1)
        await consumer.ack()
        with pytest.raises(ValueError, match="did not ack"):
            await consumer.park(one, "late")


async def test_a_lost_message_is_confirmed_and_never_arrives(
    local: LocalBus, faulty: FaultyBus
) -> None:
    faulty.lose_next(is_second)
    await faulty.publish(Queue.COMMANDS, command(1), command(2), command(3))
    assert await waiting(local, 2) == [command(1), command(3)]
    assert faulty.struck == [("lose", command(2))]


async def test_a_fault_is_for_one_message_only(local: LocalBus, faulty: FaultyBus) -> None:
    faulty.lose_next(is_second)
    for _ in range(2):
        await faulty.publish(Queue.COMMANDS, command(2))
    assert await waiting(local, 1) == [command(2)]


async def test_a_doubled_message_arrives_twice(local: LocalBus, faulty: FaultyBus) -> None:
    faulty.double_next(is_second)
    await faulty.publish(Queue.COMMANDS, command(1), command(2))
    assert await waiting(local, 3) == [command(1), command(2), command(2)]


async def test_a_doubled_request_arrives_twice_and_is_answered(
    local: LocalBus, faulty: FaultyBus
) -> None:
    faulty.double_next(is_second)
    asking = started(faulty.request(Queue.COMMANDS, command(2), timeout_s=10))
    await settled()
    async with local.consume(Queue.COMMANDS) as consumer:
        found = await consumer.take(10)
        for one in found:
            await one.reply(command(5))
    assert len(found) == 2
    assert await asking == command(5)


async def test_a_lost_request_has_no_effect_and_no_answer(
    local: LocalBus, faulty: FaultyBus
) -> None:
    faulty.lose_next(is_second)
    with pytest.raises(NoAnswer):
        await faulty.request(Queue.COMMANDS, command(2), timeout_s=60)
    await local.publish(Queue.COMMANDS, command(1))
    assert await waiting(local, 1) == [command(1)]


async def test_a_lost_reply_leaves_the_effect(local: LocalBus, faulty: FaultyBus) -> None:
    faulty.lose_next_reply(is_second)
    asking = started(faulty.request(Queue.COMMANDS, command(2), timeout_s=60))
    await settled()
    async with local.consume(Queue.COMMANDS) as consumer:
        (one,) = await consumer.take(10)
        await one.reply(command(5))
    with pytest.raises(NoAnswer, match="reply"):
        await asking


async def test_a_fault_that_was_ordered_and_never_fits_changes_nothing(
    local: LocalBus, faulty: FaultyBus
) -> None:
    faulty.lose_next(is_second)
    await faulty.publish(Queue.COMMANDS, command(1))
    assert await waiting(local, 1) == [command(1)]
    assert faulty.struck == []
