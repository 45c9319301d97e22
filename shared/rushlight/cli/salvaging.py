"""Saves the whole rounds of a damaged log and makes its views; ``rushlight audit salvage``."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rushlight.clock import SystemClock
from rushlight.domain import EVENTS
from rushlight.domain.term import CHAIN_START, RoundClosed, chain, closing_bytes
from rushlight.eventlog.audit import rebuild
from rushlight.eventlog.log import Raw
from rushlight.eventlog.salvage import salvage


def salvage_rounds(damaged: Path, new: Path) -> dict[str, Any]:
    """Copy rounds as long as each is chained to the one before; what was kept, and why not more.

    Raises:
        LogError: a farm runs on ``damaged``, or ``new`` cannot be written.
        NotFound: there is no log in ``damaged``.
    """
    report = salvage(
        damaged,
        new,
        is_round_end=lambda topic: topic == RoundClosed.TOPIC,
        check_round=_Chain().fault,
        clock=SystemClock(),
    )
    tasks, workers = rebuild(new)
    return {**asdict(report), "tasks": tasks, "workers": workers}


class _Chain:
    """Follows the rounds of a log."""

    def __init__(self) -> None:
        self._digest = CHAIN_START

    def fault(self, stored: Sequence[Raw]) -> str | None:
        """What is wrong with the next round; None: nothing."""
        position, stream, version, topic, state = stored[-1]
        closing = EVENTS[topic].decode(stream, version, state)
        if not isinstance(closing, RoundClosed):
            return f"position {position} does not close a round"
        events = [(one[3], one[1], one[2], one[4]) for one in stored[:-1]]
        whole = chain(closing.previous, events, closing_bytes(closing)) == closing.digest
        if closing.previous != self._digest or not whole:
            return f"round {closing.number}, which ends at position {position}, breaks the chain"
        self._digest = closing.digest
        return None
