"""What may be published, and when, on a clock that the test moves."""

import asyncio
from datetime import UTC, datetime

import pytest
from tests.unit.worker.test_lease import answer

from rushlight_worker.gate import Gate
from rushlight_worker.lease import Standing


class HandClock:
    """Moves only when told to."""

    def __init__(self) -> None:
        self.s = 1000.0

    def now(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC)

    def elapsed_s(self) -> float:
        return self.s

    async def sleep(self, seconds: float) -> None:
        self.s += seconds


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


def test_it_is_closed_until_a_heartbeat_is_answered(clock: HandClock) -> None:
    gate = Gate(clock)
    assert not gate.is_open()

    gate.renew(clock.s, answer())

    assert gate.is_open()


def test_it_closes_by_the_clock_alone(clock: HandClock) -> None:
    gate = Gate(clock)
    gate.renew(clock.s, answer())
    clock.s += 60

    assert gate.standing() is Standing.FENCED


def test_an_answer_that_took_longer_than_the_lease_does_not_open_it(clock: HandClock) -> None:
    gate = Gate(clock)
    sent_s = clock.s
    clock.s += 61

    gate.renew(sent_s, answer())

    assert not gate.is_open()


def test_a_stale_answer_closes_it_at_once(clock: HandClock) -> None:
    gate = Gate(clock)
    gate.renew(clock.s, answer())

    gate.close()

    assert not gate.is_open()


async def test_who_waits_goes_on_when_it_opens(clock: HandClock) -> None:
    gate = Gate(clock)
    waiting = asyncio.create_task(gate.opened())
    await asyncio.sleep(0)
    assert not waiting.done()

    gate.renew(clock.s, answer())

    await asyncio.wait_for(waiting, 5)
