"""A round: some commands decided on the farm in memory, then placement, then the closing event.

Nothing here waits or reads a clock; the caller writes the result to the log in one transaction, and
only then tells anybody.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from rushlight.domain.base import FarmEvent, stream_of_worker
from rushlight.domain.commands import Command
from rushlight.domain.farm import Farm
from rushlight.domain.placement import PLANNER, plan
from rushlight.domain.task import Task
from rushlight.domain.task_events import Assigned, TaskEvent
from rushlight.domain.term import (
    TERM_STREAM,
    RoundClosed,
    SettingsChanged,
    TakenOver,
    chain,
    closing_bytes,
)
from rushlight.domain.worker import Occupied, Worker, WorkerEvent

PLAN = "plan"
FARM = "farm"


@dataclass(slots=True)
class Result:
    """What became of one command; ``task_id`` and ``attempt`` answer a request for work."""

    command: Command
    code: str = "done"
    detail: str = ""
    facts: dict[str, Any] = field(default_factory=dict)
    task_ids: tuple[UUID, ...] = ()
    task_id: UUID | None = None
    attempt: int | None = None
    refused: int = 0
    ok: bool = True


class Round:
    """Collects the events of one round; each is applied to the farm as it is emitted."""

    def __init__(self, farm: Farm, now: datetime) -> None:
        """Begin a round; its time is later than that of the round before."""
        self.farm = farm
        self.now = max(now, farm.term.now + timedelta(microseconds=1))
        self.events: list[FarmEvent] = []
        self.results: list[Result] = []
        self.asking: dict[str, list[Result]] = {}
        self.touched_tasks: dict[UUID, Task] = {}
        self.touched_workers: dict[str, Worker] = {}
        self.evidence: list[dict[str, Any]] = []
        self._cause: dict[str, Any] = {"principal": FARM, "command": PLAN, "command_id": None}

    def caused_by(self, command: Command | None) -> None:
        """Events from now on are this command's; None: the planner's."""
        if command is None:
            self._cause = {"principal": FARM, "command": PLAN, "command_id": None}
        else:
            self._cause = {
                "principal": command.principal,
                "command": type(command).__name__,
                "command_id": command.command_id,
            }

    def task_event(self, kind: type[TaskEvent], task_id: UUID, **payload: Any) -> None:
        """Record a fact about a task."""
        task = self.farm.tasks.get(task_id)
        event = kind(
            originator_id=task_id,
            originator_version=1 if task is None else task.version + 1,
            timestamp=self.now,
            **self._cause,
            **payload,
        )
        self.farm.apply(event)
        self.events.append(event)
        self.touched_tasks[task_id] = self.farm.tasks[task_id]

    def worker_event(self, kind: type[WorkerEvent], worker_id: str, **payload: Any) -> None:
        """Record a fact about a worker."""
        worker = self.farm.workers.get(worker_id)
        event = kind(
            originator_id=stream_of_worker(worker_id),
            originator_version=1 if worker is None else worker.version + 1,
            timestamp=self.now,
            worker_id=worker_id,
            **self._cause,
            **payload,
        )
        self.farm.apply(event)
        self.events.append(event)
        self.touched_workers[worker_id] = self.farm.workers[worker_id]

    def assign(self, task: Task, worker: Worker) -> None:
        """Give the task to the worker, as its next attempt."""
        attempt = task.attempt + 1
        self.task_event(
            Assigned,
            task.id,
            attempt=attempt,
            worker_id=worker.worker_id,
            instance=worker.instance,
        )
        self.worker_event(Occupied, worker.worker_id, task_id=task.id, attempt=attempt)

    def take_over(self, owner: str, settings: dict[str, Any]) -> None:
        """Begin a term of this owner."""
        self._term_event(TakenOver, owner=owner, settings=settings)

    def change_settings(self, settings: dict[str, Any]) -> None:
        """Other settings hold from here on."""
        self._term_event(SettingsChanged, settings=settings)

    def place(self) -> None:
        """Run the planner and answer the requests for work."""
        self.caused_by(None)
        for task_id, worker_id in plan(self.farm, self.asking):
            self.assign(self.farm.tasks[task_id], self.farm.workers[worker_id])
            for result in self.asking.pop(worker_id, ()):
                result.task_id = task_id
                result.attempt = self.farm.tasks[task_id].attempt

    def close(self, *, planner: int = PLANNER) -> None:
        """End the round with the event that chains it to the one before."""
        self.caused_by(None)
        term = self.farm.term
        closing = RoundClosed(
            originator_id=TERM_STREAM,
            originator_version=term.version + 1,
            timestamp=self.now,
            principal=FARM,
            command=PLAN,
            number=term.rounds + 1,
            now=self.now,
            events=len(self.events),
            planner=planner,
            refused=tuple(_refusal(result) for result in self.results if not result.ok),
            evidence=tuple(self.evidence),
            asked=tuple(sorted(self.asking)),
            previous=term.digest,
            digest="",
        )
        digest = chain(
            term.digest,
            (
                (event.TOPIC, event.originator_id, event.originator_version, event.encode())
                for event in self.events
            ),
            closing_bytes(closing),
        )
        event = closing.model_copy(update={"digest": digest})
        self.farm.apply(event)
        self.events.append(event)

    def _term_event(self, kind: type[TakenOver] | type[SettingsChanged], **payload: Any) -> None:
        event = kind(
            originator_id=TERM_STREAM,
            originator_version=self.farm.term.version + 1,
            timestamp=self.now,
            **self._cause,
            **payload,
        )
        self.farm.apply(event)
        self.events.append(event)

    def task_rows(self) -> list[dict[str, Any]]:
        """The rows of the tasks that this round touched."""
        number = self.farm.term.rounds
        return [{**task.row(), "round": number} for task in self.touched_tasks.values()]

    def worker_rows(self) -> list[dict[str, Any]]:
        """The rows of the workers that this round touched."""
        number = self.farm.term.rounds
        return [{**worker.row(), "round": number} for worker in self.touched_workers.values()]


def _refusal(result: Result) -> dict[str, Any]:
    command = result.command
    task_id = getattr(command, "task_id", None)
    return {
        "command_id": str(command.command_id),
        "command": type(command).__name__,
        "principal": command.principal,
        "task_id": None if task_id is None else str(task_id),
        "worker_id": getattr(command, "worker_id", None),
        "attempt": getattr(command, "attempt", None),
        "code": result.code,
        "detail": result.detail[:500],
    }
