"""How fast the past is: the farm at random positions against a fold from the start, and verify.

    .venv/bin/python bench/audit.py [TASKS]

Makes a log of TASKS tasks (20,000 without it) by the real writer: agents join, tasks of every
priority are submitted, rendered in two reports, now and then preempted, failed, requeued. Then it
measures, on the same log and in the same run.
"""

import random
import statistics
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import UUID, uuid4

from rushlight.domain.replay import Replay
from rushlight.eventlog.audit import verify
from rushlight.eventlog.log import FarmLog
from rushlight.eventlog.past_tasks import Filters
from rushlight.messages import commands as c
from rushlight.settings import FarmSettings
from rushlight.testing import START, ManualClock
from rushlight_dispatcher.writer import Writer

WORKERS = 40
LIMIT = 50
SAMPLES = 60
SETTINGS = FarmSettings(preempt_after_rush_s=0, preempt_after_high_s=0)


def join(writer: Writer) -> None:
    offered = c.Capabilities(renderers={"mitsuba": "3.9.1"}, default_scene=True)
    agents = [
        c.JoinWorker(
            command_id=uuid4(), worker_id=f"node-{number}", instance="i1", capabilities=offered
        )
        for number in range(WORKERS)
    ]
    writer.write(agents, START)


def outputs(frames: range) -> tuple[dict[str, object], ...]:
    return tuple(
        {"frame": n, "path": f"out:{n}.png", "bytes": 1000, "sha256": "0" * 64, "render_s": 2.0}
        for n in frames
    )


def report(task_id: UUID, attempt: int, chance: random.Random) -> Iterator[c.Command]:
    told = {"command_id": uuid4(), "task_id": task_id, "attempt": attempt}
    yield c.FramesRendered(**{**told, "command_id": uuid4()}, outputs=outputs(range(1, 3)))
    if chance.random() < 0.05:
        yield c.FailAttempt(**told, reason="it broke", fault="render", outputs=())
    else:
        yield c.CompleteTask(**told, outputs=outputs(range(1, 5)))


def fill(log: FarmLog, tasks: int) -> None:
    chance = random.Random(1)  # noqa: S311 - the same log each time
    writer = Writer(log, "bench", SETTINGS)
    join(writer)
    number = 0
    for step in range(1, 100 * tasks):
        farm = writer.farm
        commands: list[c.Command] = []
        for worker in list(farm.workers.values()):
            if worker.task_id is not None and worker.attempt is not None:
                commands += report(worker.task_id, worker.attempt, chance)
        for _ in range(min(WORKERS, tasks - number)):
            number += 1
            new = c.NewTask(
                task_id=uuid4(),
                name=f"task {number}",
                frames="1-4",
                renderer="mitsuba",
                output=f"out:{number}.####.png",
                priority=chance.choice(("RUSH", "HIGH", "MEDIUM", "LOW")),
                job_id=f"job-{number // 100}",
            )
            commands.append(c.SubmitTasks(command_id=uuid4(), tasks=(new,)))
        if not commands:
            return
        writer.write(commands, START + timedelta(seconds=step))


def measure(log: FarmLog) -> list[float]:
    history, chance = log.history, random.Random(2)  # noqa: S311
    taken = []
    for _ in range(SAMPLES):
        position = chance.randint(1, log.head())
        begin = time.perf_counter()
        then = history.find(position, START)
        history.tasks(then, Filters(), limit=LIMIT)
        history.workers(then, limit=WORKERS)
        history.counts(then)
        taken.append(time.perf_counter() - begin)
    return taken


def fold(log: FarmLog) -> float:
    begin = time.perf_counter()
    replay = Replay(lambda task_id: [event for _, event in log.stream(task_id)])
    for _, event in log.replay():
        replay.apply(event)
    return time.perf_counter() - begin


def main() -> None:
    tasks = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    with TemporaryDirectory() as folder:
        data = Path(folder)
        with FarmLog.open(data, clock=ManualClock()) as log:
            begin = time.perf_counter()
            fill(log, tasks)
            head = log.head()
            print(f"{head} events of {tasks} tasks in {time.perf_counter() - begin:.1f} s")
            whole_s, taken = fold(log), measure(log)
        middle_s, worst_s = statistics.median(taken), max(taken)
        print(f"fold from the start: {whole_s:.2f} s, {head / whole_s:,.0f} events/s")
        print(
            f"state at a random position: median {middle_s * 1000:.1f} ms,"
            f" worst {worst_s * 1000:.1f} ms; a fold takes {whole_s / middle_s:,.0f} times as long"
        )
        begin = time.perf_counter()
        report_ = verify(data)
        verified_s = time.perf_counter() - begin
        print(
            f"verify: {verified_s:.1f} s, {head / verified_s:,.0f} events/s, clean {report_.clean}"
        )


if __name__ == "__main__":
    main()
