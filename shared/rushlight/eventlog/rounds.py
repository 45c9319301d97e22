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


class LastRows:
    """The rows that the views should have: each as the last round that touched it left it.

    A row is made when its task leaves memory, or at the end: the next round may touch it again.
    """

    def __init__(self, replay: Replay) -> None:
        """Of a replay that is told of every round."""
        self._farm = replay.farm
        self._tasks: dict[UUID, int] = {}
        self._workers: dict[str, int] = {}

    def note(self, logged: LoggedRound) -> None:
        """A round was folded."""
        number = logged.closing.number
        for event in logged.events:
            if isinstance(event, TaskEvent):
                self._tasks[event.originator_id] = number
            elif isinstance(event, WorkerEvent):
                self._workers[event.worker_id] = number

    def forget_ended(self) -> Iterator[tuple[str, Row]]:
        """Let ended tasks go; rows of those that were touched since they came."""
        for task_id in self._farm.ended:
            if task_id in self._tasks:
                yield self._task(task_id, self._tasks.pop(task_id))
        self._farm.forget_ended()

    def tasks(self) -> Iterator[tuple[str, Row]]:
        """Rows of the tasks that stayed."""
        return (self._task(task_id, number) for task_id, number in self._tasks.items())

    def workers(self) -> Iterator[tuple[str, Row]]:
        """Rows of all workers."""
        for worker_id, number in self._workers.items():
            yield worker_id, {**self._farm.workers[worker_id].row(), "round": number}

    def _task(self, task_id: UUID, number: int) -> tuple[str, Row]:
        return str(task_id), {**self._farm.tasks[task_id].row(), "round": number}


def all_rows(log: ReadLog) -> tuple[list[Row], list[Row]]:
    """The rows of tasks and of workers that the views of a log should have.

    Raises:
        LogDamaged: an event does not read.
    """
    replay = replay_of(log)
    last = LastRows(replay)
    tasks: dict[str, Row] = {}
    for logged in rounds_of(log):
        for event in logged.events:
            replay.admit_for(event)
            replay.farm.apply(event)
        last.note(logged)
        tasks.update(last.forget_ended())
    tasks.update(last.tasks())
    return list(tasks.values()), list(dict(last.workers()).values())
