"""The writer: the farm in memory and its log, one round after the other. Synchronous, no bus.

After any failure to write, the state in memory is ahead of the log: the caller throws the writer
away and makes a new one, which reads the log.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol
from uuid import UUID

from rushlight.domain import Farm, FarmEvent, checkpoint
from rushlight.domain.base import NEVER
from rushlight.domain.commands import RequestTask, SetWorkerStatus, is_timed
from rushlight.domain.deciding import decide_all
from rushlight.domain.replay import Replay, fold_task
from rushlight.domain.round import Result, Round
from rushlight.domain.task_events import Assigned, StopRequested
from rushlight.domain.term import RoundClosed
from rushlight.errors import KeyReused
from rushlight.messages import commands as c
from rushlight.messages.outcomes import Outcome
from rushlight.messages.work import Assign, Stop, assignment
from rushlight.messages.work import FarmEvent as Hint
from rushlight.settings import FarmSettings
from rushlight_dispatcher.translate import tasks_named, to_domain, to_outcome

CHECKPOINT_EVENTS = 50_000

Row = Mapping[str, Any]


class ReadsViews(Protocol):
    """What the writer reads beside the log."""

    def outcomes(self, command_ids: Iterable[UUID | str]) -> dict[UUID, dict[str, Any]]:
        """Recorded outcomes of these commands."""
        ...

    def job_tasks(self, job_id: str) -> list[dict[str, Any]]:
        """Rows of a job's tasks."""
        ...

    def expire_outcomes(self, before: datetime) -> int:
        """Forget old outcomes."""
        ...


class KeepsCheckpoint(Protocol):
    """Where the state is kept, to start from."""

    def save(self, position: int, document: dict[str, Any]) -> None:
        """Replace the checkpoint."""
        ...

    def load(self) -> tuple[int, dict[str, Any]] | None:
        """The checkpoint, if there is one."""
        ...


class WritesLog(Protocol):
    """What the writer needs of the event log."""

    @property
    def checkpoints(self) -> KeepsCheckpoint:
        """The checkpoint that goes with it."""
        ...

    @property
    def views(self) -> ReadsViews:
        """The views that are written with the log."""
        ...

    def put(
        self,
        *,
        events: Sequence[Any],
        task_rows: Sequence[Any],
        worker_rows: Sequence[Any],
        outcomes: Sequence[Any],
    ) -> list[int]:
        """Write one round in one transaction."""
        ...

    def replay(self, after: int = 0) -> Iterable[tuple[int, FarmEvent]]:
        """All events in order."""
        ...

    def streams(self, ids: Iterable[UUID]) -> dict[UUID, list[tuple[int, FarmEvent]]]:
        """The events of these aggregates."""
        ...

    def has_stream(self, ids: Iterable[UUID]) -> set[UUID]:
        """Which of these are on the log."""
        ...


@dataclass(slots=True)
class Written:
    """A round that is on the log, and what is to be said of it."""

    outcomes: dict[UUID, Outcome] = field(default_factory=dict)
    reused: dict[tuple[UUID, str | None], Outcome] = field(default_factory=dict)
    assigns: list[Assign] = field(default_factory=list)
    stops: list[tuple[str, str, Stop]] = field(default_factory=list)
    hints: list[Hint] = field(default_factory=list)

    def outcome_of(self, message: c.Command) -> Outcome:
        """What is answered to this message: its id may have come with another body before."""
        reused = self.reused.get((message.command_id, message.digest))
        return self.outcomes[message.command_id] if reused is None else reused


class Writer:
    """Folds commands into rounds and writes them."""

    def __init__(
        self,
        log: WritesLog,
        owner: str,
        settings: FarmSettings,
        timed: Callable[[], AbstractContextManager[object]] = nullcontext,
    ) -> None:
        """Read the log; the term begins with the first round. Commits happen inside ``timed``."""
        self._log = log
        self._timed = timed
        self._owner = owner
        self._settings = settings
        self._in_charge = False
        self._outcomes_expired = NEVER
        self._position = 0
        self._unsaved = 0
        self.farm = self._read()

    def _read(self) -> Farm:
        """The farm as the log tells it: from the checkpoint, if it fits the log, and the tail."""
        replay = Replay(
            lambda task_id: [event for _, event in self._log.streams([task_id])[task_id]]
        )
        saved = self._log.checkpoints.load()
        if saved is not None:
            farm = self._from_checkpoint(*saved)
            if farm is not None:
                replay.farm = farm
                self._position = saved[0]
        for position, event in self._log.replay(self._position):
            replay.apply(event)
            self._position = position
            self._unsaved += 1
        return replay.farm

    def _from_checkpoint(self, position: int, document: dict[str, Any]) -> Farm | None:
        """The farm of a checkpoint; None: the log has no such round there."""
        for at, event in self._log.replay(position - 1):
            if at == position and isinstance(event, RoundClosed):
                return checkpoint.restore(document, event)
            break
        return None

    @property
    def checkpoint_due(self) -> bool:
        """So much has happened since the last one that a start would take long."""
        return self._unsaved >= CHECKPOINT_EVENTS

    def save_checkpoint(self) -> None:
        """Keep the state, so that the next start need not fold what it rests on.

        Raises:
            LogUnavailable: it cannot be written; the next start takes longer.
        """
        if self._unsaved:
            self._log.checkpoints.save(self._position, checkpoint.save(self.farm))
            self._unsaved = 0

    def write(self, messages: Sequence[c.Command], now: datetime) -> Written:
        """Decide these commands in one round and write it.

        Raises:
            LogConflict, LogUnavailable: nothing of it is on the log; this writer is done.
        """
        written = self._known_outcomes(messages)
        fresh: dict[UUID, c.Command] = {}
        for message in messages:
            if message.command_id not in written.outcomes:
                first = fresh.setdefault(message.command_id, message)
                _refuse_reused_key(written, message, first.digest)
        self._bring_in(fresh.values())
        current = Round(self.farm, now)
        if not self._in_charge:
            current.take_over(self._owner, self._settings.model_dump(mode="json"))
        decide_all(current, [to_domain(message) for message in fresh.values()])
        if current.events or any(_is_kept(result) for result in current.results):
            self._put(current, fresh, written)
        for result in current.results:
            written.outcomes[result.command.command_id] = to_outcome(
                result, round_number=self.farm.term.rounds, position=None
            )
        self._tell(current, written)
        self.farm.forget_ended()
        self._in_charge = True
        return written

    def _put(self, current: Round, fresh: Mapping[UUID, c.Command], written: Written) -> None:
        current.close()
        number = self.farm.term.rounds
        outcomes = [
            _outcome_row(result, fresh, number, current.now)
            for result in current.results
            if _is_kept(result)
        ]
        with self._timed():
            positions = self._log.put(
                events=current.events,
                task_rows=current.task_rows(),
                worker_rows=current.worker_rows(),
                outcomes=outcomes,
            )
        self._position = positions[-1]
        self._unsaved += len(positions)
        written.hints = [
            _hint(event, position, self.farm)
            for event, position in zip(current.events, positions, strict=True)
        ]

    def _known_outcomes(self, messages: Sequence[c.Command]) -> Written:
        rows = self._log.views.outcomes([message.command_id for message in messages])
        written = Written()
        for message in messages:
            row = rows.get(message.command_id)
            if row is not None:
                doc = {k: v for k, v in row["doc"].items() if k not in ("kind", "version")}
                written.outcomes[message.command_id] = Outcome.model_validate(doc)
                _refuse_reused_key(written, message, row["digest"])
        return written

    def _bring_in(self, messages: Iterable[c.Command]) -> None:
        """Bring ended tasks that these commands name back into memory, with one read."""
        wanted: set[UUID] = set()
        for message in messages:
            wanted.update(tasks_named(message))
            if isinstance(message, c.JobCommand):
                rows = self._log.views.job_tasks(message.job_id)
                wanted.update(UUID(row["task_id"]) for row in rows)
        # Not `wanted - tasks.keys()`: that goes through all tasks.
        missing = self._log.has_stream({one for one in wanted if one not in self.farm.tasks})
        for task_id, events in self._log.streams(missing).items():
            self.farm.admit(fold_task(task_id, (event for _, event in events)))

    def _tell(self, current: Round, written: Written) -> None:
        if not self._in_charge:
            written.assigns.extend(self._recent_assignments(current.now))
        told = {(one.task_id, one.attempt) for one in written.assigns}
        for event in current.events:
            task = self.farm.tasks.get(event.originator_id)
            if task is None or task.instance is None or task.worker_id is None:
                continue
            if isinstance(event, Assigned) and event.attempt == task.attempt:
                if task.status == "rendering" and (task.id, task.attempt) not in told:
                    written.assigns.append(assignment(task.row()))
            elif isinstance(event, StopRequested) and task.stop is not None:
                stop = Stop(task_id=task.id, attempt=task.attempt, reason=task.stop["reason"])
                written.stops.append((task.worker_id, task.instance, stop))

    def _recent_assignments(self, now: datetime) -> list[Assign]:
        since = now - timedelta(seconds=2 * self._settings.heartbeat_s)
        return [
            assignment(task.row())
            for task in self.farm.tasks.values()
            if task.status == "rendering"
            and task.instance is not None
            and task.stop is None
            and (task.started_at or since) >= since
        ]

    def expire_outcomes(self, now: datetime) -> None:
        """Forget outcomes older than the settings say; at most once an hour."""
        if now - self._outcomes_expired > timedelta(hours=1):
            self._outcomes_expired = now
            keep = timedelta(seconds=self.farm.settings.outcome_keep_s)
            self._log.views.expire_outcomes(now - keep)


def _is_kept(result: Result) -> bool:
    """Outcomes that a repeated command must get again; timed rules and heartbeats need none."""
    if is_timed(result.command):
        return False
    if isinstance(result.command, RequestTask):
        return result.task_id is not None or not result.ok
    return not (isinstance(result.command, SetWorkerStatus) and result.code == "unchanged")


def _outcome_row(
    result: Result, fresh: Mapping[UUID, c.Command], number: int, now: datetime
) -> dict[str, Any]:
    outcome = to_outcome(result, round_number=number, position=None)
    return {
        "command_id": str(outcome.command_id),
        "digest": fresh[outcome.command_id].digest,
        "doc": outcome.to_wire(),
        "at": now.isoformat(),
    }


def _refuse_reused_key(written: Written, message: c.Command, digest: str | None) -> None:
    if message.digest == digest:
        return
    written.reused[message.command_id, message.digest] = Outcome(
        command_id=message.command_id,
        status="refused",
        code=KeyReused.code,
        detail="this Idempotency-Key came with another body before: use a new key",
    )


def _hint(event: FarmEvent, position: int, farm: Farm) -> Hint:
    task = farm.tasks.get(event.originator_id)
    return Hint(
        topic=event.TOPIC,
        position=position,
        task_id=None if task is None else task.id,
        worker_id=getattr(event, "worker_id", None),
        job_id=None if task is None else task.job_id,
    )
