"""Messages for agents over a real local bus: numbered, kept until acknowledged, never lost."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import anyio
import pytest

from rushlight.bus.local import LocalBus
from rushlight.bus.port import WorkerQueue
from rushlight.clock import SystemClock
from rushlight.messages.work import Stop
from rushlight_api.mailboxes import Mailbox, Mailboxes

QUEUE = WorkerQueue("alpha", "i1")


def stop(number: int) -> Stop:
    return Stop(task_id=UUID(int=number), attempt=1, reason="cancelled")


@pytest.fixture
async def bus() -> AsyncIterator[LocalBus]:
    bus = LocalBus(SystemClock())
    yield bus
    await bus.close()


@pytest.fixture
async def boxes(bus: LocalBus) -> AsyncIterator[Mailboxes]:
    boxes = Mailboxes(bus)
    yield boxes
    await boxes.close()


async def read(box: Mailbox, after: int, count: int) -> list[tuple[int, int]]:
    """Numbers and tasks of ``count`` messages, as soon as they are there."""
    with anyio.fail_after(5):
        while True:
            news = box.news()
            shown = box.read(after)
            if len(shown) >= count:
                return [(seq, message.task_id.int) for seq, message in shown]  # type: ignore[attr-defined]
            await news.wait()


async def test_messages_are_numbered_from_one(bus: LocalBus, boxes: Mailboxes) -> None:
    box = await boxes.open("alpha", "i1")
    await bus.publish(QUEUE, stop(11))
    await bus.publish(QUEUE, stop(12))

    assert await read(box, 0, 2) == [(1, 11), (2, 12)]


async def test_what_was_not_acknowledged_is_shown_again(bus: LocalBus, boxes: Mailboxes) -> None:
    box = await boxes.open("alpha", "i1")
    await bus.publish(QUEUE, stop(11), stop(12), stop(13))
    await read(box, 0, 3)

    assert await read(box, 1, 2) == [(2, 12), (3, 13)]
    assert await read(box, 1, 2) == [(2, 12), (3, 13)]


async def test_an_old_acknowledgement_takes_nothing_back(bus: LocalBus, boxes: Mailboxes) -> None:
    box = await boxes.open("alpha", "i1")
    await bus.publish(QUEUE, stop(11), stop(12), stop(13))
    await read(box, 0, 3)
    await read(box, 2, 1)

    assert await read(box, 1, 1) == [(3, 13)]


@pytest.mark.parametrize("after", [1, 2, 7])
async def test_numbers_of_a_process_before_this_one_acknowledge_nothing_of_this_one(
    bus: LocalBus, boxes: Mailboxes, after: int
) -> None:
    """Two messages wait here before the agent, which had seen ``after`` of another API, polls."""
    box = await boxes.open("alpha", "i1")
    await bus.publish(QUEUE, stop(11), stop(12))
    with anyio.fail_after(5):
        while not box._messages:
            await box.news().wait()

    assert await read(box, after, 2) == [(after + 1, 11), (after + 2, 12)]
    assert await read(box, after + 1, 1) == [(after + 2, 12)]


async def test_a_number_that_was_never_given_acknowledges_nothing(
    bus: LocalBus, boxes: Mailboxes
) -> None:
    box = await boxes.open("alpha", "i1")
    await bus.publish(QUEUE, stop(11))
    await read(box, 0, 1)

    assert await read(box, 9, 1) == [(10, 11)]


async def test_what_was_not_acknowledged_goes_back_to_the_bus_when_the_box_closes(
    bus: LocalBus, boxes: Mailboxes
) -> None:
    await read_one(bus, await boxes.open("alpha", "i1"))
    await boxes.close()

    async with bus.consume(QUEUE) as consumer:
        with anyio.fail_after(5):
            [delivery] = await consumer.take(10)
    assert delivery.redelivered


async def read_one(bus: LocalBus, box: Mailbox) -> None:
    await bus.publish(QUEUE, stop(11))
    await read(box, 0, 1)


async def test_what_was_acknowledged_does_not_come_again(bus: LocalBus, boxes: Mailboxes) -> None:
    box = await boxes.open("alpha", "i1")
    await read_one(bus, box)
    box.read(1)
    with anyio.fail_after(5):
        while bus.queue(QUEUE).taken:
            await anyio.sleep(0)
    await boxes.close()

    assert bus.queue(QUEUE).waiting == 0


async def test_a_new_instance_ends_the_mailbox_of_the_old_one(
    bus: LocalBus, boxes: Mailboxes
) -> None:
    old = await boxes.open("alpha", "i1")
    new = await boxes.open("alpha", "i2")
    boxes.keep_only("alpha", "i2")

    assert (old.closed.is_set(), new.closed.is_set()) == (True, False)


async def test_the_queues_of_agents_that_are_there_exist_after_a_start(
    bus: LocalBus, boxes: Mailboxes
) -> None:
    rows: list[dict[str, Any]] = [
        {"worker_id": "alpha", "mode": "push", "instance": "i1", "status": "busy"},
        {"worker_id": "beta", "mode": "pull", "instance": None, "status": "ready"},
        {"worker_id": "gamma", "mode": "push", "instance": "i3", "status": "offline"},
    ]
    await boxes.open_all(rows)

    assert [boxes.serves(row["worker_id"]) for row in rows] == [True, False, False]
    await bus.publish(QUEUE, stop(1))
