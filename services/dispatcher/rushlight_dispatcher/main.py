"""The dispatcher's loop: take what waits, write one round, tell, ack.

It never waits for more to come: what arrives while a round is written is the next round, so rounds
grow with the load by themselves. It takes over at its first delivery. After any failed write it
tells and acks nothing, waits (longer each time), reads the log anew, and gets the same again.

Not promised: that an assignment arrives. A lost one is found by comparing heartbeats with the log.
"""

import asyncio
import socket
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar, cast
from uuid import uuid4

import structlog
from prometheus_client import CollectorRegistry

from rushlight.bus.port import Bus, Consumer, Delivery, Queue, WorkerQueue
from rushlight.clock import Clock
from rushlight.errors import (
    BusClosed,
    BusFull,
    LogError,
    LogUnavailable,
    RushlightError,
    Unroutable,
)
from rushlight.messages.commands import Command, ReturnAttempt
from rushlight.messages.outcomes import Outcome
from rushlight.messages.work import Assign
from rushlight.metrics.dispatcher import DispatcherMetrics
from rushlight.settings import FarmSettings
from rushlight_dispatcher.writer import Writer, WritesLog, Written

COMMANDS_PER_ROUND = 500
# The first wait, and the longest: to read a log takes more than to wait for it.
LOG_RETRY_S = 1.0
LOG_RETRY_MAX_S = 15.0

logger = structlog.get_logger()
T = TypeVar("T")


class Dispatcher:
    """Runs rounds until the bus closes or the task is cancelled."""

    def __init__(
        self,
        *,
        bus: Bus,
        log: WritesLog,
        settings: FarmSettings,
        clock: Clock,
        metrics: DispatcherMetrics | None = None,
    ) -> None:
        """Nothing is read before ``run``; without ``metrics`` it counts for itself alone."""
        self._bus = bus
        self._log = log
        self._settings = settings
        self._clock = clock
        self._owner = f"{socket.gethostname()}-{uuid4().hex[:8]}"
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="dispatcher")
        self._metrics = metrics or DispatcherMetrics(CollectorRegistry())
        self._suspects = 0
        self._retry_s = LOG_RETRY_S
        self._health = "has not started"
        self.rounds = 0

    def health(self) -> str:
        """``ok``, or why no command is decided now."""
        return self._health

    async def run(self) -> None:
        """Consume commands until the bus closes."""
        self._health = "reads the log"
        try:
            while True:
                try:
                    await self._consume()
                except LogError as error:
                    await self._wait_for_log(error)
        except BusClosed:
            logger.info("dispatcher_stopped", rounds=self.rounds)
        finally:
            self._health = "has ended: see the farm's log, and start the farm again"
            self._thread.shutdown(wait=True)

    async def _wait_for_log(self, error: LogError) -> None:
        self._health = str(error)
        self._metrics.round_failed(error.code)
        logger.error(
            "round_not_written", code=error.code, detail=str(error), again_in_s=self._retry_s
        )
        logger.debug("round_not_written_because", exc_info=error)
        await self._clock.sleep(self._retry_s)
        self._retry_s = min(2 * self._retry_s, LOG_RETRY_MAX_S)

    async def _consume(self) -> None:
        """Rounds of one writer, until a round fails.

        Raises:
            BusClosed: at shutdown.
            LogError: a round could not be written.
        """
        timed = self._metrics.commit.time
        writer = await self._in_thread(
            lambda: Writer(self._log, self._owner, self._settings, timed)
        )
        if self._retry_s == LOG_RETRY_S:
            # After a failed write only a round that was written shows that it is over.
            self._health = "ok"
        logger.info("log_read", rounds=writer.farm.term.rounds, tasks=len(writer.farm.tasks))
        try:
            async with self._bus.consume(Queue.COMMANDS) as inbox:
                while await self._round(writer, inbox):
                    await self._expire_outcomes(writer)
                    if writer.checkpoint_due:
                        await self._save_checkpoint(writer)
        except BusClosed:
            await self._save_checkpoint(writer)
            raise

    async def _round(self, writer: Writer, inbox: Consumer) -> bool:
        """One round; False: it failed and the farm in memory cannot be trusted any more."""
        deliveries = await inbox.take(1 if self._suspects else COMMANDS_PER_ROUND)
        commands = [one for one in deliveries if isinstance(one.message, Command)]
        for delivery in deliveries:
            if not isinstance(delivery.message, Command):
                self._metrics.parked.inc()
                await inbox.park(delivery, f"not a command: {delivery.message.kind()}")
        try:
            written = await self._write(writer, [cast("Command", one.message) for one in commands])
        except RushlightError:
            raise
        except (OSError, MemoryError) as error:
            # No fault of any command: the machine is short of something, and may not be for long.
            raise LogUnavailable(f"the round could not be written: {error!r}") from error
        except Exception as error:
            # One by one shows which command it is; that one is put aside, the others are decided.
            logger.exception("round_failed", commands=len(commands))
            self._metrics.round_failed("error")
            self._suspects = len(commands)
            if len(commands) == 1:
                self._metrics.parked.inc()
                await inbox.park(commands[0], repr(error))
                await _refuse(commands[0], error)
                await inbox.ack()
                self._suspects = 0
            return False
        self._health, self._retry_s = "ok", LOG_RETRY_S
        self._count(written, commands)
        await self._tell(written, commands)
        await inbox.ack()
        self._suspects = max(0, self._suspects - 1)
        self.rounds += 1
        return True

    def _count(self, written: Written, commands: Sequence[Delivery]) -> None:
        outcomes = (written.outcome_of(cast("Command", one.message)) for one in commands)
        self._metrics.round_told(
            self._clock.now(),
            events=len(written.hints),
            refusals=(one.code if one.status == "refused" else None for one in outcomes),
        )

    async def _save_checkpoint(self, writer: Writer) -> None:
        try:
            await self._in_thread(writer.save_checkpoint)
        except LogError as error:
            # It costs time at the next start, nothing else.
            logger.warning("checkpoint_not_saved", code=error.code, detail=str(error))

    async def _write(self, writer: Writer, commands: Sequence[Command]) -> Written:
        def write() -> Written:
            with self._metrics.round_seconds.time():
                return writer.write(commands, self._clock.now())

        return await self._in_thread(write)

    async def _expire_outcomes(self, writer: Writer) -> None:
        """After the round was told: what is on the log must not count as failed by this."""
        try:
            await self._in_thread(lambda: writer.expire_outcomes(self._clock.now()))
        except LogError as error:
            logger.warning("outcomes_not_expired", code=error.code, detail=str(error))

    async def _in_thread(self, step: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, step)

    async def _tell(self, written: Written, deliveries: Sequence[Delivery]) -> None:
        for assign in written.assigns:
            await self._send_assignment(assign)
        for worker_id, instance, stop in written.stops:
            try:
                await self._bus.publish(WorkerQueue(worker_id, instance), stop)
            except (Unroutable, BusFull) as error:
                # The reaper repeats it while heartbeats list the attempt.
                logger.warning("stop_not_sent", worker_id=worker_id, code=error.code)
        for delivery in deliveries:
            command = cast("Command", delivery.message)
            await delivery.reply(written.outcome_of(command))
        if written.hints:
            await self._bus.announce(*written.hints)

    async def _send_assignment(self, assign: Assign) -> None:
        queue = WorkerQueue(assign.worker_id, assign.instance or "")
        try:
            await self._bus.publish(queue, assign)
        except (Unroutable, BusFull) as error:
            logger.warning("assignment_not_sent", worker_id=assign.worker_id, code=error.code)
            back = ReturnAttempt(
                command_id=uuid4(),
                principal="dispatcher",
                task_id=assign.task_id,
                attempt=assign.attempt,
                reason=f"assignment not delivered: {error.code}",
            )
            try:
                await self._bus.publish(Queue.COMMANDS, back)
            except BusFull:
                # The reaper sees the difference between heartbeats and log, and sends it again.
                logger.warning("assignment_not_returned", task_id=str(assign.task_id))


async def _refuse(delivery: Delivery, error: Exception) -> None:
    if isinstance(delivery.message, Command):
        await delivery.reply(
            Outcome(
                command_id=delivery.message.command_id,
                status="refused",
                code="error",
                detail=f"the farm could not decide this and put it aside: {error!r}",
            )
        )
