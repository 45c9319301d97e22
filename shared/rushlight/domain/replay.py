"""The farm as the log tells it: fold its events in order."""

from collections.abc import Callable, Iterable
from uuid import UUID

from rushlight.domain.base import FarmEvent, stream_of_worker
from rushlight.domain.farm import Farm
from rushlight.domain.task import Task
from rushlight.domain.task_events import TaskEvent
from rushlight.domain.term import RoundClosed
from rushlight.domain.worker import Worker

Stream = Callable[[UUID], Iterable[FarmEvent]]


def fold_task(task_id: UUID, events: Iterable[FarmEvent], *, before: int | None = None) -> Task:
    """A task from its own stream, up to but not including version ``before``."""
    task = Task.blank(task_id)
    for event in events:
        if before is None or event.originator_version < before:
            event.mutate(task)
    return task


def fold_worker(worker_id: str, events: Iterable[FarmEvent], version: int) -> Worker:
    """A worker at ``version``, from those events of its stream that still matter then.

    Of ``occupied`` and ``freed`` these are the last two: they only set what the next ``freed`` sets
    again, and no other event reads that. Of the others all are needed.
    """
    worker = Worker.blank(stream_of_worker(worker_id))
    for event in sorted(events, key=lambda event: event.originator_version):
        if event.originator_version <= version:
            event.apply(worker)
    worker.version = version
    return worker


class Replay:
    """Folds events; ended tasks leave memory after each round, and come back from their stream."""

    def __init__(self, stream: Stream) -> None:
        """Begin with an empty farm; ``stream`` reads the events of one task."""
        self.farm = Farm()
        self._stream = stream

    def admit_for(self, event: FarmEvent) -> None:
        """Bring the task of an event back into memory if it had ended before."""
        if not isinstance(event, TaskEvent) or event.originator_version == 1:
            return
        if event.originator_id not in self.farm.tasks:
            before = event.originator_version
            task = fold_task(event.originator_id, self._stream(event.originator_id), before=before)
            self.farm.admit(task)

    def admit_for_round(self, events: Iterable[FarmEvent]) -> None:
        """The same for a whole round, before any of it is folded: a task may begin in it."""
        first: dict[UUID, FarmEvent] = {}
        for event in events:
            first.setdefault(event.originator_id, event)
        for event in first.values():
            self.admit_for(event)

    def apply(self, event: FarmEvent) -> None:
        """Fold the next event."""
        self.admit_for(event)
        self.farm.apply(event)
        if isinstance(event, RoundClosed):
            self.farm.forget_ended()
