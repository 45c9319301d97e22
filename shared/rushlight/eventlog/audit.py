"""Checking the log against itself, the views and the rules; and making the views anew from it."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import orjson

from rushlight.clock import SystemClock
from rushlight.domain.again import Difference, decide_again
from rushlight.domain.replay import Replay
from rushlight.domain.term import CHAIN_START, chain, closing_bytes
from rushlight.eventlog.log import FarmLog
from rushlight.eventlog.rounds import (
    LastRows,
    LoggedRound,
    all_rows,
    replay_of,
    rounds_of,
)
from rushlight.eventlog.rows import Row

DIFFERENCES_MAX = 20


@dataclass(slots=True)
class Report:
    """What ``verify`` found; clean when ``differences`` is empty."""

    events: int = 0
    rounds: int = 0
    tasks: int = 0
    workers: int = 0
    digest: str = CHAIN_START
    differences: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        """Everything is as it should be."""
        return not self.differences


def verify(data: Path) -> Report:
    """Check that the chain is whole, each round decided again gives its events, and views fit.

    Raises:
        LogError: the log cannot be read.
    """
    log = FarmLog.open_read_only(data)
    try:
        return verify_log(log)
    finally:
        log.close()


def verify_log(log: FarmLog) -> Report:
    """``verify`` on an open log."""
    report = Report()
    # Views of an older version have another form, and are made anew before a farm starts on them.
    current = log.views.are_current()
    # The views first, as one snapshot: a running farm goes on writing while the log is read.
    head, task_rows, worker_rows = log.views.dump()
    seen_tasks = _digests((row["task_id"], row) for row in task_rows)
    seen_workers = _digests((row["worker_id"], row) for row in worker_rows)
    report.tasks, report.workers = len(seen_tasks), len(seen_workers)
    decided = replay_of(log)
    last = LastRows(decided)
    tasks: dict[str, bytes] = {}
    for logged in rounds_of(log, head):
        report.events += len(logged.events)
        report.rounds += 1
        _check_chain(report, logged)
        if report.clean:
            _check_decisions(report, decided, logged)
        if report.clean:
            last.note(logged)
            tasks.update(_digests(last.forget_ended()))
        if len(report.differences) >= DIFFERENCES_MAX:
            break
    if report.clean and current:
        _compare(report, "task", seen_tasks, tasks | _digests(last.tasks()))
        _compare(report, "worker", seen_workers, _digests(last.workers()))
    return report


def _check_chain(report: Report, logged: LoggedRound) -> None:
    closing = logged.closing
    where = f"round {closing.number} (positions {logged.first}-{logged.last})"
    if closing.previous != report.digest:
        report.differences.append(f"{where}: it is not chained to the round before")
    if closing.events != len(logged.events) - 1:
        report.differences.append(f"{where}: {len(logged.events) - 1} events, not {closing.events}")
    digest = chain(closing.previous, logged.stored[:-1], closing_bytes(closing))
    if digest != closing.digest:
        report.differences.append(f"{where}: its events are not those that were written")
    report.digest = closing.digest


def _check_decisions(report: Report, decided: Replay, logged: LoggedRound) -> None:
    decided.admit_for_round(logged.events)
    difference = decide_again(decided.farm, logged.events)
    if difference is not None:
        report.differences.append(_text(difference))
        return
    decided.farm.apply(logged.closing)


def _text(difference: Difference) -> str:
    return (
        f"round {difference.round}: decided again it gives {difference.expected},"
        f" the log has {difference.found}"
    )


def _compare(report: Report, what: str, seen: dict[str, bytes], expected: dict[str, bytes]) -> None:
    for key in sorted(seen.keys() | expected.keys()):
        if seen.get(key) != expected.get(key):
            report.differences.append(
                f"view of {what} {key} is not what the log says: `rushlight audit rebuild`"
            )


def rebuild(data: Path) -> tuple[int, int]:
    """Make the views anew from the log; returns how many tasks and workers.

    Raises:
        LogInUse: a farm has the log open: stop it first.
    """
    log = FarmLog.open(data, clock=SystemClock())
    try:
        tasks, workers = all_rows(log)
        log.views.rebuild(tasks, workers)
        return len(tasks), len(workers)
    finally:
        log.close()


def _digests(keyed: Iterable[tuple[str, Row]]) -> dict[str, bytes]:
    """Of each row, whatever the order of its fields."""
    return {
        key: hashlib.sha256(orjson.dumps(row, option=orjson.OPT_SORT_KEYS)).digest()
        for key, row in keyed
    }
