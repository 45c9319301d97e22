"""How long a farm that does not answer is waited for, and when it is asked again.

A farm that restarts is away for seconds; one that is away for ``OUTAGE_MAX_S`` may not come back,
and whoever waits shall hear that.
"""

import time
from collections.abc import Callable
from typing import TypeVar

from rushlight.clock import SystemClock
from rushlight.errors import LogError, RushlightError, Unavailable

T = TypeVar("T")
Told = Callable[[RushlightError | None], None]
OUTAGE_MAX_S = 120.0
WAITS_S = (0.2, 0.5, 1.0, 2.0)
TOO_MANY_REQUESTS = 429


def passes(error: RushlightError) -> bool:
    """Whether the same request may succeed later without anybody doing anything about it."""
    if isinstance(error, Unavailable | LogError):
        return True
    return error.facts.get("status") == TOO_MANY_REQUESTS


class Patience:
    """Counts from the last answer of a farm."""

    def __init__(self) -> None:
        """It has answered just now."""
        self._clock = SystemClock()
        self.answered()

    def answered(self) -> None:
        """It answers."""
        self._answered_s = self._clock.elapsed_s()
        self._failures = 0

    def wait_s(self, error: RushlightError) -> float:
        """It has failed with ``error``; after so many seconds it may be asked again.

        Raises:
            RushlightError: ``error``, when it does not pass, or has not for ``OUTAGE_MAX_S``.
        """
        silent_s = self._clock.elapsed_s() - self._answered_s
        if not passes(error) or silent_s > OUTAGE_MAX_S:
            raise error
        wait_s = WAITS_S[min(self._failures, len(WAITS_S) - 1)]
        self._failures += 1
        return wait_s


def patiently(call: Callable[[], T], *, told: Told) -> T:
    """What ``call`` gives, also where it takes several turns; ``told`` hears of the others.

    Raises:
        RushlightError: that of ``call``, when it does not pass.
    """
    patience = Patience()
    while True:
        try:
            found = call()
        except RushlightError as error:
            wait_s = patience.wait_s(error)
            told(error)
            time.sleep(wait_s)
        else:
            told(None)
            return found
