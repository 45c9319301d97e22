"""Rounds of real events with the rows and outcomes that belong to them."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from rushlight.domain import FarmEvent
from rushlight.domain.base import NAMESPACE
from rushlight.domain.task import Task
from rushlight.domain.task_events import Submitted
from rushlight.domain.term import TERM_STREAM, RoundClosed
from rushlight.eventlog.log import FarmLog

START = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)


class SetClock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.time = START

    def now(self) -> datetime:
        return self.time

    def elapsed_s(self) -> float:
        return (self.time - START).total_seconds()

    async def sleep(self, seconds: float) -> None:
        self.move(seconds)

    def move(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)


def task_id(seq: int) -> UUID:
    return uuid5(NAMESPACE, f"test task {seq}")


def command_id(seq: int) -> UUID:
    return uuid5(NAMESPACE, f"test command {seq}")


def submitted(seq: int, **fields: Any) -> Submitted:
    known: dict[str, Any] = {
        "priority": "MEDIUM",
        "estimated_render_s": None,
        "name": f"task {seq}",
        "job_id": None,
        "renderer": None,
        "scene": None,
        "output": f"out:{seq}.####.png",
        "frames": None,
        "settings": {},
        "args": (),
        "requires": {},
        "max_retries": 1,
        "max_render_s": None,
    }
    return Submitted(
        originator_id=task_id(seq),
        originator_version=1,
        timestamp=START,
        principal="test",
        command="SubmitTasks",
        command_id=command_id(seq),
        seq=seq,
        **{**known, **fields},
    )


def closing(number: int, events: int) -> RoundClosed:
    return RoundClosed(
        originator_id=TERM_STREAM,
        originator_version=number,
        timestamp=START,
        principal="test",
        command="plan",
        number=number,
        now=START,
        events=events,
        planner=1,
        refused=(),
        evidence=(),
        asked=(),
        previous="0" * 64,
        digest="1" * 64,
    )


def task_row(event: Submitted, **fields: Any) -> dict[str, Any]:
    task = event.mutate(Task.blank(event.originator_id))
    assert task is not None
    return {**task.row(), **fields}


def worker_row(worker_id: str, status: str = "ready") -> dict[str, Any]:
    return {"worker_id": worker_id, "status": status, "version": 1}


def outcome_row(seq: int, position: int | None = None, at: datetime = START) -> dict[str, Any]:
    return {
        "command_id": str(command_id(seq)),
        "digest": f"digest {seq}",
        "doc": {"kind": "Outcome", "command_id": str(command_id(seq)), "position": position},
        "at": at.isoformat(),
    }


def a_round(number: int, tasks: int) -> dict[str, Any]:
    """Round ``number`` (from 1) of rounds that submit ``tasks`` tasks each, for ``FarmLog.put``."""
    seqs = range((number - 1) * tasks + 1, number * tasks + 1)
    facts = [submitted(seq) for seq in seqs]
    end = number * (tasks + 1)
    events: list[FarmEvent] = [*facts, closing(number, tasks)]
    return {
        "events": events,
        "task_rows": [task_row(one) for one in facts],
        "worker_rows": [worker_row("w1")],
        "outcomes": [outcome_row(seq, end) for seq in seqs],
    }


def fill(log: FarmLog, rounds: int, tasks: int) -> None:
    for number in range(1, rounds + 1):
        log.put(**a_round(number, tasks))
