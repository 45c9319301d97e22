"""What one instance has been given to do: one attempt at a time, each started once.

Takes the farm's messages in order, runs attempts one after the other, and hands their last reports
to ``Reports``. Nothing here speaks to the farm.
"""

import asyncio
from collections import OrderedDict
from uuid import uuid4

import structlog

from rushlight.messages.base import Message
from rushlight.messages.commands import AttemptStopped, Output
from rushlight.messages.work import Assign, FinishedAttempt, RunningAttempt, Stop
from rushlight_worker.attempt import Attempt
from rushlight_worker.gate import Gate
from rushlight_worker.log_uploads import LogUploads
from rushlight_worker.node import Node
from rushlight_worker.reports import Key, Reports

_log = structlog.get_logger("rushlight.worker")


class WorkList:
    """The attempts of one instance; ``grace_s`` is what a stopped renderer gets."""

    def __init__(
        self, instance: str, *, node: Node, gate: Gate, reports: Reports, logs: LogUploads
    ) -> None:
        """Begin with none."""
        self.grace_s = 10.0
        self._instance = instance
        self._node = node
        self._gate = gate
        self._reports = reports
        self._logs = logs
        self._waiting: OrderedDict[Key, Assign] = OrderedDict()
        self._current: Attempt | None = None
        self._stirred = asyncio.Event()
        self._idle_since_s = node.clock.elapsed_s()

    # --- What the farm says ------------------------------------------------------------------

    def hear(self, message: Message) -> None:
        """Handle one message; hearing it twice does no more than once."""
        if isinstance(message, Assign):
            self._assign(message)
        elif isinstance(message, Stop):
            self._stop((message.task_id, message.attempt), message.reason)

    def _assign(self, assign: Assign) -> None:
        key = (assign.task_id, assign.attempt)
        if assign.instance not in (None, self._instance):
            _log.warning("assignment_of_another_instance", **_ids(key), instance=assign.instance)
            return
        if key in self._waiting or self._runs(key):
            return
        if self._reports.repeat(key):
            _log.info("report_repeated", **_ids(key))
            return
        _log.info("assigned", **_ids(key), renderer=assign.renderer, scene=assign.scene)
        self._waiting[key] = assign
        self._stirred.set()

    def _stop(self, key: Key, reason: str) -> None:
        _log.info("stop_asked", **_ids(key), reason=reason)
        if self._current is not None and self._runs(key):
            self._current.stop(reason, self.grace_s)
        elif not self._reports.repeat(key):
            self._waiting.pop(key, None)
            self._reports.finish(self._stopped(key))

    def _runs(self, key: Key) -> bool:
        return self._current is not None and self._current.key == key

    def _stopped(self, key: Key) -> AttemptStopped:
        return AttemptStopped(
            command_id=uuid4(),
            task_id=key[0],
            attempt=key[1],
            worker_id=self._node.place.worker_id,
            instance=self._instance,
        )

    # --- What the lease and the agent ask ----------------------------------------------------

    def freeze(self) -> None:
        """The lease has ended."""
        if self._current is not None:
            self._current.freeze()

    def thaw(self) -> None:
        """The lease runs again."""
        if self._current is not None:
            self._current.thaw()

    def drop(self, key: Key) -> None:
        """The farm says that the attempt is not ours any more."""
        if self._current is not None and self._runs(key):
            _log.warning("attempt_dropped", **_ids(key))
            self._current.drop()

    def give_back(self, grace_s: float) -> None:
        """End what runs and what waits; each reports what it has in place."""
        for key in list(self._waiting):
            self._stop(key, "given_back")
        if self._current is not None:
            self._current.stop("given_back", grace_s)

    # --- What is known -----------------------------------------------------------------------

    @property
    def idle(self) -> bool:
        """Whether there is nothing to do."""
        return self._current is None and not self._waiting

    def idle_s(self) -> float:
        """Since when, in seconds; 0 while there is something to do."""
        return self._node.clock.elapsed_s() - self._idle_since_s if self.idle else 0.0

    def running(self) -> tuple[RunningAttempt, ...]:
        """For the heartbeat: what runs, and what will next."""
        waiting = [RunningAttempt(task_id=t, attempt=a) for t, a in self._waiting]
        current = [] if self._current is None else [self._current.state()]
        return tuple([*current, *waiting][:16])

    def finished(self) -> tuple[FinishedAttempt, ...]:
        """For the heartbeat: what has reported and was not answered."""
        return self._reports.unsettled()[:64]

    # --- Its loop ----------------------------------------------------------------------------

    async def run(self) -> None:
        """Run one attempt after the other."""
        while True:
            while not self._waiting:
                self._stirred.clear()
                await self._stirred.wait()
            await self._run_next()

    async def _run_next(self) -> None:
        key, assign = self._waiting.popitem(last=False)

        def on_frame(output: Output) -> None:
            self._reports.add_frame(key, output)

        attempt = self._current = Attempt(
            assign, instance=self._instance, node=self._node, gate=self._gate, on_frame=on_frame
        )
        self._logs.add(key, attempt.log)
        try:
            report, to_be_sent = await attempt.run()
        finally:
            self._current = None
            self._idle_since_s = self._node.clock.elapsed_s()
        if to_be_sent:
            self._reports.finish(report)
        else:
            self._reports.forget(report)
        _log.info("attempt_ended", **_ids(key), report=report.kind(), sent=to_be_sent)


def _ids(key: Key) -> dict[str, object]:
    return {"task_id": str(key[0]), "attempt": key[1]}
