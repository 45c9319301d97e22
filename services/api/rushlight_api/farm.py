"""The farm as handlers see it: commands go to the dispatcher, rows come from the views.

Reads block, so they run in a thread. Nothing is decided here.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast
from uuid import UUID

import structlog
from prometheus_client import CollectorRegistry

from rushlight.bus.port import Bus, Queue
from rushlight.clock import Clock
from rushlight.errors import NoAnswer, NotFound, Unavailable
from rushlight.messages.commands import Command
from rushlight.messages.outcomes import OUTCOME_KINDS, Outcome
from rushlight.messages.work import Heartbeat, HeartbeatAnswer
from rushlight.settings import FarmSettings, ServerSettings
from rushlight_api.attempt_logs import AttemptLogs
from rushlight_api.log_news import LogNews
from rushlight_api.mailboxes import Mailboxes
from rushlight_api.ports import Checks, LivenessPort, LogPort, Row
from rushlight_api.problems import refusal
from rushlight_api.pulse import Pulse
from rushlight_api.reading import Incoming
from rushlight_api.streams import Streams

T = TypeVar("T")
_log = structlog.get_logger("rushlight.api")


@dataclass(slots=True)
class Farm:
    """Everything that a handler needs; one per API."""

    bus: Bus
    log: LogPort
    liveness: LivenessPort
    settings: ServerSettings
    farm_settings: FarmSettings
    clock: Clock
    pulse: Pulse
    mailboxes: Mailboxes
    attempt_logs: AttemptLogs
    streams: Streams
    registry: CollectorRegistry
    # What the other parts of this process say of themselves, by name.
    checks: Checks = field(default_factory=dict)
    closing: bool = False
    log_news: LogNews = field(default_factory=LogNews)
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    # Who reads the metrics, one after the other.
    scrapes: asyncio.Lock = field(default_factory=asyncio.Lock)
    # Who reads all live tasks, one after the other: many at once would leave nobody room.
    large_reads: asyncio.Lock = field(default_factory=asyncio.Lock)
    _last_sequence: int = 0

    def close(self) -> None:
        """From here on ``/readyz`` says no, while everything is still answered."""
        self.closing = True

    def stop(self) -> None:
        """Let held requests end; to be called before the server drains its connections."""
        self.close()
        self.stopping.set()

    async def read(self, call: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """One blocking read, in a thread."""
        return await asyncio.to_thread(call, *args, **kwargs)

    async def ask(
        self, command: Command, *, location: str = "/", wait_s: float | None = None
    ) -> Outcome:
        """Have a command decided; ``wait_s`` 0 leaves it with the farm, None waits as usual.

        Raises:
            NoAnswer: no outcome in time; it may come. Carries what a 202 needs.
            Unavailable: the farm did not take the command.
            RushlightError: it was refused; the error is the one of the refusal.
        """
        outcome = await self.outcome_of(command, location=location, wait_s=wait_s)
        if outcome.status == "refused":
            raise refusal(outcome.code, outcome.detail, outcome.facts)
        return outcome

    async def outcome_of(
        self, command: Command, *, location: str = "/", wait_s: float | None = None
    ) -> Outcome:
        """What the dispatcher says, refusals too.

        Raises:
            NoAnswer, Unavailable: as for ``ask``.
        """
        if wait_s == 0 and not await self._is_decided(command):
            await self.bus.publish(Queue.COMMANDS, command)
            raise _accepted(command, location)
        timeout_s = wait_s or self.settings.outcome_wait_s
        try:
            answer = await self.bus.request(Queue.COMMANDS, command, timeout_s=timeout_s)
        except NoAnswer:
            found = await self.known_outcome(command.command_id)
            if found is None:
                raise _accepted(command, location) from None
            return found
        return cast("Outcome", answer)

    async def _is_decided(self, command: Command) -> bool:
        """A repetition whose outcome is known; only what has a key can be one."""
        keyed = command.digest is not None
        return keyed and await self.known_outcome(command.command_id) is not None

    async def known_outcome(self, command_id: UUID) -> Outcome | None:
        """The outcome that is written down, if there is one."""
        row = await self.read(self.log.views.outcome, command_id)
        return None if row is None else cast("Outcome", OUTCOME_KINDS.read(row["doc"]))

    async def task(self, task_id: UUID) -> Row:
        """One task.

        Raises:
            NotFound: there is none.
        """
        row = await self.read(self.log.views.task, task_id)
        if row is None:
            raise NotFound("Task not found")
        return row

    async def worker(self, worker_id: str) -> Row:
        """One worker.

        Raises:
            NotFound: there is none.
        """
        row = await self.read(self.log.views.worker, worker_id)
        if row is None:
            raise NotFound("Worker not found")
        return row

    async def beat(self, heartbeat: Heartbeat) -> HeartbeatAnswer:
        """Pass a heartbeat on and wait until it is written down.

        Raises:
            Unavailable: it was not.
        """
        wait_s = self.settings.outcome_wait_s
        answer = await self.bus.request(Queue.HEARTBEATS, heartbeat, timeout_s=wait_s)
        return cast("HeartbeatAnswer", answer)

    async def note_pull_worker(self, worker_id: str | None) -> None:
        """A pull worker has called: that is a heartbeat. Others speak for themselves.

        The call itself has done its work already, so a heartbeat that fails is only logged.
        """
        row = None if worker_id is None else await self.read(self.log.views.worker, worker_id)
        if row is None or row["mode"] != "pull":
            return
        try:
            await self.beat(Heartbeat(worker_id=row["worker_id"], sequence=self._next_sequence()))
        except Unavailable as error:
            _log.warning("heartbeat_not_noted", worker_id=worker_id, reason=str(error))

    def _next_sequence(self) -> int:
        """Rises with every call, also over restarts: milliseconds of the wall clock."""
        now_ms = int(self.clock.now().timestamp() * 1000)
        self._last_sequence = max(self._last_sequence + 1, now_ms)
        return self._last_sequence


def _accepted(command: Command, location: str) -> NoAnswer:
    task_ids: Sequence[UUID] = ()
    if hasattr(command, "tasks"):
        task_ids = [task.task_id for task in command.tasks]
    elif hasattr(command, "task_id"):
        task_ids = [command.task_id]
    return NoAnswer(
        f"no outcome yet: ask /commands/{command.command_id}",
        command_id=command.command_id,
        task_ids=task_ids,
        location=location,
    )


def farm_of(request: Incoming) -> Farm:
    """The farm of the app that serves this request."""
    return cast("Farm", request.app.state["farm"])
