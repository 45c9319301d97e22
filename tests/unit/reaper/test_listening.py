"""Silence counts only while somebody listened: what is a break, and what is none."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from rushlight.testing import START, ManualClock
from rushlight_reaper.listening import Listening

LOST_AFTER_S = 90


class LeapingClock(ManualClock):
    """Its time of day can be set, as on a machine."""

    def leap(self, seconds: float) -> None:
        """Set it; no time passes."""
        self._now += timedelta(seconds=seconds)
        self._start += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> LeapingClock:
    return LeapingClock()


@pytest.fixture
async def listening(clock: LeapingClock) -> AsyncIterator[Listening]:
    """One that runs."""
    one = Listening(clock, LOST_AFTER_S)
    running = asyncio.create_task(one.run())
    await asyncio.sleep(0)
    yield one
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def pass_time(clock: ManualClock, seconds: int) -> None:
    """A process that runs: its timers wake in time."""
    for _ in range(seconds):
        clock.advance(1)
        await asyncio.sleep(0)
        await asyncio.sleep(0)


async def test_while_it_runs_it_listens(clock: LeapingClock, listening: Listening) -> None:
    await pass_time(clock, 600)
    assert listening.since == START


async def test_a_suspended_process_has_not_listened(
    clock: LeapingClock, listening: Listening
) -> None:
    await pass_time(clock, 100)
    clock.advance(LOST_AFTER_S)
    listening.note()
    assert listening.since == clock.now()


async def test_it_finds_a_break_itself_and_goes_on(
    clock: LeapingClock, listening: Listening
) -> None:
    clock.advance(LOST_AFTER_S)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert listening.since == clock.now()
    await pass_time(clock, 100)
    assert listening.since == clock.now() - timedelta(seconds=100)


async def test_a_leap_of_the_clock_is_no_silence(clock: LeapingClock, listening: Listening) -> None:
    await pass_time(clock, 100)
    clock.leap(3600)
    listening.note()
    assert listening.since == clock.now()


def test_where_it_does_not_run_somebody_else_holds_the_clock(clock: LeapingClock) -> None:
    one = Listening(clock, LOST_AFTER_S)
    clock.advance(3600)
    one.note()
    assert one.since == START
