"""The rounds of a log, and the rows of the views that follow from them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from rushlight.domain import EVENTS, FarmEvent
from rushlight.domain.replay import Replay
from rushlight.domain.task_events import TaskEvent
from rushlight.domain.term import RoundClosed, Stored
from rushlight.domain.worker import WorkerEvent
from rushlight.errors import LogDamaged
from rushlight.eventlog.rows import Row


class ReadLog(Protocol):
    """What is read here of a log."""

    def raw(
        self, after: int = 0, upto: int | None = None
    ) -> Iterator[tuple[int, UUID, int, str, bytes]]:
        """Events as they are stored, in order."""
        ...

    def stream(self, originator_id: UUID) -> Sequence[tuple[int, FarmEvent]]:
        """All events of one stream."""
        ...


@dataclass(slots=True)
class LoggedRound:
    """One round as it stands on the log."""

    first: int
    last: int
    stored: list[Stored]
    events: list[FarmEvent]

    @property
    def closing(self) -> RoundClosed:
        """Its last event."""
        event = self.events[-1]
        if not isinstance(event, RoundClosed):
            raise LogDamaged(f"position {self.last}: a round does not end with round_closed")
        return event


def rounds_of(log: ReadLog, upto: int | None = None) -> Iterator[LoggedRound]:
    """The rounds of the log, in order, up to a position.

    Raises:
        LogDamaged: an event does not read, or the log ends in the middle of a round.
    """
    current: LoggedRound | None = None
    for position, stream, version, topic, state in log.raw(upto=upto):
        if topic not in EVENTS:
            raise LogDamaged(f"position {position}: no event is called {topic}")
        event = EVENTS[topic].decode(stream, version, state)
        if current is None:
            current = LoggedRound(position, position, [], [])
        current.last = position
        current.stored.append((topic, stream, version, state))
        current.events.append(event)
        if isinstance(event, RoundClosed):
            yield current
            current = None
    if current is not None:
        raise LogDamaged(f"the log ends in the middle of a round, which began at {current.first}")


def replay_of(log: ReadLog) -> Replay:
    """A replay that finds ended tasks on that log."""

    def stream(task_id: UUID) -> list[FarmEvent]:
        return [event for _, event in log.stream(task_id)]

    return Replay(stream)


def touched_tasks(replay: Replay, logged: LoggedRound) -> Iterator[tuple[str, Row]]:
    """Rows of the tasks that a round touched, as it left them."""
    number = logged.closing.number
    for task_id in dict.fromkeys(
        event.originator_id for event in logged.events if isinstance(event, TaskEvent)
    ):
        yield str(task_id), {**replay.farm.tasks[task_id].row(), "round": number}


def touched_workers(replay: Replay, logged: LoggedRound) -> Iterator[tuple[str, Row]]:
    """Rows of the workers that a round touched, as it left them."""
    number = logged.closing.number
    for worker_id in dict.fromkeys(
        event.worker_id for event in logged.events if isinstance(event, WorkerEvent)
    ):
        yield worker_id, {**replay.farm.workers[worker_id].row(), "round": number}


def all_rows(log: ReadLog) -> tuple[list[Row], list[Row]]:
    """The rows of tasks and of workers that the views of a log should have.

    Raises:
        LogDamaged: an event does not read.
    """
    replay = replay_of(log)
    tasks: dict[str, Row] = {}
    workers: dict[str, Row] = {}
    for logged in rounds_of(log):
        for event in logged.events:
            replay.admit_for(event)
            replay.farm.apply(event)
        tasks.update(touched_tasks(replay, logged))
        workers.update(touched_workers(replay, logged))
        replay.farm.forget_ended()
    return list(tasks.values()), list(workers.values())
