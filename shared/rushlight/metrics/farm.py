"""The farm in numbers, read from its views when somebody asks; nothing is kept in between.

Reads block, so the text is to be made in a thread. A log that does not answer is a number, too: the
rest of the metrics is told all the same.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

import structlog
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from rushlight.clock import Clock
from rushlight.errors import LogError

STATUSES = ("pending", "rendering", "completed", "failed", "cancelled", "paused")
PRIORITIES = ("RUSH", "HIGH", "MEDIUM", "LOW")
WORKER_STATUSES = ("requested", "ready", "busy", "draining", "offline", "failed")
_log = structlog.get_logger("rushlight.metrics")


class Heard(Protocol):
    """When a worker was heard."""

    @property
    def worker_id(self) -> str:
        """Whose."""
        ...

    @property
    def seen_at(self) -> datetime:
        """When."""
        ...


class Views(Protocol):
    """What is counted of the views."""

    def census(self) -> Mapping[str, Any]:
        """``{tasks, waiting, oldest, workers, here}``; see ``rushlight.eventlog.views``."""
        ...


class Log(Protocol):
    """What is read of the log."""

    @property
    def views(self) -> Views:
        """Its views."""
        ...

    def head(self) -> int:
        """The last position."""
        ...

    def size_bytes(self) -> int:
        """What it takes of its disk."""
        ...


class Liveness(Protocol):
    """What is read of the heartbeats."""

    def rows(self) -> Sequence[Heard]:
        """Of every worker."""
        ...


@dataclass(frozen=True, slots=True)
class FarmCollector(Collector):
    """Reads the farm at each scrape."""

    log: Log
    liveness: Liveness
    clock: Clock
    commands_waiting: Callable[[], int | None]
    mailboxes: Callable[[], int]
    streams: Callable[[], int]

    def describe(self) -> list[Metric]:
        """Nothing: to register a farm shall not read it."""
        return []

    def collect(self) -> Iterator[Metric]:
        """All gauges of the farm; without those of the log where it does not answer."""
        yield _gauge("rushlight_mailboxes_open", "Mailboxes of agents.", self.mailboxes())
        help_text = "Streams of events that are open."
        yield _gauge("rushlight_streams_open", help_text, self.streams())
        waiting = self.commands_waiting()
        if waiting is not None:
            help_text = "Commands that wait for the dispatcher."
            yield _gauge("rushlight_commands_waiting", help_text, waiting)
        try:
            read = list(self._read())
        except LogError as error:
            _log.warning("farm_not_counted", code=error.code, detail=str(error))
            read = []
        yield _gauge("rushlight_log_readable", "1: the log could be read just now.", bool(read))
        yield from read

    def _read(self) -> Iterator[Metric]:
        census = self.log.views.census()
        now = self.clock.now()
        yield _by("rushlight_tasks", "Tasks, by status.", "status", STATUSES, census["tasks"])
        yield _by(
            "rushlight_tasks_waiting",
            "Pending tasks, by priority.",
            "priority",
            PRIORITIES,
            census["waiting"],
        )
        yield _by(
            "rushlight_tasks_waiting_oldest_seconds",
            "Age of the pending task that was submitted first, by priority; 0: none waits.",
            "priority",
            PRIORITIES,
            {name: _age_s(at, now) for name, at in census["oldest"].items()},
        )
        yield _by(
            "rushlight_workers", "Workers, by status.", "status", WORKER_STATUSES, census["workers"]
        )
        here = census["here"]
        heard = [row.seen_at for row in self.liveness.rows() if row.worker_id in here]
        silence_s = max((_age_s(at, now) for at in heard), default=0.0)
        help_text = "Since the last heartbeat of the worker that was silent longest; 0: no worker."
        yield _gauge("rushlight_workers_silent_seconds", help_text, silence_s)
        yield _gauge("rushlight_log_position", "The last position on the log.", self.log.head())
        help_text = "Bytes of the log with its views."
        yield _gauge("rushlight_log_bytes", help_text, self.log.size_bytes())


def _gauge(name: str, help_text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, help_text, value=float(value))


def _by(
    name: str, help_text: str, label: str, known: Sequence[str], values: Mapping[str, float]
) -> GaugeMetricFamily:
    """One sample per known name, 0 where there is none: a line that vanishes alerts nobody."""
    family = GaugeMetricFamily(name, help_text, labels=[label])
    for one in (*known, *sorted(values.keys() - set(known))):
        family.add_metric([one], float(values.get(one, 0)))
    return family


def _age_s(at: datetime, now: datetime) -> float:
    return max(0.0, (now - at).total_seconds())
