"""The only place that asks what time it is; everything else takes the time as an argument.

Wall-clock times are for records and rules, ``elapsed_s`` is for leases: it goes on while the
machine sleeps or the process is stopped, and never jumps.
"""

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """What time it is, and waiting."""

    def now(self) -> datetime:
        """The time in UTC; it never goes back."""
        ...

    def elapsed_s(self) -> float:
        """Seconds since some fixed point, counting suspension."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait for ``seconds`` of this clock."""
        ...


class FarmClock(Clock, Protocol):
    """A clock that can be told what time it was."""

    def not_before(self, moment: datetime) -> None:
        """From here on it is that time at least, and goes on from there."""
        ...


class SystemClock:
    """The machine's own clock.

    Where the machine's time is set back, this one goes on at its pace until the other has caught
    up: rules that compare times would rest until then otherwise, and nobody would be lost.
    """

    _ahead_ns = 0

    def now(self) -> datetime:
        """The time in UTC, to the microsecond."""
        wall_ns = time.time_ns()
        elapsed_ns = _elapsed_ns()
        self._ahead_ns = max(self._ahead_ns, wall_ns - elapsed_ns)
        return _EPOCH + timedelta(microseconds=(elapsed_ns + self._ahead_ns) // 1000)

    def not_before(self, moment: datetime) -> None:
        """Go on from ``moment``, if that has not come yet: the log knows a later time."""
        moment_ns = (moment - _EPOCH) // timedelta(microseconds=1) * 1000
        self._ahead_ns = max(self._ahead_ns, moment_ns - _elapsed_ns())

    def elapsed_s(self) -> float:
        """Seconds since the machine started (``CLOCK_BOOTTIME``: suspension counts)."""
        return _elapsed_ns() / 1e9

    async def sleep(self, seconds: float) -> None:
        """Wait for ``seconds``; a negative number does not wait."""
        import asyncio  # noqa: PLC0415 - the command line asks the time, and has no loop

        await asyncio.sleep(max(0.0, seconds))


def _elapsed_ns() -> int:
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
