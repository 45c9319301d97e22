"""A farm in memory whose rounds a test says one by one: the real rules, no I/O, a clock by hand.

Like the writer, it brings ended tasks back for the commands that name them and lets them go after
the round; like the reaper, ``sweep`` sends what is due until nothing is.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from rushlight.domain import Farm, FarmEvent, Result, Round
from rushlight.domain import commands as c
from rushlight.domain.base import NAMESPACE
from rushlight.domain.deciding import decide_all
from rushlight.domain.replay import fold_task
from rushlight.domain.task import Task
from rushlight.domain.task_events import TaskEvent
from rushlight.domain.worker import Worker
from rushlight.settings import FarmSettings
from rushlight_dispatcher.translate import to_domain
from rushlight_reaper.sweep import Pulse, due_messages, overdue

START = datetime(2026, 5, 4, 12, tzinfo=UTC)
LOOKS_MAX = 8
ANY_RENDERER = {"mitsuba": "3.9.1"}


def named(name: str) -> UUID:
    """The id of a task or a command that a test calls so."""
    return uuid5(NAMESPACE, f"rehearsal {name}")


def frame_output(frame: int | None, **fields: Any) -> dict[str, Any]:
    """A finished frame as workers report it."""
    name = "still" if frame is None else f"{frame:04d}"
    known = {"path": f"out:{name}.png", "bytes": 100, "sha256": "0" * 64, "render_s": 2.0}
    return {"frame": frame, **known, **fields}


class Rehearsal:
    """The farm, its log as a list of rounds, and short ways to say what usually happens."""

    decide_all: Callable[[Round, Iterable[c.Command]], None] = staticmethod(decide_all)

    def __init__(self, **settings: Any) -> None:
        self.settings = FarmSettings(**settings)
        self.farm = Farm()
        self.now = START
        self.said: list[tuple[datetime, tuple[c.Command, ...]]] = []
        self.rounds: list[list[FarmEvent]] = []
        self.streams: dict[UUID, list[FarmEvent]] = {}
        self.pulses: dict[str, Pulse] = {}
        self.silent: set[str] = set()
        self._commands = 0

    # Rounds.

    def round(self, *commands: c.Command, settings: FarmSettings | None = None) -> list[Result]:
        """Decide these in one round; the first round takes over."""
        self._bring_in(commands)
        current = Round(self.farm, self.now)
        self.said.append((self.now, commands))
        if not self.rounds:
            current.take_over("rehearsal", self.settings.model_dump(mode="json"))
        if settings is not None:
            current.change_settings(settings.model_dump(mode="json"))
            self.settings = settings
        self.decide_all(current, commands)
        current.close()
        self.now = current.now
        self.rounds.append(current.events)
        for event in current.events:
            self.streams.setdefault(event.originator_id, []).append(event)
        self.farm.forget_ended()
        return current.results

    def say(self, kind: type[c.Command], **fields: Any) -> Result:
        """One command in a round of its own."""
        return self.round(self.command(kind, **fields))[0]

    def command(self, kind: type[c.Command], **fields: Any) -> Any:
        """A command with an id of its own."""
        return kind(command_id=self._next_id(), principal="test", **fields)

    def _next_id(self) -> UUID:
        self._commands += 1
        return named(f"command {self._commands}")

    def later(self, seconds: float) -> None:
        """Let time pass; workers that are not ``silent`` are heard of at its end."""
        self.now += timedelta(seconds=seconds)

    def sweep(self) -> list[c.Command]:
        """Send what is due until nothing is; returns what was folded."""
        folded: list[c.Command] = []
        for _ in range(LOOKS_MAX):
            messages = self.due()
            results = self.round(*messages) if messages else []
            done = [result.command for result in results if result.ok]
            folded += done
            if not done:
                break
        return folded

    def due(self) -> list[c.Command]:
        """What a reaper would send now; with ids that are the same in every run."""
        return [
            replace(to_domain(message), command_id=self._next_id())
            for message in due_messages(*self._look())
        ]

    def _look(self) -> tuple[Farm, dict[str, Pulse], datetime, Iterator[str]]:
        farm = Farm.of_rows(
            [task.row() for task in self.farm.tasks.values()],
            [worker.row() for worker in self.farm.workers.values()],
            self.settings,
        )
        for worker in farm.workers.values():
            self._hear(worker)
        for worker in overdue(farm, self.pulses, self.now, START):
            pulse = self.pulses[worker.worker_id]
            condemned = Pulse(pulse.instance, pulse.sequence, pulse.seen_at, condemned=True)
            self.pulses[worker.worker_id] = condemned
        free = (f"new-{number}" for number in range(1, 100))
        gone = (None, "offline", "failed")
        presence = {name: worker.presence for name, worker in farm.workers.items()}
        names = (name for name in free if presence.get(name) in gone)
        return farm, self.pulses, self.now, names

    def _hear(self, worker: Worker) -> None:
        pulse = self.pulses.get(worker.worker_id)
        fresh = pulse is None or pulse.instance != worker.instance
        if worker.here and (
            fresh or (worker.worker_id not in self.silent and pulse and not pulse.condemned)
        ):
            sequence = 0 if pulse is None or fresh else pulse.sequence + 1
            self.pulses[worker.worker_id] = Pulse(worker.instance, sequence, self.now, False)

    def _bring_in(self, commands: tuple[c.Command, ...]) -> None:
        wanted: set[UUID] = set()
        for command in commands:
            ids = (getattr(command, name, None) for name in ("task_id", "for_task_id"))
            wanted |= {one for one in ids if one is not None}
            wanted |= {spec.task_id for spec in getattr(command, "tasks", ())}
            if isinstance(command, c.JobCommand):
                wanted |= self.streams.keys()
        for stream in sorted(one for one in wanted if one in self.streams):
            if stream not in self.farm.tasks and isinstance(self.streams[stream][0], TaskEvent):
                self.farm.admit(fold_task(stream, self.streams[stream]))

    # What there is.

    def task(self, task_id: UUID) -> Task:
        """A task, ended or not."""
        return self.farm.tasks.get(task_id) or fold_task(task_id, self.streams[task_id])

    def worker(self, worker_id: str) -> Worker:
        """A worker."""
        return self.farm.workers[worker_id]

    def topics(self, *, last: int = 1) -> list[str]:
        """Short names of the events of the last rounds, without the closing ones."""
        events = [event for one in self.rounds[-last:] for event in one[:-1]]
        return [event.TOPIC.removeprefix("rushlight.") for event in events]

    def events(self) -> list[FarmEvent]:
        """The whole log."""
        return [event for one in self.rounds for event in one]

    # What usually happens.

    def submit(self, called: str, /, **spec: Any) -> UUID:
        """Submit a task that the test calls so; it must be accepted."""
        task_id = named(called)
        result = self.say(c.SubmitTasks, tasks=(c.TaskSpec(task_id=task_id, **spec),))
        assert result.ok, result.detail
        return task_id

    def join(self, worker_id: str, *, instance: str = "i1", **offered: Any) -> None:
        """A push agent joins, with any renderer and the default scene unless told otherwise."""
        offered = {"renderers": ANY_RENDERER, "default_scene": True, **offered}
        capabilities = c.Capabilities(**offered)
        result = self.say(
            c.JoinWorker, worker_id=worker_id, instance=instance, capabilities=capabilities
        )
        assert result.ok, result.detail

    def ready(self, worker_id: str, status: str = "ready", **fields: Any) -> Result:
        """A pull worker says how it is."""
        return self.say(c.SetWorkerStatus, worker_id=worker_id, status=status, **fields)

    def ask(self, worker_id: str) -> UUID | None:
        """A pull worker asks for work; the id of what it got."""
        result = self.say(c.RequestTask, worker_id=worker_id)
        assert result.ok, result.detail
        return result.task_id

    def report(self, kind: type[c.Command], task_id: UUID, **fields: Any) -> Result:
        """A report of the current attempt."""
        return self.say(kind, task_id=task_id, attempt=self.task(task_id).attempt, **fields)

    def complete(self, task_id: UUID) -> Result:
        """The current attempt is done, and names every frame."""
        outputs = tuple(frame_output(frame) for frame in self.task(task_id).wanted())
        return self.report(c.CompleteTask, task_id, outputs=outputs)

    def fail(self, task_id: UUID, fault: str = "render") -> Result:
        """The current attempt fails."""
        return self.report(c.FailAttempt, task_id, reason="it broke", fault=fault)

    def stopped(self, task_id: UUID, *frames: int) -> Result:
        """The worker says that the current attempt has stopped, with these frames in place."""
        outputs = tuple(frame_output(frame) for frame in frames)
        return self.report(c.AttemptStopped, task_id, outputs=outputs)
