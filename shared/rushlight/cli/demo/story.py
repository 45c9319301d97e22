"""The demo's story: submit, watch, preempt, kill a worker, and wait until the farm has healed."""

import os
import signal
import time
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from rushlight.cli.demo.broken import PromiseBroken
from rushlight.cli.demo.chaos import is_rush_moment, worker_to_kill
from rushlight.cli.demo.farm_process import FarmProcess
from rushlight.cli.demo.narration import narrate
from rushlight.cli.demo.records import AttemptRecord, attempt_records, by_time
from rushlight.cli.demo.screen import Screen
from rushlight.cli.demo.script import JOB, WORKERS, Script
from rushlight.cli.demo.snapshot import Snapshot, look
from rushlight.cli.demo.timeline import Mark
from rushlight.cli.demo.verdict import ReportedFrame
from rushlight.client import FarmClient
from rushlight.clock import SystemClock

LOOK_EVERY_S = 0.25
JOIN_WITHIN_S = 60.0
END_WITHIN_S = 900.0
RUSHES_MAX = 3


@dataclass
class Account:
    """What happened, for the pictures, the table and the verdict."""

    start: datetime
    marks: list[Mark] = field(default_factory=list)
    records: list[AttemptRecord] = field(default_factory=list)
    reported: list[ReportedFrame] = field(default_factory=list)
    new_worker_due: bool = False
    joined_later: int = 0


class Story:
    """Tells it once, from the first submission to the last frame."""

    def __init__(
        self, script: Script, farm: FarmProcess, client: FarmClient, screen: Screen
    ) -> None:
        """Play ``script`` on a farm that runs."""
        self._script = script
        self._farm = farm
        self._client = client
        self._screen = screen
        self._clock = SystemClock()
        self._seen = Snapshot()
        self._rushes: list[UUID] = []
        self._first_instances: set[str | None] = set()
        self._killed = False
        self.account = Account(self._clock.now())

    def play(self) -> Account:
        """Play it to its end.

        Raises:
            PromiseBroken: the farm ended, a task failed for good, or it takes far too long.
        """
        deadline_s = self._clock.elapsed_s() + END_WITHIN_S
        self._wait_for_workers()
        self._submit(deadline_s)
        while not self._seen.settled:
            self._wait(deadline_s)
            if self._script.chaos:
                self._disturb()
        self._collect()
        return self.account

    def _wait_for_workers(self) -> None:
        deadline_s = self._clock.elapsed_s() + JOIN_WITHIN_S
        while sum(worker.status == "ready" for worker in self._seen.workers.values()) < WORKERS:
            self._wait(deadline_s)
        workers = self._seen.workers.values()
        if not any("mitsuba" in (worker.renderers or {}) for worker in workers):
            raise PromiseBroken("no worker can render: install rushlight[mitsuba], or `make dev`")
        self._first_instances = {worker.instance for worker in workers}

    def _submit(self, deadline_s: float) -> None:
        """First what can wait; once that renders, what goes before it."""
        tasks = self._script.animation()
        for priority in ("LOW", "MEDIUM"):
            chosen = [task for task in tasks if task.priority == priority]
            self._client.submit_batch(chosen, job_id=JOB)
            frames = f"frames {chosen[0].frames} to {chosen[-1].frames}"
            self._screen.say(f"submitted {len(chosen)} {priority} tasks, {frames}", "bold")
            while not any(self._seen.rendering()):
                self._wait(deadline_s)

    def _wait(self, deadline_s: float) -> None:
        """Wait a moment, look again, and tell what is new."""
        if self._clock.elapsed_s() > deadline_s:
            raise PromiseBroken("it takes far too long: farm.log and `rushlight why` may say more")
        time.sleep(LOOK_EVERY_S)
        self._farm.check()
        before, self._seen = self._seen, look(self._client)
        for style, text in narrate(before, self._seen):
            self._screen.say(text, style)
        self._screen.show(self._seen)
        self._note_losses(before)
        self._check_tasks()

    def _check_tasks(self) -> None:
        for task in self._seen.tasks.values():
            if task.status == "cancelled" or (task.status == "failed" and task.retry_at is None):
                raise PromiseBroken(f"{task.name} ended as {task.status}: {task.error_message}")

    def _note_losses(self, before: Snapshot) -> None:
        """A new worker is due if work waits when one has been lost."""
        losses = [sum(t.losses for t in shot.tasks.values()) for shot in (before, self._seen)]
        if losses[1] > losses[0] and self._seen.waiting:
            self.account.new_worker_due = True

    def _disturb(self) -> None:
        if not self._has_preempted():
            self._rush()
        elif not self._killed:
            worker_id = worker_to_kill(self._seen)
            if worker_id is not None:
                self._kill(worker_id)

    def _has_preempted(self) -> bool:
        return any(task.preemptions for task in self._seen.tasks.values())

    def _rush(self) -> None:
        """Submit a RUSH; one that found a free worker proved nothing, so another follows."""
        running = [self._seen.tasks.get(task_id) for task_id in self._rushes]
        if any(task is None or task.attempt == 0 for task in running):
            return
        if len(self._rushes) == RUSHES_MAX or not is_rush_moment(self._seen, WORKERS):
            return
        task = self._client.submit(self._script.beauty(len(self._rushes) + 1))
        self._rushes.append(task.task_id)
        self.account.marks.append(Mark(task.creation_time, f"{task.name} submitted, RUSH"))
        self._screen.say(f"submitted {task.name}, a still that cannot wait: RUSH", "bold yellow")

    def _kill(self, worker_id: str) -> None:
        pid = self._farm.worker_pid(worker_id)
        os.kill(pid, signal.SIGKILL)
        self._killed = True
        self.account.marks.append(Mark(self._clock.now(), f"SIGKILL {worker_id}", worker_id))
        self._screen.say(f"killed {worker_id} with SIGKILL (process {pid})", "bold red")

    def _collect(self) -> None:
        """Ask for all attempts, and for what they reported of the animation's frames."""
        tasks = self._seen.tasks.values()
        names = {str(task.task_id): task.name or "" for task in tasks}
        for task in tasks:
            attempts = self._client.attempts(task.task_id)
            self.account.records += attempt_records(task, attempts, names)
            if task.job_id == JOB:
                outputs = [output for attempt in attempts for output in attempt.outputs]
                self.account.reported += map(ReportedFrame.of, outputs)
        self.account.records = by_time(self.account.records)
        workers = self._seen.workers.values()
        self.account.joined_later = len(
            {worker.instance for worker in workers} - self._first_instances - {None}
        )
