"""Heartbeats: commit, answer, and compare what runs with what the log says.

A difference is repaired only when two heartbeats in a row show the same one, and the view was read
after the second: an assignment that is not running is sent again, an attempt that should not run is
stopped. A stop is repeated for as long as heartbeats list its attempt.
"""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol, TypeVar
from uuid import UUID, uuid4

import structlog

from rushlight.bus.port import Bus, Consumer, Delivery, Queue, WorkerQueue
from rushlight.errors import BusFull, LogUnavailable, Unavailable, Unroutable
from rushlight.eventlog.liveness import Beat, Liveness
from rushlight.messages.base import Message
from rushlight.messages.commands import ReturnAttempt
from rushlight.messages.work import Assign, Heartbeat, HeartbeatAnswer, Stop, assignment
from rushlight.metrics.reaper import ReaperMetrics
from rushlight.settings import FarmSettings
from rushlight_reaper.listening import Listening
from rushlight_reaper.sweep import REAPER

HEARTBEATS_PER_TAKE = 500

logger = structlog.get_logger()
T = TypeVar("T")


class ReadsRows(Protocol):
    """What is read of the views."""

    def worker(self, worker_id: str) -> dict[str, Any] | None:
        """A worker's row."""
        ...

    def task(self, task_id: UUID | str) -> dict[str, Any] | None:
        """A task's row."""
        ...


class Pulses:
    """Consumes heartbeats until the bus closes."""

    def __init__(
        self,
        bus: Bus,
        views: ReadsRows,
        liveness: Liveness,
        settings: FarmSettings,
        listening: Listening,
        *,
        metrics: ReaperMetrics,
    ) -> None:
        """``settings`` go into each answer: agents take their periods from there."""
        self._bus = bus
        self._views = views
        self._liveness = liveness
        self._settings = settings
        self._listening = listening
        self._metrics = metrics
        self.health = "ok"
        # Of its own: heartbeats must not wait behind whatever else the process reads.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="heartbeats")
        self._before: dict[tuple[str, str], frozenset[tuple[str, UUID, int]]] = {}

    async def run(self) -> None:
        """Take, commit, answer, compare.

        Raises:
            BusClosed: at shutdown.
        """
        try:
            async with self._bus.consume(Queue.HEARTBEATS) as inbox:
                while True:
                    await self._take(inbox)
        finally:
            self._thread.shutdown(wait=True)

    async def _take(self, inbox: Consumer) -> None:
        deliveries = await inbox.take(HEARTBEATS_PER_TAKE)
        if len(deliveries) >= HEARTBEATS_PER_TAKE:
            self._listening.anew()
        try:
            await self._handle(deliveries)
            self.health = "ok"
        except LogUnavailable as error:
            self.health = str(error)
            for _ in deliveries:
                self._metrics.heartbeat("unanswered")
            # They are sent again; until they can be written down, nobody is silent.
            logger.warning("heartbeats_not_kept", code=error.code, detail=str(error))
            self._listening.anew()
        await inbox.ack()

    async def _in_thread(self, step: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, step)

    async def _handle(self, deliveries: Sequence[Delivery]) -> None:
        heard = [
            (delivery, delivery.message)
            for delivery in deliveries
            if isinstance(delivery.message, Heartbeat)
        ]
        answers = await self._in_thread(lambda: self._commit([beat for _, beat in heard]))
        for (delivery, beat), (status, row) in zip(heard, answers, strict=True):
            self._metrics.heartbeat(status)
            await delivery.reply(self._answer(beat, status))
            if status == "ok" and row is not None and beat.instance is not None:
                await self._compare(beat, row)

    def _commit(self, beats: Sequence[Heartbeat]) -> list[tuple[str, dict[str, Any] | None]]:
        """Note the heartbeats; an instance that the log does not know as current is stale."""
        rows = [self._views.worker(beat.worker_id) for beat in beats]
        for beat, row in zip(beats, rows, strict=True):
            if _is_current(beat, row):
                self._liveness.expect(beat.worker_id, beat.instance)
        statuses = self._liveness.beats(
            [
                Beat(
                    beat.worker_id,
                    beat.instance,
                    beat.sequence,
                    [one.model_dump(mode="json") for one in beat.running],
                    [one.model_dump(mode="json") for one in beat.finished],
                )
                for beat in beats
            ]
        )
        return [
            (status if _is_current(beat, row) else "stale", row)
            for beat, row, status in zip(beats, rows, statuses, strict=True)
        ]

    def _answer(self, beat: Heartbeat, status: str) -> HeartbeatAnswer:
        settings = self._settings
        return HeartbeatAnswer(
            status="ok" if status == "ok" else "stale",
            sequence=beat.sequence,
            heartbeat_s=settings.heartbeat_s,
            self_fence_s=settings.self_fence_s,
            fence_kill_s=settings.fence_kill_s,
            stop_grace_s=settings.stop_grace_s,
            idle_exit_s=settings.idle_exit_s,
        )

    async def _compare(self, beat: Heartbeat, row: dict[str, Any]) -> None:
        queue = WorkerQueue(beat.worker_id, beat.instance or "")
        held = None if row["task_id"] is None else (UUID(row["task_id"]), row["attempt"])
        running = {(one.task_id, one.attempt) for one in beat.running}
        finished = {(one.task_id, one.attempt) for one in beat.finished}
        found = {("stop", *one) for one in running if one != held}
        if held is not None and held not in running | finished:
            found.add(("assign", *held))
        key = (beat.worker_id, queue.instance)
        twice = found & self._before.get(key, frozenset())
        if found:
            self._before[key] = frozenset(found)
        else:
            self._before.pop(key, None)
        task = None
        if held is not None and (twice or held in running):
            held_id = held[0]
            task = await self._in_thread(lambda: self._views.task(held_id))
        for what, task_id, attempt in sorted(twice, key=str):
            if what == "stop":
                await self._send(queue, Stop(task_id=task_id, attempt=attempt, reason="stale"))
            elif task is not None and task["attempt"] == attempt and task["stop"] is None:
                await self._send(queue, assignment(task))
        if task is not None and held is not None and task["stop"] is not None:
            reason = task["stop"]["reason"]
            await self._send(queue, Stop(task_id=held[0], attempt=held[1], reason=reason))

    async def _send(self, queue: WorkerQueue, message: Message) -> None:
        logger.info("repaired", worker_id=queue.worker_id, message_kind=message.kind())
        try:
            await self._bus.publish(queue, message)
        except (Unroutable, BusFull) as error:
            logger.warning("not_repaired", worker_id=queue.worker_id, code=error.code)
            if isinstance(message, Assign):
                await self._give_back(message, error)

    async def _give_back(self, assign: Assign, error: Unavailable) -> None:
        """Nobody takes the assignment: the task shall wait again."""
        back = ReturnAttempt(
            command_id=uuid4(),
            principal=REAPER,
            task_id=assign.task_id,
            attempt=assign.attempt,
            reason=f"assignment not delivered: {error.code}",
        )
        try:
            await self._bus.publish(Queue.COMMANDS, back)
        except BusFull:
            logger.warning("assignment_not_returned", task_id=str(assign.task_id))


def _is_current(beat: Heartbeat, row: dict[str, Any] | None) -> bool:
    return (
        row is not None
        and row["instance"] == beat.instance
        and row["status"] not in ("requested", "offline", "failed")
    )
