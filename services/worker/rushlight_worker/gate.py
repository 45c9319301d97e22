"""The gate that every rename and every report passes: open while the lease is held.

It tells no one to stop; who waits here simply does not publish. ``is_open`` may be asked from any
thread, so that the question stands right before the rename it is about.
"""

import asyncio

from rushlight.clock import Clock
from rushlight.messages.work import HeartbeatAnswer
from rushlight_worker.lease import Lease, Standing, renewed

# A machine that sleeps stops the loop's timers but not the lease: look again at least so often.
LOOK_S = 2.0


class LeaseOver(Exception):
    """The lease ended long ago: what ran under it is given up."""


class Gate:
    """Closed until the first answered heartbeat."""

    def __init__(self, clock: Clock) -> None:
        """Measure the lease on ``clock``."""
        self._clock = clock
        self._lease: Lease | None = None
        self._renewed = asyncio.Event()

    def renew(self, sent_s: float, answer: HeartbeatAnswer) -> None:
        """The heartbeat sent at ``sent_s`` was answered ``ok``."""
        self._lease = renewed(self._lease, sent_s, answer)
        self._renewed.set()
        self._renewed = asyncio.Event()

    def close(self) -> None:
        """The farm does not know this instance any more: nothing is published from now on."""
        self._lease = None

    def standing(self) -> Standing:
        """What the lease allows now."""
        if self._lease is None:
            return Standing.FENCED
        return self._lease.standing(self._clock.elapsed_s())

    def is_open(self) -> bool:
        """Whether something may be published right now."""
        return self.standing() is Standing.HELD

    async def change(self) -> None:
        """Wait until the standing may have changed."""
        renewal = self._renewed
        due_s = LOOK_S
        if self._lease is not None:
            due_s = min(due_s, self._lease.next_change_s(self._clock.elapsed_s()))
        try:
            await asyncio.wait_for(renewal.wait(), due_s)
        except TimeoutError:
            return

    async def opened(self) -> None:
        """Wait until something may be published."""
        while not self.is_open():
            await self.change()
