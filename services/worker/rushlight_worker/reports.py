"""Reports wait here until the farm has said what became of each of them.

A report keeps its ``command_id``, so that sending it again is harmless. Finished frames are
grouped: they wait for a second, so that there is at most one report of them in it. A final report
makes those that still wait unnecessary: it names them all. Nothing here sends anything.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from uuid import UUID, uuid4

from rushlight.clock import Clock
from rushlight.messages.commands import (
    REASON_MAX,
    AttemptStopped,
    CompleteTask,
    FailAttempt,
    FramesRendered,
    Output,
    Report,
)
from rushlight.messages.outcomes import Outcome
from rushlight.messages.work import FinishedAttempt

GROUP_S = 1.0
BATCH_MAX = 64
KEPT_MAX = 256
Key = tuple[UUID, int]


class Reports:
    """The reports of one instance of a worker."""

    def __init__(self, worker_id: str, instance: str, clock: Clock) -> None:
        """Begin with none."""
        self._worker_id = worker_id
        self._instance = instance
        self._clock = clock
        self._waiting: OrderedDict[UUID, Report] = OrderedDict()
        self._frames: dict[Key, list[Output]] = {}
        self._group_since_s = 0.0
        self._last: OrderedDict[Key, Report] = OrderedDict()
        self._stirred = asyncio.Event()

    def add_frame(self, key: Key, output: Output) -> None:
        """A frame of an attempt is in place."""
        if not self._frames:
            self._group_since_s = self._clock.elapsed_s()
        self._frames.setdefault(key, []).append(output)
        self._stirred.set()

    def finish(self, report: Report) -> None:
        """The last word on an attempt."""
        key = _key(report)
        self._frames.pop(key, None)
        self._remember(key, report)
        self._waiting[report.command_id] = report
        self._stirred.set()

    def forget(self, report: Report) -> None:
        """The attempt is not ours any more: say nothing of it unless asked."""
        key = _key(report)
        self._frames.pop(key, None)
        for waiting in [one for one in self._waiting.values() if _key(one) == key]:
            del self._waiting[waiting.command_id]
        self._remember(key, report)

    def repeat(self, key: Key) -> bool:
        """Send the last word on an attempt again; False if there was none."""
        report = self._last.get(key)
        if report is not None:
            self._waiting[report.command_id] = report
            self._stirred.set()
        return report is not None

    def unsettled(self) -> tuple[FinishedAttempt, ...]:
        """Attempts whose last report has no outcome yet."""
        return tuple(
            FinishedAttempt(task_id=report.task_id, attempt=report.attempt or 0)
            for report in self._waiting.values()
            if not isinstance(report, FramesRendered)
        )

    @property
    def empty(self) -> bool:
        """Whether everything is settled."""
        return not self._waiting and not self._frames

    async def due(self) -> None:
        """Wait until there is something to send."""
        while not self._waiting:
            rest_s = None
            if self._frames:
                rest_s = self._group_since_s + GROUP_S - self._clock.elapsed_s()
                if rest_s <= 0:
                    return
            self._stirred.clear()
            try:
                await asyncio.wait_for(self._stirred.wait(), rest_s)
            except TimeoutError:
                continue

    def batch(self) -> list[Report]:
        """What to send now, oldest first; grouped frames become a report here."""
        for (task_id, attempt), outputs in self._frames.items():
            report = FramesRendered(
                command_id=uuid4(),
                task_id=task_id,
                attempt=attempt,
                worker_id=self._worker_id,
                instance=self._instance,
                outputs=tuple(outputs),
            )
            self._waiting[report.command_id] = report
        self._frames.clear()
        return list(self._waiting.values())[:BATCH_MAX]

    def settle(self, outcomes: Sequence[Outcome]) -> list[Report]:
        """These reports are finished with; those that were ``stale`` are returned."""
        stale = []
        for outcome in outcomes:
            report = self._waiting.pop(outcome.command_id, None)
            if report is not None and (outcome.status, outcome.code) == ("refused", "stale"):
                stale.append(report)
        return stale

    def refuse(self, report: Report, detail: str) -> None:
        """The farm cannot read it. A failure that says so stands for a last word, once."""
        self._waiting.pop(report.command_id, None)
        if isinstance(report, CompleteTask | AttemptStopped):
            self.finish(
                FailAttempt(
                    command_id=uuid4(),
                    task_id=report.task_id,
                    attempt=report.attempt,
                    worker_id=report.worker_id,
                    instance=report.instance,
                    reason=f"the farm refused the worker's {report.kind()}: {detail}"[:REASON_MAX],
                )
            )

    def _remember(self, key: Key, report: Report) -> None:
        self._last[key] = report
        while len(self._last) > KEPT_MAX:
            self._last.popitem(last=False)


def _key(report: Report) -> Key:
    return report.task_id, report.attempt or 0
