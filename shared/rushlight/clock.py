"""The only place that asks what time it is; everything else takes the time as an argument.

Wall-clock times are for records and rules, ``elapsed_s`` is for leases: it goes on while the
machine sleeps or the process is stopped, and never jumps.
"""

import asyncio
import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """What time it is, and waiting."""

    def now(self) -> datetime:
        """The time in UTC."""
        ...

    def elapsed_s(self) -> float:
        """Seconds since some fixed point, counting suspension."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait for ``seconds`` of this clock."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        """The time in UTC, to the microsecond."""
        return datetime.now(UTC)

    def elapsed_s(self) -> float:
        """Seconds since the machine started (``CLOCK_BOOTTIME``: suspension counts)."""
        return time.clock_gettime(time.CLOCK_BOOTTIME)

    async def sleep(self, seconds: float) -> None:
        """Wait for ``seconds``; a negative number does not wait."""
        await asyncio.sleep(max(0.0, seconds))
