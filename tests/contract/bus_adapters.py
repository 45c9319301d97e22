"""The adapters that have to pass the bus contract, each opened with the limits of the suite.

A new adapter adds its opener to ``ADAPTERS``. ``unused`` lets ``UNUSED_S`` pass for its queues.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from rushlight.bus.local import LocalBus, LocalLimits
from rushlight.bus.port import Bus

COMMANDS_MAX = 20
HEARTBEATS_MAX = 5
WORKER_MESSAGES_MAX = 8
SUBSCRIBER_EVENTS_MAX = 10
UNUSED_S = 120


@dataclass(frozen=True)
class Opened:
    """A bus, and what the suite needs to see of it that the port does not show."""

    bus: Bus
    unused: Callable[[], Awaitable[None]]
    parked: Callable[[], Awaitable[list[tuple[str, str]]]]


class StandingClock:
    """Moves only when told to."""

    def __init__(self) -> None:
        self.elapsed = 0.0

    def now(self) -> datetime:
        return datetime(2026, 5, 4, tzinfo=UTC) + timedelta(seconds=self.elapsed)

    def elapsed_s(self) -> float:
        return self.elapsed

    async def sleep(self, seconds: float) -> None:
        self.elapsed += seconds


@asynccontextmanager
async def open_local() -> AsyncIterator[Opened]:
    """In this process."""
    clock = StandingClock()
    limits = LocalLimits(
        commands_max=COMMANDS_MAX,
        heartbeats_max=HEARTBEATS_MAX,
        worker_messages_max=WORKER_MESSAGES_MAX,
        worker_queue_expires_s=UNUSED_S,
        subscriber_events_max=SUBSCRIBER_EVENTS_MAX,
    )
    bus = LocalBus(clock, limits)

    async def unused() -> None:
        await clock.sleep(UNUSED_S)

    async def parked() -> list[tuple[str, str]]:
        return [(one.message.kind(), one.reason) for one in bus.parked()]

    yield Opened(bus, unused, parked)
    await bus.close()


ADAPTERS: dict[str, Callable[[], AbstractAsyncContextManager[Opened]]] = {"local": open_local}
