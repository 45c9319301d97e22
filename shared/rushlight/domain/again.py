"""Deciding a round again: do the rules, on the state before it, give the events on the log?

The first event of each command holds all that the command said; so the command is made from it,
and decided. What the planner did is asked of the planner that shipped then. Refused commands
changed nothing and are not decided again: the log keeps them with their reasons, under the same
digest.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any
from uuid import UUID

from rushlight.domain import commands as c
from rushlight.domain import task_events as t
from rushlight.domain import worker as w
from rushlight.domain.base import FarmEvent
from rushlight.domain.decide.reports import WHAT_TO_DO
from rushlight.domain.deciding import decide_one
from rushlight.domain.farm import Farm
from rushlight.domain.placement import PLANNER
from rushlight.domain.round import PLAN, Round
from rushlight.domain.term import RoundClosed, SettingsChanged, TakenOver, TermEvent

PLANNERS = {PLANNER}
EVENTS_OF_ONE_MAX = 8


@dataclass(frozen=True, slots=True)
class Difference:
    """Where the rules and the log part."""

    round: int
    expected: str
    found: str


def decide_again(farm: Farm, events: Sequence[FarmEvent]) -> Difference | None:
    """Decide one logged round on the farm as it was before; None: the same events.

    The farm has been changed as by the rules when this returns.
    """
    closing = events[-1]
    if not isinstance(closing, RoundClosed):
        raise TypeError("a round ends with round_closed")
    if closing.planner not in PLANNERS:
        known = f"a known planner: {sorted(PLANNERS)}"
        return Difference(closing.number, known, str(closing.planner))
    current = Round(farm, closing.now)
    logged = events[:-1]
    _decide(current, logged, closing)
    return _compare(closing.number, logged, current.events)


def _decide(current: Round, logged: Sequence[FarmEvent], closing: RoundClosed) -> None:
    """Make each command from its first event and decide it, then ask the planner."""
    while (position := len(current.events)) < len(logged):
        event = logged[position]
        if isinstance(event, TermEvent):
            _term(current, event)
        elif event.command == PLAN:
            break
        else:
            _one(current, logged, position)
        if len(current.events) == position:
            return
    current.asking = {worker_id: [] for worker_id in (*closing.asked, *_got_work(logged))}
    current.place()


def _one(current: Round, logged: Sequence[FarmEvent], position: int) -> None:
    event = logged[position]
    near = logged[position : position + EVENTS_OF_ONE_MAX]
    same = list(takewhile(lambda one: one.command_id == event.command_id, near))
    command = _MAKERS[event.command](event, same)
    decide_one(current, command)


def _term(current: Round, event: TermEvent) -> None:
    if isinstance(event, TakenOver):
        current.take_over(event.owner, event.settings)
    elif isinstance(event, SettingsChanged):
        current.change_settings(event.settings)


def _got_work(logged: Sequence[FarmEvent]) -> list[str]:
    return [
        event.worker_id
        for event in logged
        if isinstance(event, t.Assigned) and event.command == PLAN and event.instance is None
    ]


def _compare(
    number: int, logged: Sequence[FarmEvent], decided: Sequence[FarmEvent]
) -> Difference | None:
    for index in range(max(len(logged), len(decided))):
        found = logged[index] if index < len(logged) else None
        expected = decided[index] if index < len(decided) else None
        if expected != found:
            return Difference(number, _describe(expected), _describe(found))
    return None


def _describe(event: FarmEvent | None) -> str:
    if event is None:
        return "nothing more"
    return f"{event.TOPIC} {event.originator_id} {event.encode().decode()}"


Same = Sequence[Any]
_MAKERS: dict[str, Callable[[Any, Same], c.Command]] = {}


def _by(event: FarmEvent) -> dict[str, Any]:
    return {"command_id": event.command_id, "principal": event.principal}


def _maker(kind: type[c.Command]) -> Callable[[Callable[[Any, Same], c.Command]], Any]:
    def register(maker: Callable[[Any, Same], c.Command]) -> Callable[[Any, Same], c.Command]:
        _MAKERS[kind.__name__] = maker
        return maker

    return register


def _of_task(kind: type[c.TaskCommand], *names: str) -> None:
    def make(event: FarmEvent, _: Same) -> c.Command:
        fields = {name: getattr(event, name) for name in names}
        return kind(task_id=event.originator_id, **fields, **_by(event))

    _MAKERS[kind.__name__] = make


_of_task(c.CancelTask)
_of_task(c.PauseTask)
_of_task(c.ResumeTask)
_of_task(c.RetryTask, "attempt")
_of_task(c.RequeueTask, "frames")
_of_task(c.ReprioritiseTask, "priority")
_of_task(c.FramesRendered, "attempt", "worker_id", "outputs")
_of_task(c.AttemptStopped, "attempt", "worker_id", "outputs")
_of_task(c.FailTask, "attempt")
_of_task(c.TimeoutTask, "attempt")


@_maker(c.SubmitTasks)
def _submit(event: t.Submitted, _: Same) -> c.Command:
    fields = {
        name: getattr(event, name) for name in c.TaskSpec.__dataclass_fields__ if name != "task_id"
    }
    return c.SubmitTasks(tasks=(c.TaskSpec(task_id=event.originator_id, **fields),), **_by(event))


@_maker(c.FailAttempt)
def _fail(event: t.Failed | t.Stopped, _: Same) -> c.Command:
    """Where a stop had its way, reason and fault are not on the log, and decide nothing."""
    return c.FailAttempt(
        task_id=event.originator_id,
        attempt=event.attempt,
        worker_id=event.worker_id,
        reason=event.reason,
        fault="render" if isinstance(event, t.Stopped) else event.fault,
        outputs=event.outputs,
        **_by(event),
    )


@_maker(c.CompleteTask)
def _complete(event: t.Completed, _: Same) -> c.Command:
    return c.CompleteTask(
        task_id=event.originator_id,
        attempt=event.attempt,
        worker_id=event.worker_id,
        outputs=event.outputs if event.named else None,
        **_by(event),
    )


@_maker(c.StartTask)
def _start(event: t.Assigned | t.FramesRendered, _: Same) -> c.Command:
    return c.StartTask(task_id=event.originator_id, worker_id=event.worker_id, **_by(event))


@_maker(c.ReturnAttempt)
def _return(event: t.Stopped, same: Same) -> c.Command:
    draining = next((one for one in same if isinstance(one, w.Draining)), None)
    reason = "" if draining is None else draining.reason.removesuffix(WHAT_TO_DO)
    return c.ReturnAttempt(
        task_id=event.originator_id, attempt=event.attempt, reason=reason, **_by(event)
    )


@_maker(c.PreemptTask)
def _preempt(event: t.StopRequested, _: Same) -> c.Command:
    return c.PreemptTask(
        task_id=event.originator_id,
        attempt=event.attempt,
        for_task_id=event.for_task_id or UUID(int=0),
        **_by(event),
    )


@_maker(c.JoinWorker)
def _join(event: w.Joined, _: Same) -> c.Command:
    return c.JoinWorker(
        worker_id=event.worker_id,
        instance=event.instance or "",
        capabilities=_offered(event),
        host=event.host,
        holds_lock=event.holds_lock,
        provisioned=event.provisioned,
        **_by(event),
    )


def _offered(event: w.Joined) -> c.Capabilities:
    return c.Capabilities(
        renderers=event.renderers,
        default_scene=event.default_scene,
        memory_mib=event.memory_mib,
        tags=event.tags,
    )


@_maker(c.SetWorkerStatus)
def _set_status(event: Any, same: Same) -> c.Command:
    left = next((one for one in same if isinstance(one, w.Left)), None)
    worker_id = event.worker_id
    return c.SetWorkerStatus(
        worker_id=worker_id,
        status="ready" if left is None else left.status,
        capabilities=_offered(event) if isinstance(event, w.Joined) else None,
        **_by(event),
    )


@_maker(c.DrainWorker)
def _drain(event: w.Draining, _: Same) -> c.Command:
    return c.DrainWorker(worker_id=event.worker_id, **_by(event))


@_maker(c.UndrainWorker)
def _undrain(event: w.Undrained, _: Same) -> c.Command:
    return c.UndrainWorker(worker_id=event.worker_id, **_by(event))


@_maker(c.LeaveWorker)
def _leave(event: Any, same: Same) -> c.Command:
    left = next(one for one in same if isinstance(one, w.Left))
    return c.LeaveWorker(
        worker_id=left.worker_id,
        instance=left.instance or "",
        reason=left.reason,
        **_by(event),
    )


@_maker(c.TimeoutWorker)
def _timeout(event: w.WorkerLost, _: Same) -> c.Command:
    return c.TimeoutWorker(
        worker_id=event.worker_id,
        instance=event.instance,
        last_heartbeat=event.last_heartbeat,
        sequence=event.sequence,
        **_by(event),
    )


@_maker(c.RequestWorker)
def _request(event: w.Requested, _: Same) -> c.Command:
    return c.RequestWorker(worker_id=event.worker_id, task_id=event.for_task_id, **_by(event))


@_maker(c.ClaimWorker)
def _claim(event: w.Claimed, _: Same) -> c.Command:
    return c.ClaimWorker(worker_id=event.worker_id, provisioner=event.provisioner, **_by(event))
