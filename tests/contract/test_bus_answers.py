"""Requests and replies, events, and the end of the bus."""

import asyncio

import pytest
from tests.contract.bus_adapters import SUBSCRIBER_EVENTS_MAX
from tests.contract.bus_words import (
    DEADLINE_S,
    WORKER,
    command,
    event,
    heartbeat,
    outcome,
    settled,
    soon,
    take,
)

from rushlight.bus.port import Bus, Queue, Subscriber
from rushlight.errors import BusClosed, NoAnswer
from rushlight.messages.base import Message
from rushlight.messages.commands import DrainWorker


async def test_a_request_gets_its_own_reply(bus: Bus) -> None:
    asking = [
        asyncio.create_task(bus.request(Queue.COMMANDS, command(n), timeout_s=DEADLINE_S))
        for n in range(3)
    ]
    async with bus.consume(Queue.COMMANDS) as consumer:
        answered = 0
        while answered < 3:
            for one in reversed(await take(consumer)):
                assert isinstance(one.message, DrainWorker)
                await one.reply(outcome(one.message.command_id.int))
                answered += 1
        assert await soon(asyncio.gather(*asking)) == [outcome(0), outcome(1), outcome(2)]


async def test_a_request_without_an_answer_ends_in_time_and_the_message_stays(bus: Bus) -> None:
    with pytest.raises(NoAnswer, match="may still take effect"):
        await bus.request(Queue.COMMANDS, command(1), timeout_s=0.01)
    async with bus.consume(Queue.COMMANDS) as consumer:
        (late,) = await take(consumer)
        assert late.message == command(1)
        await late.reply(outcome(1))


async def test_a_request_that_comes_again_can_be_answered_by_the_next_consumer(bus: Bus) -> None:
    asking = asyncio.create_task(bus.request(Queue.COMMANDS, command(1), timeout_s=DEADLINE_S))
    async with bus.consume(Queue.COMMANDS) as consumer:
        await take(consumer)
    async with bus.consume(Queue.COMMANDS) as consumer:
        (again,) = await take(consumer)
        await again.reply(outcome(1))
    assert await soon(asking) == outcome(1)


async def test_a_reply_to_what_was_only_published_has_no_effect(bus: Bus) -> None:
    await bus.publish(Queue.COMMANDS, command(1))
    async with bus.consume(Queue.COMMANDS) as consumer:
        (one,) = await take(consumer)
        await one.reply(outcome(1))
        await consumer.ack()
        await bus.publish(Queue.COMMANDS, command(2))
        assert [one.message for one in await take(consumer)] == [command(2)]


async def test_a_second_reply_changes_nothing(bus: Bus) -> None:
    asking = asyncio.create_task(bus.request(Queue.COMMANDS, command(1), timeout_s=DEADLINE_S))
    async with bus.consume(Queue.COMMANDS) as consumer:
        (one,) = await take(consumer)
        await one.reply(outcome(1))
        await one.reply(outcome(2))
    assert await soon(asking) == outcome(1)


async def hear(subscriber: Subscriber, count: int) -> list[Message]:
    return [await soon(subscriber.next()) for _ in range(count)]


async def test_every_subscriber_hears_every_event_from_its_start(bus: Bus) -> None:
    async with bus.subscribe() as first:
        await bus.announce(event(1))
        async with bus.subscribe() as second:
            await bus.announce(event(2), event(3))
            assert await hear(first, 3) == [event(1), event(2), event(3)]
            assert await hear(second, 2) == [event(2), event(3)]


async def test_events_without_subscribers_are_no_error(bus: Bus) -> None:
    await soon(bus.announce(event(1)))


async def test_a_slow_subscriber_loses_the_oldest(bus: Bus) -> None:
    async with bus.subscribe() as slow:
        last = SUBSCRIBER_EVENTS_MAX + 5
        for number in range(1, last + 1):
            await bus.announce(event(number))
        heard = await hear(slow, SUBSCRIBER_EVENTS_MAX)
        assert heard == [event(number) for number in range(6, last + 1)]


async def test_closing_wakes_everybody_who_waits(bus: Bus) -> None:
    await bus.declare(WORKER)
    async with (
        bus.consume(Queue.COMMANDS) as active,
        bus.consume(Queue.COMMANDS) as standby,
        bus.consume(WORKER) as worker,
        bus.subscribe() as subscriber,
    ):
        waiting = [
            asyncio.create_task(active.take(1)),
            asyncio.create_task(standby.take(1)),
            asyncio.create_task(worker.take(1)),
            asyncio.create_task(subscriber.next()),
            asyncio.create_task(bus.request(Queue.HEARTBEATS, heartbeat(1), timeout_s=60)),
        ]
        await settled()
        await bus.close()
        ends = await soon(asyncio.gather(*waiting, return_exceptions=True))
    assert [type(end) for end in ends] == [BusClosed] * 5


async def test_a_request_that_was_taken_ends_with_the_bus(bus: Bus) -> None:
    asking = asyncio.create_task(bus.request(Queue.COMMANDS, command(1), timeout_s=60))
    async with bus.consume(Queue.COMMANDS) as consumer:
        await take(consumer)
        await bus.close()
        with pytest.raises(BusClosed):
            await soon(asking)


async def test_a_closed_bus_takes_nothing_more(bus: Bus) -> None:
    await bus.close()
    with pytest.raises(BusClosed):
        await bus.publish(Queue.COMMANDS, command(1))
    with pytest.raises(BusClosed):
        await bus.request(Queue.COMMANDS, command(1), timeout_s=1)
    with pytest.raises(BusClosed):
        await bus.declare(WORKER)
    with pytest.raises(BusClosed):
        await bus.announce(event(1))
