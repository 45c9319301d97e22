"""One instance of the worker in the farm, from its first heartbeat to its end.

Loops side by side: heartbeats, the fence, messages, reports, logs, the attempts, and leaving. It
returns once it has left; it raises ``StaleReport`` when the farm knows it no longer, ``LeaseOver``
when the farm was away too long. Then whoever runs it joins anew, with another instance. When its
key counts no more, it goes on until its lease ends, and raises what the farm said.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import structlog

from rushlight.errors import (
    Forbidden,
    InvalidRequest,
    RuleBroken,
    StaleReport,
    Unauthenticated,
    Unavailable,
)
from rushlight.messages.commands import Report
from rushlight.messages.outcomes import Outcome
from rushlight.messages.work import Heartbeat, HeartbeatAnswer
from rushlight_worker.backoff import Backoff
from rushlight_worker.gate import Gate, LeaseOver
from rushlight_worker.lease import Standing
from rushlight_worker.leaving import Leaving
from rushlight_worker.log_uploads import LogUploads
from rushlight_worker.node import Node
from rushlight_worker.reports import Reports
from rushlight_worker.tending import first_to_end
from rushlight_worker.transport import SHUT_OUT, Transport
from rushlight_worker.work import WorkList

POLL_S = 25.0
# While leaving, polls are short: what is on its way to us is wanted soon.
LEAVING_POLL_S = 0.5
RETRY_FIRST_S, RETRY_MOST_S = 0.2, 3.0
HEARTBEAT_TIMEOUT_S = 5.0
LOOK_S = 0.05
LEAVE_TRY_S = 5.0
SETTLE_S = 15.0
HURRY_S = 2.0
_log = structlog.get_logger("rushlight.worker")


class Membership:
    """One instance; run it once."""

    def __init__(
        self, instance: str, *, node: Node, transport: Transport, leaving: Leaving
    ) -> None:
        """``leaving`` says when the worker is to go."""
        worker_id = node.place.worker_id
        self._instance = instance
        self._node = node
        self._clock = node.clock
        self._transport = transport
        self._leaving = leaving
        self._gate = Gate(node.clock)
        self._reports = Reports(worker_id, instance, node.clock)
        self._logs = LogUploads(transport, node.clock)
        self._work = WorkList(
            instance, node=node, gate=self._gate, reports=self._reports, logs=self._logs
        )
        self._answer: HeartbeatAnswer | None = None
        self._shut_out: Unauthenticated | Forbidden | None = None
        self._sequence = 0
        self._after = 0
        self._polls = 0
        self.told_farm = False

    async def run(self) -> None:
        """Be a member until leaving is done.

        Raises:
            StaleReport: the farm does not know this instance any more.
            LeaseOver: the farm was away for too long.
            Unauthenticated, Forbidden: its key does not let it in (any more).
        """
        try:
            await first_to_end(
                self._send_heartbeats(),
                self._watch_lease(),
                self._hear_messages(),
                self._send_reports(),
                self._logs.run(),
                self._work.run(),
                self._leave_when_idle(),
                self._leave(),
            )
        finally:
            self._gate.close()

    # --- Heartbeats and the lease ------------------------------------------------------------

    async def _send_heartbeats(self) -> None:
        backoff = Backoff(RETRY_FIRST_S, RETRY_MOST_S)
        while True:
            sent_s = self._clock.elapsed_s()
            try:
                answer = await self._beat()
            except (Unavailable, InvalidRequest, *SHUT_OUT) as error:
                _log.warning("heartbeat_unanswered", error=str(error))
                self._hear_refusal(error)
                await self._clock.sleep(backoff.next_s())
                continue
            backoff.reset()
            if answer.status == "stale":
                self._gate.close()
                raise StaleReport("the farm has declared this instance lost")
            self._hear_answer(sent_s, answer)
            await self._clock.sleep(answer.heartbeat_s - (self._clock.elapsed_s() - sent_s))

    async def _beat(self) -> HeartbeatAnswer:
        self._sequence += 1
        heartbeat = Heartbeat(
            worker_id=self._node.place.worker_id,
            instance=self._instance,
            sequence=self._sequence,
            running=self._work.running(),
            finished=self._work.finished(),
        )
        # One that hangs must not use up the lease: three fit into it.
        lease_s = HEARTBEAT_TIMEOUT_S * 3 if self._answer is None else self._answer.self_fence_s
        return await self._transport.heartbeat(
            heartbeat, timeout_s=min(HEARTBEAT_TIMEOUT_S, lease_s / 3)
        )

    def _hear_refusal(self, error: Exception) -> None:
        """Remember that it is shut out; without a lease there is nothing to wait for."""
        if isinstance(error, SHUT_OUT):
            self._shut_out = error
            if self._answer is None:
                raise error

    def _hear_answer(self, sent_s: float, answer: HeartbeatAnswer) -> None:
        if not self._gate.is_open():
            _log.info("lease_runs", self_fence_s=answer.self_fence_s)
        self._answer = answer
        self._shut_out = None
        self._work.grace_s = answer.stop_grace_s
        self._gate.renew(sent_s, answer)

    async def _watch_lease(self) -> None:
        """Freeze what runs while the lease is over; give it up when it was over too long.

        Or at once when the farm shuts it out: nobody will renew that lease.
        """
        await self._gate.opened()
        before = Standing.HELD
        while True:
            standing = self._gate.standing()
            if standing is not before:
                _log.warning("lease", standing=standing.value)
                before = standing
            if standing is not Standing.HELD and self._shut_out is not None:
                raise self._shut_out
            if standing is Standing.OVER:
                raise LeaseOver("no heartbeat was answered for too long")
            if standing is Standing.FENCED:
                self._work.freeze()
            else:
                self._work.thaw()
            await self._gate.change()

    # --- Messages and reports ----------------------------------------------------------------

    async def _hear_messages(self) -> None:
        backoff = Backoff(RETRY_FIRST_S, RETRY_MOST_S)
        while True:
            try:
                await self._poll()
            except (Unavailable, InvalidRequest, *SHUT_OUT) as error:
                _log.warning("messages_unavailable", error=str(error))
                await self._clock.sleep(backoff.next_s())
                continue
            backoff.reset()

    async def _poll(self) -> None:
        """One poll; the next one acknowledges what it brought. Leaving cuts a long one short."""
        wait_s = LEAVING_POLL_S if self._leaving.asked.is_set() else POLL_S
        poll = asyncio.ensure_future(
            self._transport.messages(self._instance, after=self._after, wait_s=wait_s)
        )
        leaving = asyncio.ensure_future(self._leaving.asked.wait())
        try:
            cut = {leaving} if wait_s == POLL_S else set()
            await asyncio.wait({poll, *cut}, return_when=asyncio.FIRST_COMPLETED)
            if not poll.done():
                return
            found = poll.result()
        finally:
            poll.cancel()
            leaving.cancel()
        for unknown in found.unknown:
            _log.warning("message_passed_over", error=unknown)
        for message in found.messages:
            self._work.hear(message)
        self._after = found.next
        self._polls += 1

    async def _send_reports(self) -> None:
        backoff = Backoff(RETRY_FIRST_S, RETRY_MOST_S)
        while True:
            await self._reports.due()
            await self._gate.opened()
            batch = self._reports.batch()
            if not batch:
                continue
            try:
                outcomes = await self._deliver(batch)
            except (Unavailable, *SHUT_OUT) as error:
                _log.warning("reports_undelivered", count=len(batch), error=str(error))
                await self._clock.sleep(backoff.next_s())
                continue
            backoff.reset()
            for report in self._reports.settle(outcomes):
                self._work.drop((report.task_id, report.attempt or 0))

    async def _deliver(self, batch: Sequence[Report]) -> list[Outcome]:
        """Send reports; one that the farm cannot read must not hold up the others."""
        try:
            return await self._transport.report(self._instance, batch)
        except InvalidRequest as error:
            if len(batch) > 1:
                return await self._deliver(batch[:1])
            _log.error("report_refused", report=batch[0].kind(), error=str(error))
            self._reports.refuse(batch[0], str(error))
            return []

    # --- Leaving -----------------------------------------------------------------------------

    async def _leave_when_idle(self) -> None:
        """A provisioned worker that has had nothing to do for ``idle_exit_s`` goes."""
        while True:
            rest_s = LOOK_S * 10
            if self._node.settings.idle_exit and self._answer is not None:
                rest_s = self._answer.idle_exit_s - self._work.idle_s()
                if rest_s <= 0 and self._reports.empty:
                    self._leaving.ask("idle")
            await self._clock.sleep(max(LOOK_S, min(rest_s, 1.0)))

    async def _leave(self) -> None:
        """Drain, let the attempt end or give it back, deliver the reports, say good-bye."""
        await self._leaving.asked.wait()
        _log.info("draining", reason=self._leaving.reason)
        await self._try(self._transport.drain, "drain")
        await self._look_once_more()
        await self._until(lambda: self._work.idle, self._node.settings.drain_s)
        if not self._work.idle:
            self._work.give_back(0 if self._leaving.hurry.is_set() else self._work.grace_s)
            await self._until(lambda: self._work.idle, self._work.grace_s + SETTLE_S)
            self._work.give_back(0)
        await self._until(lambda: self._reports.empty and self._logs.empty, SETTLE_S)
        self.told_farm = await self._try(self._say_goodbye, "leave") and self._reports.empty

    async def _look_once_more(self) -> None:
        """What was assigned before the farm knew of the drain is on its way to us."""
        polls = self._polls
        await self._until(lambda: self._polls > polls, LEAVE_TRY_S)

    async def _until(self, condition: Callable[[], bool], limit_s: float) -> None:
        """Wait for a condition; in a hurry only for ``HURRY_S``."""
        ends_s = self._clock.elapsed_s() + limit_s
        hurried = False
        while not condition() and self._clock.elapsed_s() < ends_s:
            if self._leaving.hurry.is_set() and not hurried:
                hurried = True
                ends_s = min(ends_s, self._clock.elapsed_s() + HURRY_S)
                self._work.give_back(0)
            await self._clock.sleep(LOOK_S)

    async def _say_goodbye(self) -> None:
        await self._transport.leave(self._instance, self._leaving.reason)

    async def _try(self, call: Callable[[], Awaitable[None]], what: str) -> bool:
        """Call the farm until it answers, for a while; whether it has heard us."""
        ends_s = self._clock.elapsed_s() + LEAVE_TRY_S
        backoff = Backoff(RETRY_FIRST_S, RETRY_MOST_S)
        while True:
            try:
                await asyncio.wait_for(call(), max(LOOK_S, ends_s - self._clock.elapsed_s()))
            except (Unavailable, TimeoutError, *SHUT_OUT) as error:
                _log.warning("farm_does_not_hear", call=what, error=str(error))
            except (InvalidRequest, RuleBroken) as error:
                # It has heard; it just knows better how we stand.
                _log.warning("farm_refuses", call=what, error=str(error))
                return True
            else:
                return True
            if self._leaving.hurry.is_set() or self._clock.elapsed_s() >= ends_s:
                return False
            await self._clock.sleep(backoff.next_s())
