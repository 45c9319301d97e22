"""Order, batches, acks, redelivery, one active consumer, parking."""

import asyncio

import pytest
from tests.contract.bus_adapters import Opened
from tests.contract.bus_words import command, heartbeat, settled, soon, take, take_all

from rushlight.bus.port import Bus, Queue


async def test_messages_of_one_sender_arrive_in_order(bus: Bus) -> None:
    for number in range(10):
        await bus.publish(Queue.COMMANDS, command(number))
    async with bus.consume(Queue.COMMANDS) as consumer:
        assert await take_all(consumer, 10) == [command(number) for number in range(10)]


async def test_published_means_taken_by_the_bus_before_anyone_consumes(bus: Bus) -> None:
    await soon(bus.publish(Queue.COMMANDS, command(1)))
    async with bus.consume(Queue.COMMANDS) as consumer:
        assert [one.message for one in await take(consumer)] == [command(1)]


async def test_a_take_returns_no_more_than_its_limit(bus: Bus) -> None:
    for number in range(5):
        await bus.publish(Queue.COMMANDS, command(number))
    async with bus.consume(Queue.COMMANDS) as consumer:
        first = await take(consumer, 2)
        assert len(first) <= 2
        rest = await take_all(consumer, 5 - len(first), 2)
        assert [*(one.message for one in first), *rest] == [command(n) for n in range(5)]


async def test_a_batch_comes_whole(bus: Bus) -> None:
    async with bus.consume(Queue.COMMANDS) as consumer:
        await bus.publish(Queue.COMMANDS, *map(command, range(5)))
        assert [one.message for one in await take(consumer)] == [command(n) for n in range(5)]


async def test_a_batch_that_does_not_fit_any_more_comes_with_the_next_take(bus: Bus) -> None:
    await bus.publish(Queue.COMMANDS, *map(command, range(3)))
    await bus.publish(Queue.COMMANDS, *map(command, range(3, 6)))
    async with bus.consume(Queue.COMMANDS) as consumer:
        assert [one.message for one in await take(consumer, 5)] == [command(n) for n in range(3)]
        assert [one.message for one in await take(consumer, 5)] == [command(n) for n in range(3, 6)]


async def test_a_batch_larger_than_the_limit_is_not_lost(bus: Bus) -> None:
    await bus.publish(Queue.COMMANDS, *map(command, range(5)))
    async with bus.consume(Queue.COMMANDS) as consumer:
        assert await take_all(consumer, 5, 2) == [command(n) for n in range(5)]


async def test_a_take_waits_for_the_first_message(bus: Bus) -> None:
    async with bus.consume(Queue.COMMANDS) as consumer:
        taking = asyncio.create_task(take(consumer))
        await settled()
        assert not taking.done()
        await bus.publish(Queue.COMMANDS, command(1))
        assert [one.message for one in await taking] == [command(1)]


async def test_a_take_that_was_given_up_loses_nothing(bus: Bus) -> None:
    async with bus.consume(Queue.COMMANDS) as consumer:
        taking = asyncio.create_task(consumer.take(10))
        await settled()
        taking.cancel()
        await bus.publish(Queue.COMMANDS, command(1))
        with pytest.raises(asyncio.CancelledError):
            await taking
        assert [one.message for one in await take(consumer)] == [command(1)]


async def test_what_was_not_acked_goes_to_the_next_consumer_first_and_says_so(bus: Bus) -> None:
    for number in range(4):
        await bus.publish(Queue.COMMANDS, command(number))
    async with bus.consume(Queue.COMMANDS) as consumer:
        await take_all(consumer, 2, 1)
    async with bus.consume(Queue.COMMANDS) as consumer:
        found = [(await take(consumer, 1))[0] for _ in range(4)]
        assert [one.message for one in found] == [command(n) for n in range(4)]
        assert [one.redelivered for one in found] == [True, True, False, False]


async def test_what_was_acked_does_not_come_again(bus: Bus) -> None:
    await bus.publish(Queue.COMMANDS, command(1))
    async with bus.consume(Queue.COMMANDS) as consumer:
        await take(consumer)
        await consumer.ack()
    await bus.publish(Queue.COMMANDS, command(2))
    async with bus.consume(Queue.COMMANDS) as consumer:
        assert [one.message for one in await take(consumer)] == [command(2)]


async def test_a_batch_that_comes_again_is_whole(bus: Bus) -> None:
    await bus.publish(Queue.COMMANDS, *map(command, range(3)))
    async with bus.consume(Queue.COMMANDS) as consumer:
        await take(consumer)
    await bus.publish(Queue.COMMANDS, *map(command, range(3, 6)))
    async with bus.consume(Queue.COMMANDS) as consumer:
        assert [one.message for one in await take(consumer, 4)] == [command(n) for n in range(3)]


async def test_a_consumer_that_fails_gives_back_what_it_had(bus: Bus) -> None:
    await bus.publish(Queue.COMMANDS, command(1))

    async def crash() -> None:
        async with bus.consume(Queue.COMMANDS) as consumer:
            await take(consumer)
            raise RuntimeError("crash")

    with pytest.raises(RuntimeError, match="crash"):
        await crash()
    async with bus.consume(Queue.COMMANDS) as consumer:
        assert [one.redelivered for one in await take(consumer)] == [True]


async def test_one_consumer_of_commands_is_active_and_the_next_follows_it(bus: Bus) -> None:
    active = await bus.consume(Queue.COMMANDS).__aenter__()
    async with bus.consume(Queue.COMMANDS) as standby:
        standing_by = asyncio.create_task(take(standby))
        await settled()
        await bus.publish(Queue.COMMANDS, command(1))
        assert [one.message for one in await take(active)] == [command(1)]
        await settled()
        assert not standing_by.done()
        await active.__aexit__(None, None, None)
        found = await soon(standing_by)
        assert [(one.message, one.redelivered) for one in found] == [(command(1), True)]


async def test_several_reapers_share_the_heartbeats(bus: Bus) -> None:
    async with bus.consume(Queue.HEARTBEATS) as one, bus.consume(Queue.HEARTBEATS) as other:
        taking = [asyncio.create_task(take(each, 1)) for each in (one, other)]
        await settled()
        await bus.publish(Queue.HEARTBEATS, heartbeat(1))
        await bus.publish(Queue.HEARTBEATS, heartbeat(2))
        found = [delivery.message for each in taking for delivery in await soon(each)]
        assert sorted(found, key=repr) == [heartbeat(1), heartbeat(2)]


async def test_a_parked_message_is_kept_with_its_reason_and_does_not_come_again(
    opened: Opened,
) -> None:
    await opened.bus.publish(Queue.COMMANDS, command(1), command(2))
    async with opened.bus.consume(Queue.COMMANDS) as consumer:
        poison, _ = await take(consumer)
        await consumer.park(poison, "unknown kind")
    assert await opened.parked() == [("DrainWorker", "unknown kind")]
    async with opened.bus.consume(Queue.COMMANDS) as consumer:
        assert [one.message for one in await take(consumer)] == [command(2)]
