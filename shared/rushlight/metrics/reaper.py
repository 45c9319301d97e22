"""What a reaper counts: sweeps, what it found due, heartbeats."""

from datetime import datetime

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

PREFIX = "rushlight_reaper"
SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
ANSWERS = ("ok", "stale", "unanswered")


class ReaperMetrics:
    """Made once per reaper."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Register all of it."""
        self.sweep_seconds = Histogram(
            f"{PREFIX}_sweep_seconds",
            "Seconds that a sweep took, with the outcomes of what it sent.",
            buckets=SECONDS,
            registry=registry,
        )
        self._last = Gauge(
            f"{PREFIX}_last_sweep_timestamp_seconds",
            "When the last sweep was finished; 0: none since the start.",
            registry=registry,
        )
        self._sweeps = Counter(f"{PREFIX}_sweeps", "Finished sweeps.", registry=registry)
        self._failures = Counter(
            f"{PREFIX}_sweeps_failed",
            "Sweeps that were put off, by code.",
            ["code"],
            registry=registry,
        )
        self._emitted = Counter(
            f"{PREFIX}_emitted",
            "What was due and decided so, by the kind of the command and its outcome.",
            ["kind", "outcome"],
            registry=registry,
        )
        self.condemned = Counter(
            f"{PREFIX}_condemned", "Instances condemned for their silence.", registry=registry
        )
        self._heartbeats = Counter(
            f"{PREFIX}_heartbeats", "Heartbeats, by answer.", ["answer"], registry=registry
        )
        for answer in ANSWERS:
            self._heartbeats.labels(answer)

    def swept(self, at: datetime) -> None:
        """A sweep is finished."""
        self._sweeps.inc()
        self._last.set(at.timestamp())

    def put_off(self, code: str) -> None:
        """A sweep has failed; the next one tries again."""
        self._failures.labels(code).inc()

    def emitted(self, kind: str, outcome: str) -> None:
        """Something due was sent and answered: ``done`` or ``refused``."""
        self._emitted.labels(kind, outcome).inc()

    def heartbeat(self, answer: str) -> None:
        """A heartbeat was answered, or could not be."""
        self._heartbeats.labels(answer).inc()
