"""Since when a reaper has heard heartbeats without a break; only from there does silence count.

A farm that was suspended, or could not write heartbeats down, has heard nobody, and must not blame
the workers for it. The same holds when the clock leaps: then nobody knows how long it was silent.
"""

from datetime import datetime

import structlog

from rushlight.clock import Clock

BREAK_MAX_S = 5.0
BREAK_SHARE = 0.25
TICKS = 4

_log = structlog.get_logger("rushlight.reaper")


class Listening:
    """Notices breaks while it runs."""

    def __init__(self, clock: Clock, lost_after_s: float) -> None:
        """Listen from now on; a break is a good part of ``lost_after_s``, some seconds at most."""
        self._clock = clock
        self._break_s = min(BREAK_MAX_S, lost_after_s * BREAK_SHARE)
        self._last: tuple[datetime, float] | None = None
        self.since = clock.now()

    async def run(self) -> None:
        """Look at the clock again and again: a look that comes late was a break."""
        self.anew()
        self._last = self._moment()
        while True:
            await self._clock.sleep(self._break_s / TICKS)
            self.note()

    def note(self) -> None:
        """See whether there was a break since the last look; only while it runs."""
        if self._last is None:
            return
        now, elapsed_s = self._moment()
        passed_s = elapsed_s - self._last[1]
        leapt_s = (now - self._last[0]).total_seconds() - passed_s
        if passed_s > self._break_s or leapt_s > self._break_s:
            _log.warning("silence_counts_anew", passed_s=passed_s, clock_leapt_s=leapt_s)
            self.anew()
        self._last = (now, elapsed_s)

    def anew(self) -> None:
        """Nothing was heard until now."""
        self.since = self._clock.now()

    def _moment(self) -> tuple[datetime, float]:
        return self._clock.now(), self._clock.elapsed_s()
