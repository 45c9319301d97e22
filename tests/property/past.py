"""A rehearsal whose rounds go on a real log, and the plain fold to compare its history with."""

import random
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from tests.property.histories import (
    FRAMES,
    MAKERS,
    SETTINGS,
    TIMES_S,
    WORKERS,
    arrive_capable,
    live_on,
    live_through,
    work,
)
from tests.rehearsal import Rehearsal

from rushlight.domain import FarmEvent
from rushlight.domain import commands as c
from rushlight.domain.task import PRIORITIES, Task
from rushlight.domain.task_events import TaskEvent
from rushlight.domain.term import RoundClosed, TermEvent
from rushlight.domain.worker import Worker, WorkerEvent
from rushlight.eventlog.log import FarmLog

Row = dict[str, Any]
OVERRUN_S = SETTINGS["max_render_s"] + 1


class LoggedRehearsal(Rehearsal):
    """Every round is put on the log with the rows that it touched, as the dispatcher does."""

    def __init__(self, log: FarmLog, **settings: Any) -> None:
        super().__init__(**settings)
        self._log = log

    def round(self, *commands: c.Command, **settings: Any) -> list[Any]:
        results = super().round(*commands, **settings)
        events = self.rounds[-1]
        number = {"round": len(self.rounds)}
        tasks = {e.originator_id for e in events if isinstance(e, TaskEvent)}
        workers = {e.worker_id for e in events if isinstance(e, WorkerEvent)}
        self._log.put(
            events=events,
            task_rows=[self.task(one).row() | number for one in tasks],
            worker_rows=[self.worker(one).row() | number for one in workers],
        )
        return results


def busy(log: FarmLog, rounds: int, seed: int) -> LoggedRehearsal:
    """A farm on which anything happened at any time, and new tasks came all the while."""
    chance = random.Random(seed)
    farm = LoggedRehearsal(log, **SETTINGS)
    farm.round()
    live_through(farm, [])
    for number in range(rounds):
        if number % 20 == 0:
            arrive_capable(farm, chance.choice(("push", "pull")))
        if number % 100 == 0:
            live_on(farm, [("later", OVERRUN_S), ("sweep", None)])
        if number % 5:
            live_on(farm, [_anything(chance)])
        else:
            work(farm)
        _claim(farm)
        if number % 4 == 0:
            farm.submit(
                f"more {number}",
                priority=chance.choice(PRIORITIES),
                frames=chance.choice(FRAMES),
                output=f"out:more-{number}.####.png",
                job_id=chance.choice(("job", None)),
                renderer=chance.choice(("mitsuba", None)),
            )
    return farm


def _claim(farm: Rehearsal) -> None:
    """A provisioner is there, and starts what was requested."""
    for worker in list(farm.farm.workers.values()):
        if worker.presence == "requested" and worker.claimed_by is None:
            farm.say(c.ClaimWorker, worker_id=worker.worker_id, provisioner="p1")


def _anything(chance: random.Random) -> tuple[str, Any]:
    what = chance.choices(("round", "later", "sweep", "silent"), (16, 2, 3, 1))[0]
    numbers = [[chance.randrange(8) for _ in range(3)] for _ in range(chance.randint(1, 4))]
    return what, {
        "round": [(chance.choice(sorted(MAKERS)), *three) for three in numbers],
        "later": chance.choice(TIMES_S),
        "sweep": None,
        "silent": chance.choice(WORKERS),
    }[what]


class Fold:
    """The farm by the plainest way there is: every event, from the first, into its aggregate."""

    def __init__(self) -> None:
        self.tasks: dict[UUID, Task] = {}
        self.workers: dict[str, Worker] = {}
        self.round = 0
        self.settings: Row | None = None
        self.time: Any = None

    def apply(self, event: FarmEvent) -> None:
        self.time = event.timestamp
        if isinstance(event, TaskEvent):
            task = self.tasks.setdefault(event.originator_id, Task.blank(event.originator_id))
            event.mutate(task)
        elif isinstance(event, WorkerEvent):
            blank = Worker.blank(event.originator_id)
            event.mutate(self.workers.setdefault(event.worker_id, blank))
        elif isinstance(event, RoundClosed):
            self.round = event.number
        elif isinstance(event, TermEvent):
            self.settings = event.settings  # type: ignore[attr-defined]

    def task_rows(self) -> list[Row]:
        """All tasks, newest first."""
        return [task.row() for task in sorted(self.tasks.values(), key=lambda task: -task.seq)]

    def worker_rows(self) -> list[Row]:
        """All workers, by id."""
        return [self.workers[name].row() for name in sorted(self.workers)]


def without_round(rows: Iterable[Row]) -> list[Row]:
    """A row that came from a view also says which round it is of."""
    return [{name: value for name, value in row.items() if name != "round"} for row in rows]
