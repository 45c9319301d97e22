"""Random histories of a farm: any command at any time, also late, doubled and forged ones."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import UUID

from hypothesis import strategies as st
from tests.property.invariants import decide_watchfully
from tests.rehearsal import ANY_RENDERER, Rehearsal, frame_output, named

from rushlight.domain import commands as c
from rushlight.domain.task import PRIORITIES

TASKS = 8
WORKERS = ("push-1", "push-2", "push-3", "pull-1", "pull-2", "new-1")
SETTINGS: dict[str, Any] = {
    "max_losses": 2,
    "max_preemptions": 1,
    "max_worker_failures": 2,
    "provisioned_workers_max": 2,
    "max_render_s": 50_000,
}
TIMES_S = (0.5, 20, 61, 95, 130, 301, 1801, 44_000)
FRAMES = (None, None, "1-3", "2,4")
FAULTS = {4: "task", 5: "worker", 6: "worker", 7: "worker"}
REQUIRES: tuple[dict[str, Any], ...] = ({}, {"tags": ("gpu",)}, {"memory_mib": 4000})

Number = int
Maker = Callable[[Rehearsal, Number, Number, Number], Any]


class WatchedRehearsal(Rehearsal):
    """Checks that a refused command has changed nothing."""

    decide_all = staticmethod(decide_watchfully)


def _task_id(number: int) -> UUID:
    return named(f"task {number % TASKS}")


def _rendering(farm: Rehearsal, number: int, wrong: int) -> UUID:
    """Mostly a task that renders."""
    found = sorted(task.id for task in farm.farm.tasks.values() if task.status == "rendering")
    return found[number % len(found)] if found and wrong != 7 else _task_id(number)


def _doubled(farm: Rehearsal, a: int, b: int, d: int) -> Any:
    """What was said before comes once more."""
    _, commands = farm.said[-1 - (a * 8 + b) % len(farm.said)]
    if not commands:
        return farm.command(c.RequestTask, worker_id="pull-1")
    return replace(commands[d % len(commands)], command_id=farm.command(c.Command).command_id)


def _attempt(farm: Rehearsal, task_id: UUID, wrong: int) -> int:
    known = farm.task(task_id).attempt if task_id in farm.streams else 1
    return max(0, known + (-1 if wrong == 6 else 1 if wrong == 7 else 0))


def _submit(farm: Rehearsal, a: int, b: int, d: int) -> Any:
    spec = c.TaskSpec(
        task_id=_task_id(a),
        priority=PRIORITIES[b % 4],
        frames=FRAMES[d % 4],
        output="out:same.####.png" if d == 7 else None,
        job_id="job" if b > 3 else None,
        renderer="mitsuba" if d > 3 else None,
        requires=REQUIRES[(a + d) % 3],
        max_retries=b % 3,
    )
    return farm.command(c.SubmitTasks, tasks=(spec,))


def _join(farm: Rehearsal, a: int, b: int, d: int) -> Any:
    offered = c.Capabilities(
        renderers=ANY_RENDERER if b % 4 else {},
        default_scene=b != 1,
        memory_mib=8000 if b % 2 else 2000,
        tags=("gpu",) if d % 2 else (),
    )
    return farm.command(
        c.JoinWorker,
        worker_id=WORKERS[a % len(WORKERS)],
        instance=f"i{d}",
        capabilities=offered,
        host="host",
        holds_lock=d > 4,
        provisioned=d == 2,
    )


def _say(farm: Rehearsal, a: int, b: int, d: int) -> Any:
    return farm.command(
        c.SetWorkerStatus,
        worker_id=WORKERS[3 + a % 3],
        status=("ready", "ready", "ready", "busy", "offline", "failed", "ready", "ready")[b],
        capabilities=None if d < 5 else c.Capabilities(renderers=ANY_RENDERER, tags=("gpu",)),
    )


def _of_task(kind: type[c.Command], **more: Callable[[int], Any]) -> Maker:
    def make(farm: Rehearsal, a: int, b: int, d: int) -> Any:
        fields = {name: value(b) for name, value in more.items()}
        return farm.command(kind, task_id=_task_id(a), **fields)

    return make


def _of_worker(kind: type[c.Command], **more: Callable[[int], Any]) -> Maker:
    def make(farm: Rehearsal, a: int, b: int, d: int) -> Any:
        fields = {name: value(b) for name, value in more.items()}
        return farm.command(kind, worker_id=WORKERS[a % len(WORKERS)], **fields)

    return make


def _report(kind: type[c.Command], **more: Callable[[int], Any]) -> Maker:
    """A report; of the worker that has the attempt, or now and then of another."""

    def make(farm: Rehearsal, a: int, b: int, d: int) -> Any:
        task_id = _rendering(farm, a, d)
        fields: dict[str, Any] = {name: value(b) for name, value in more.items()}
        task = farm.task(task_id) if task_id in farm.streams else None
        if kind is not c.ReturnAttempt:
            wanted = (None,) if task is None else task.wanted()
            kept = wanted if b else wanted[:1]
            fields["outputs"] = tuple(frame_output(frame, render_s=0.1 * (b + d)) for frame in kept)
            fields["worker_id"] = None if d < 5 else WORKERS[d % len(WORKERS)]
        if kind is c.CompleteTask and d == 3:
            fields["outputs"] = None
        attempt = None if d == 4 and kind is not c.ReturnAttempt else _attempt(farm, task_id, d)
        return farm.command(kind, task_id=task_id, attempt=attempt, **fields)

    return make


def _leave(farm: Rehearsal, a: int, b: int, d: int) -> Any:
    worker_id = WORKERS[a % 3]
    worker = farm.farm.workers.get(worker_id)
    instance = "other" if worker is None or b == 0 else worker.instance or "none"
    return farm.command(c.LeaveWorker, worker_id=worker_id, instance=instance)


def _timed(kind: type[c.Command]) -> Maker:
    def make(farm: Rehearsal, a: int, b: int, d: int) -> Any:
        task_id = _rendering(farm, a, 7 if kind in (c.RetryTask, c.FailTask) else d)
        fields: dict[str, Any] = {"task_id": task_id, "attempt": _attempt(farm, task_id, d)}
        if kind is c.PreemptTask:
            fields["for_task_id"] = _task_id(b)
        return farm.command(kind, **fields)

    return make


def _timeout_worker(farm: Rehearsal, a: int, b: int, d: int) -> Any:
    worker = farm.farm.workers.get(WORKERS[a % len(WORKERS)])
    return farm.command(
        c.TimeoutWorker,
        worker_id=WORKERS[a % len(WORKERS)],
        instance=None if worker is None else worker.instance,
        last_heartbeat=farm.now,
    )


MAKERS: dict[str, Maker] = {
    "submit": _submit,
    "submit more": _submit,
    "doubled": _doubled,
    "doubled again": _doubled,
    "join": _join,
    "say": _say,
    "ask": _of_worker(c.RequestTask),
    "ask of a pull worker": lambda farm, a, b, d: farm.command(
        c.RequestTask, worker_id=WORKERS[3 + a % 2]
    ),
    "frames": _report(c.FramesRendered),
    "complete": _report(c.CompleteTask),
    "fail": _report(c.FailAttempt, reason=str, fault=lambda b: FAULTS.get(b, "render")),
    "stopped": _report(c.AttemptStopped),
    "return": _report(c.ReturnAttempt, reason=str),
    "cancel": _of_task(c.CancelTask),
    "pause": _of_task(c.PauseTask),
    "resume": _of_task(c.ResumeTask),
    "retry": _of_task(c.RetryTask),
    "requeue": _of_task(c.RequeueTask, frames=lambda b: None if b % 2 else "2"),
    "priority": _of_task(c.ReprioritiseTask, priority=lambda b: PRIORITIES[b % 4]),
    "start": _of_task(c.StartTask, worker_id=lambda b: WORKERS[b % len(WORKERS)]),
    "job": lambda farm, a, b, d: farm.command(
        c.JobCommand,
        job_id="job",
        verb=("cancel", "pause", "resume", "retry", "requeue", "reprioritise")[a % 6],
        priority=PRIORITIES[b % 4],
    ),
    "drain": _of_worker(c.DrainWorker),
    "undrain": _of_worker(c.UndrainWorker),
    "leave": _leave,
    "forged timeout of a worker": _timeout_worker,
    "timeout of a task": _timed(c.TimeoutTask),
    "preempt": _timed(c.PreemptTask),
    "due retry": _timed(c.RetryTask),
    "fail for good": _timed(c.FailTask),
    "request": lambda farm, a, b, d: farm.command(
        c.RequestWorker, worker_id=f"new-{1 + b % 2}", task_id=_task_id(a)
    ),
    "claim": _of_worker(c.ClaimWorker, provisioner=lambda b: f"p{b}"),
}

numbers = st.integers(0, 7)
command_moves = st.tuples(st.sampled_from(sorted(MAKERS)), numbers, numbers, numbers)
rounds = st.lists(command_moves, min_size=1, max_size=4).map(lambda moves: ("round", moves))
times = st.sampled_from(TIMES_S).map(lambda seconds: ("later", seconds))
silences = st.sampled_from(WORKERS).map(lambda worker_id: ("silent", worker_id))
sweeps = st.just(("sweep", None))
histories = st.lists(st.one_of(rounds, rounds, rounds, times, sweeps, silences), max_size=40)


def live_through(farm: Rehearsal, history: list[tuple[str, Any]]) -> None:
    """Let it all happen, on a farm that has begun to work."""
    farm.round(_join(farm, 0, 3, 1), _join(farm, 1, 2, 0), _say(farm, 0, 0, 0))
    farm.round(*(_submit(farm, number, number, number) for number in range(6)))
    live_on(farm, history)


def live_on(farm: Rehearsal, history: list[tuple[str, Any]]) -> None:
    """Let it all happen."""
    for what, detail in history:
        if what == "round":
            farm.round(*(MAKERS[name](farm, a, b, d) for name, a, b, d in detail))
        elif what == "later":
            farm.later(detail)
        elif what == "silent":
            farm.silent.symmetric_difference_update({detail})
        else:
            farm.sweep()


def arrive_capable(farm: Rehearsal, kind: str) -> None:
    """A worker comes that can run any task."""
    if kind == "push":
        farm.join("anchor", memory_mib=None, tags=("gpu",))
    else:
        farm.ready("pull-anchor", capabilities=c.Capabilities(tags=("gpu",)))


def work(farm: Rehearsal) -> None:
    """Every worker that is not silent does what it should; the silent ones do nothing."""
    for worker in list(farm.farm.workers.values()):
        if not worker.here or worker.worker_id in farm.silent:
            continue
        if worker.mode == "pull" and worker.idle:
            farm.ask(worker.worker_id)
        if worker.task_id is None:
            continue
        if farm.task(worker.task_id).stop is None:
            farm.complete(worker.task_id)
        else:
            farm.stopped(worker.task_id)
