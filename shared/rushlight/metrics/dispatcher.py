"""What the dispatcher counts: rounds, refusals, what it put aside."""

from collections.abc import Iterable
from datetime import datetime

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

PREFIX = "rushlight_dispatcher"
COMMANDS = (1, 2, 5, 10, 20, 50, 100, 200, 500)
EVENTS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000)
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class DispatcherMetrics:
    """Made once per dispatcher; ``commit`` and ``round_seconds`` have a ``time()`` of their own."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Register all of it."""
        self._commands = Histogram(
            f"{PREFIX}_round_commands", "Commands in a round.", buckets=COMMANDS, registry=registry
        )
        self._events = Histogram(
            f"{PREFIX}_round_events",
            "Events that a round put on the log.",
            buckets=EVENTS,
            registry=registry,
        )
        self.round_seconds = Histogram(
            f"{PREFIX}_round_seconds",
            "Seconds that a round took: decide and write, without telling.",
            buckets=SECONDS,
            registry=registry,
        )
        self.commit = Histogram(
            f"{PREFIX}_commit_seconds",
            "Seconds until a round was on the disk.",
            buckets=SECONDS,
            registry=registry,
        )
        self._last = Gauge(
            f"{PREFIX}_last_round_timestamp_seconds",
            "When the last round was written; 0: none since the start.",
            registry=registry,
        )
        self._failures = Counter(
            f"{PREFIX}_rounds_failed",
            "Rounds that were not written, by code.",
            ["code"],
            registry=registry,
        )
        self._refusals = Counter(
            f"{PREFIX}_refusals", "Refused commands, by code.", ["code"], registry=registry
        )
        self.parked = Counter(
            f"{PREFIX}_commands_parked",
            "Commands that could not be decided and were put aside.",
            registry=registry,
        )

    def round_told(self, at: datetime, *, events: int, refusals: Iterable[str | None]) -> None:
        """A round has been written; ``refusals`` has None for each command that was done."""
        commands = 0
        for code in refusals:
            commands += 1
            if code is not None:
                self._refusals.labels(code).inc()
        self._commands.observe(commands)
        self._events.observe(events)
        self._last.set(at.timestamp())

    def round_failed(self, code: str) -> None:
        """A round was not written."""
        self._failures.labels(code).inc()
