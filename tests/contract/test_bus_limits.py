"""Full queues, and queues of workers."""

import pytest
from tests.contract.bus_adapters import COMMANDS_MAX, HEARTBEATS_MAX, WORKER_MESSAGES_MAX, Opened
from tests.contract.bus_words import DEADLINE_S, WORKER, command, heartbeat, stop, take, take_all

from rushlight.bus.port import Bus, Queue, WorkerQueue
from rushlight.errors import BusFull, Unroutable


async def test_a_full_command_queue_refuses_and_keeps_what_it_has(bus: Bus) -> None:
    for number in range(COMMANDS_MAX):
        await bus.publish(Queue.COMMANDS, command(number))
    with pytest.raises(BusFull):
        await bus.publish(Queue.COMMANDS, command(99))
    async with bus.consume(Queue.COMMANDS) as consumer:
        found = await take_all(consumer, COMMANDS_MAX)
        assert found == [command(number) for number in range(COMMANDS_MAX)]
        await consumer.ack()
        await bus.publish(Queue.COMMANDS, command(100))
        assert [one.message for one in await take(consumer)] == [command(100)]


async def test_a_full_command_queue_refuses_requests_too(bus: Bus) -> None:
    for number in range(COMMANDS_MAX):
        await bus.publish(Queue.COMMANDS, command(number))
    with pytest.raises(BusFull):
        await bus.request(Queue.COMMANDS, command(99), timeout_s=DEADLINE_S)


async def test_a_full_heartbeat_queue_drops_its_oldest(bus: Bus) -> None:
    for number in range(HEARTBEATS_MAX + 3):
        await bus.publish(Queue.HEARTBEATS, heartbeat(number))
    async with bus.consume(Queue.HEARTBEATS) as consumer:
        found = await take_all(consumer, HEARTBEATS_MAX)
        assert found == [heartbeat(number) for number in range(3, HEARTBEATS_MAX + 3)]


async def test_a_full_worker_queue_refuses(bus: Bus) -> None:
    await bus.declare(WORKER)
    for number in range(WORKER_MESSAGES_MAX):
        await bus.publish(WORKER, stop(number))
    with pytest.raises(BusFull):
        await bus.publish(WORKER, stop(99))


async def test_a_worker_queue_that_nobody_declared_is_unroutable(bus: Bus) -> None:
    with pytest.raises(Unroutable):
        await bus.publish(WORKER, stop(1))
    with pytest.raises(Unroutable):
        await bus.request(WORKER, stop(1), timeout_s=DEADLINE_S)


async def test_each_instance_has_a_queue_of_its_own(bus: Bus) -> None:
    await bus.declare(WORKER)
    with pytest.raises(Unroutable):
        await bus.publish(WorkerQueue("w1", "b"), stop(1))
    await bus.publish(WORKER, stop(1), stop(2))
    async with bus.consume(WORKER) as consumer:
        assert [one.message for one in await take(consumer)] == [stop(1), stop(2)]


async def test_declaring_again_keeps_what_waits(bus: Bus) -> None:
    await bus.declare(WORKER)
    await bus.publish(WORKER, stop(1))
    await bus.declare(WORKER)
    async with bus.consume(WORKER) as consumer:
        assert [one.message for one in await take(consumer)] == [stop(1)]


async def test_an_unused_worker_queue_expires(opened: Opened) -> None:
    await opened.bus.declare(WORKER)
    await opened.unused()
    with pytest.raises(Unroutable):
        await opened.bus.publish(WORKER, stop(1))


async def test_a_worker_queue_that_expired_is_empty_when_it_is_declared_again(
    opened: Opened,
) -> None:
    await opened.bus.declare(WORKER)
    await opened.bus.publish(WORKER, stop(1))
    await opened.unused()
    await opened.bus.declare(WORKER)
    await opened.bus.publish(WORKER, stop(2))
    async with opened.bus.consume(WORKER) as consumer:
        assert [one.message for one in await take(consumer)] == [stop(2)]


async def test_a_consumed_worker_queue_does_not_expire(opened: Opened) -> None:
    await opened.bus.declare(WORKER)
    async with opened.bus.consume(WORKER) as consumer:
        await opened.unused()
        await opened.bus.publish(WORKER, stop(1))
        assert [one.message for one in await take(consumer)] == [stop(1)]


async def test_what_a_lost_poll_had_taken_comes_again_first(bus: Bus) -> None:
    await bus.declare(WORKER)
    await bus.publish(WORKER, stop(1))
    async with bus.consume(WORKER) as consumer:
        await take(consumer)
    await bus.publish(WORKER, stop(2))
    async with bus.consume(WORKER) as consumer:
        assert await take_all(consumer, 2) == [stop(1), stop(2)]


async def test_what_waits_is_counted_until_somebody_takes_it(bus: Bus) -> None:
    await bus.publish(Queue.COMMANDS, command(1), command(2))
    assert bus.waiting(Queue.COMMANDS) in (2, None)
    async with bus.consume(Queue.COMMANDS) as consumer:
        await take(consumer)
        assert bus.waiting(Queue.COMMANDS) in (0, None)
        await consumer.ack()
