"""The reaper's loops: heartbeats, sweeps, and starting workers that were requested.

A sweep reads the views, sends what is due, waits for the outcomes, and looks again until nothing is
due: so a lost worker, its task's failure and its retry are one sweep. Several reapers do no harm:
the dispatcher folds a message only if its rule still holds there.
"""

import asyncio
import contextlib
from collections.abc import Iterator
from typing import Any, Protocol
from uuid import UUID, uuid4

import structlog
from prometheus_client import CollectorRegistry

from rushlight.bus.port import Bus, Queue
from rushlight.clock import Clock
from rushlight.domain import Farm
from rushlight.errors import BusClosed, LogError, Unavailable
from rushlight.eventlog.liveness import Liveness
from rushlight.messages.commands import ClaimWorker, Command
from rushlight.messages.outcomes import Outcome
from rushlight.metrics.reaper import ReaperMetrics
from rushlight.settings import FarmSettings
from rushlight_reaper.listening import Listening
from rushlight_reaper.pulse import Pulses
from rushlight_reaper.sweep import REAPER, Pulse, due_messages, overdue

LOOKS_MAX = 8
SENT_AT_ONCE_MAX = 500
OUTCOME_WAIT_S = 30.0
# Without a sweep for so many periods, and this long at least, a reaper is not well.
LATE_PERIODS = 3
LATE_MIN_S = 10.0

logger = structlog.get_logger()


class ReadsViews(Protocol):
    """What is read of the views."""

    def live_tasks(self) -> list[dict[str, Any]]:
        """Rows of tasks that have not ended."""
        ...

    def all_workers(self) -> list[dict[str, Any]]:
        """Rows of all workers."""
        ...

    def worker(self, worker_id: str) -> dict[str, Any] | None:
        """A worker's row."""
        ...

    def task(self, task_id: UUID | str) -> dict[str, Any] | None:
        """A task's row."""
        ...


class Provisioner(Protocol):
    """Starts workers; see ``rushlight_reaper.provisioners``."""

    @property
    def name(self) -> str:
        """Goes on the log with what it claims, and into the names of its workers."""
        ...

    async def start(self, worker_id: str) -> None:
        """Start a worker of this name, unless it runs already."""
        ...


class Reaper:
    """Runs until the bus closes or the task is cancelled."""

    def __init__(
        self,
        *,
        bus: Bus,
        views: ReadsViews,
        liveness: Liveness,
        settings: FarmSettings,
        clock: Clock,
        provisioner: Provisioner | None = None,
        metrics: ReaperMetrics | None = None,
    ) -> None:
        """Without a provisioner no requested worker is claimed."""
        self._bus = bus
        self._views = views
        self._liveness = liveness
        self._settings = settings
        self._clock = clock
        self._provisioner = provisioner
        self._listening = Listening(clock, settings.lost_after_s)
        self._metrics = metrics or ReaperMetrics(CollectorRegistry())
        self.pulses = Pulses(bus, views, liveness, settings, self._listening, metrics=self._metrics)
        self._state = "has not started"
        self._swept_s: float | None = None
        self.sweeps = 0

    def health(self) -> str:
        """``ok``, or why timed rules or heartbeats rest."""
        if self._state != "ok":
            return self._state
        since_s = 0.0 if self._swept_s is None else self._clock.elapsed_s() - self._swept_s
        if since_s > max(LATE_PERIODS * self._settings.sweep_s, LATE_MIN_S):
            return f"the last sweep was {since_s:.0f} s ago: see the farm's log"
        return self.pulses.health

    async def run(self, *, sweeps: bool = True) -> None:
        """Listen, and sweep every ``sweep_s``, until the bus closes."""
        self._listening.anew()
        self._state = "ok"
        tasks = [asyncio.create_task(self.pulses.run())]
        if sweeps:
            self._swept_s = self._clock.elapsed_s()
            tasks.append(asyncio.create_task(self._listening.run()))
            tasks.append(asyncio.create_task(self._sweeps()))
        try:
            with contextlib.suppress(BusClosed):
                await asyncio.gather(*tasks)
        finally:
            self._state = "has ended: see the farm's log, and start the farm again"
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            logger.info("reaper_stopped", sweeps=self.sweeps)

    async def _sweeps(self) -> None:
        while True:
            try:
                await self.sweep()
                self._swept_s = self._clock.elapsed_s()
            except BusClosed:
                raise
            except (Unavailable, LogError) as error:
                self._metrics.put_off(error.code)
                logger.warning("sweep_put_off", code=error.code, detail=str(error))
                if isinstance(error, LogError):
                    self._listening.anew()
            await self._clock.sleep(self._settings.sweep_s)

    async def sweep(self) -> None:
        """One sweep: send what is due until nothing is.

        Raises:
            Unavailable: the dispatcher does not answer; the next sweep tries again.
            LogError: the views cannot be read.
        """
        with self._metrics.sweep_seconds.time():
            for _ in range(LOOKS_MAX):
                messages = await asyncio.to_thread(self._look)
                if not messages:
                    break
                outcomes = await self._send(messages)
                if not any(outcome.status == "done" for outcome in outcomes):
                    break
            await self._provision()
        self.sweeps += 1
        self._metrics.swept(self._clock.now())

    def _look(self) -> list[Command]:
        now = self._clock.now()
        self._listening.note()
        farm = Farm.of_rows(self._views.live_tasks(), self._views.all_workers(), self._settings)
        for worker in farm.workers.values():
            if worker.here:
                self._liveness.expect(worker.worker_id, worker.instance)
        heard = self._heard()
        for worker in overdue(farm, heard, now, self._listening.since):
            # Judged and condemned by the same look: a heartbeat in between saves it.
            sequence = heard[worker.worker_id].sequence
            if self._liveness.condemn(worker.worker_id, worker.instance, sequence):
                self._metrics.condemned.inc()
                logger.warning("condemned", worker_id=worker.worker_id, instance=worker.instance)
        return due_messages(farm, self._heard(), now, self._free_ids(farm))

    def _heard(self) -> dict[str, Pulse]:
        return {
            row.worker_id: Pulse(
                row.instance,
                row.sequence,
                max(row.seen_at, self._listening.since),
                row.condemned,
            )
            for row in self._liveness.rows()
        }

    def _free_ids(self, farm: Farm) -> Iterator[str]:
        prefix = REAPER if self._provisioner is None else self._provisioner.name
        for number in range(1, len(farm.workers) + self._settings.provisioned_workers_max + 2):
            worker = farm.workers.get(f"{prefix}-{number}")
            if worker is None or worker.presence in ("offline", "failed"):
                yield f"{prefix}-{number}"

    async def _send(self, messages: list[Command]) -> list[Outcome]:
        outcomes: list[Outcome] = []
        for start in range(0, len(messages), SENT_AT_ONCE_MAX):
            part = messages[start : start + SENT_AT_ONCE_MAX]
            answers = await asyncio.gather(
                *(
                    self._bus.request(Queue.COMMANDS, message, timeout_s=OUTCOME_WAIT_S)
                    for message in part
                )
            )
            for message, answer in zip(part, answers, strict=True):
                if isinstance(answer, Outcome):
                    outcomes.append(answer)
                    self._metrics.emitted(message.kind(), answer.status)
                    logger.info("due", command_kind=message.kind(), status=answer.code)
        return outcomes

    async def _provision(self) -> None:
        if self._provisioner is None:
            return
        rows = await asyncio.to_thread(self._views.all_workers)
        waiting = [
            row["worker_id"]
            for row in rows
            if row["status"] == "requested" and row["claimed_by"] is None
        ]
        for worker_id in waiting:
            claim = ClaimWorker(
                command_id=uuid4(),
                principal=REAPER,
                worker_id=worker_id,
                provisioner=self._provisioner.name,
            )
            (outcome,) = await self._send([claim])
            if outcome.status == "done":
                await self._start(worker_id)

    async def _start(self, worker_id: str) -> None:
        if self._provisioner is None:
            return
        try:
            await self._provisioner.start(worker_id)
        except (OSError, Unavailable) as error:
            # The request runs out, and the next one is asked for after a back-off.
            logger.exception("worker_not_started", worker_id=worker_id, detail=str(error))
