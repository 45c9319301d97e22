"""The attempts of a task, read off its events: who, when, and what became of each."""

from collections.abc import Iterable
from typing import Any

from rushlight.domain import task_events as t
from rushlight.domain.base import FarmEvent

Row = dict[str, Any]


def attempts_of(events: Iterable[FarmEvent]) -> list[Row]:
    """One row an attempt, first to last.

    ``{attempt, worker_id, started_at, ended_at, result, detail, rendered}``; times are datetimes,
    ``rendered`` the outputs that are its own (a completion also names kept ones), ``result`` one of
    rendering, completed, failed, preempted, cancelled, lost, timed_out, given_back.
    """
    rows: list[Row] = []
    known: dict[int | None, Row] = {}
    for event in events:
        if isinstance(event, t.Assigned):
            rows.append(_started(event))
        elif rows and isinstance(event, t.TaskEvent):
            for output in getattr(event, "outputs", ()):
                if known.get(output["frame"]) != output:
                    known[output["frame"]] = output
                    rows[-1]["rendered"].append(output)
            _follow(rows[-1], event)
    return rows


def _started(event: t.Assigned) -> Row:
    return {
        "attempt": event.attempt,
        "worker_id": event.worker_id,
        "started_at": event.timestamp,
        "ended_at": None,
        "result": "rendering",
        "detail": None,
        "rendered": [],
    }


def _follow(row: Row, event: t.TaskEvent) -> None:
    if isinstance(event, t.StopRequested):
        row["detail"] = (
            f"for task {event.for_task_id}" if event.reason == "preempted" else event.reason
        )
    elif isinstance(event, t.Stopped):
        _end(row, event, event.reason)
    elif isinstance(event, t.Completed):
        _end(row, event, "completed")
    elif isinstance(event, t.TimedOut):
        _end(row, event, "timed_out", "Task timeout")
    elif isinstance(event, t.Lost):
        _end(row, event, "lost", event.reason)
    elif isinstance(event, t.Failed) and event.worker_id is not None:
        _end(row, event, "failed", event.reason)


def _end(row: Row, event: FarmEvent, result: str, detail: str | None = None) -> None:
    row["ended_at"] = row["ended_at"] or event.timestamp
    row["result"] = result
    row["detail"] = detail or row["detail"]
