"""Every command about a task, in every status of a task: what becomes of it."""

from typing import Any
from uuid import UUID

import pytest
from tests.rehearsal import Rehearsal, frame_output, named

from rushlight.domain import commands as c

STATUSES = (
    "absent pending paused rendering stopping completed cancelled waits-for-retry failed"
).split()
# Per command and status: the code of the outcome, and the task's status after it where it is done.
TABLE = """
command           absent     pending            paused             rendering          stopping            completed           cancelled           waits-for-retry     failed
CancelTask        not-found  done:cancelled     done:cancelled     done:rendering     unchanged           illegal-transition  illegal-transition  done:cancelled      illegal-transition
PauseTask         not-found  done:paused        unchanged          illegal-transition illegal-transition  illegal-transition  illegal-transition  illegal-transition  illegal-transition
ResumeTask        not-found  illegal-transition done:pending       illegal-transition illegal-transition  illegal-transition  illegal-transition  illegal-transition  illegal-transition
RetryTask         not-found  illegal-transition illegal-transition illegal-transition illegal-transition  illegal-transition  illegal-transition  done:pending        done:pending
RequeueTask       not-found  illegal-transition illegal-transition illegal-transition illegal-transition  done:pending        done:pending        done:pending        done:pending
ReprioritiseTask  not-found  done:pending       done:paused        done:rendering     done:rendering      illegal-transition  illegal-transition  done:failed         illegal-transition
FramesRendered    not-found  stale              stale              done:rendering     done:rendering      stale               stale               stale               stale
CompleteTask      not-found  stale              stale              done:completed     done:completed      unchanged           stale               stale               stale
FailAttempt       not-found  stale              stale              done:failed        done:cancelled      stale               stale               stale               stale
AttemptStopped    not-found  stale              stale              done:pending       done:cancelled      stale               stale               stale               stale
ReturnAttempt     not-found  stale              stale              done:pending       done:cancelled      stale               stale               stale               stale
StartTask         not-found  worker-not-ready   illegal-transition done:rendering     done:rendering      illegal-transition  illegal-transition  illegal-transition  illegal-transition
TimeoutTask       not-due    not-due            not-due            not-due            not-due             not-due             not-due             not-due             not-due
FailTask          not-due    not-due            not-due            not-due            not-due             not-due             not-due             not-due             not-due
PreemptTask       not-due    not-due            not-due            not-due            not-due             not-due             not-due             not-due             not-due
RequestWorker     not-due    not-due            not-due            not-due            not-due             not-due             not-due             not-due             not-due
"""  # noqa: E501
ROWS = [line.split() for line in TABLE.strip().splitlines()[1:]]
CELLS = [
    pytest.param(row[0], status, cell, id=f"{row[0]}-{status}")
    for row in ROWS
    for status, cell in zip(STATUSES, row[1:], strict=True)
]
EXTRA: dict[str, dict[str, Any]] = {
    "ReprioritiseTask": {"priority": "RUSH"},
    "FramesRendered": {"outputs": (frame_output(None),)},
    "CompleteTask": {"outputs": (frame_output(None),)},
    "FailAttempt": {"reason": "it broke"},
    "ReturnAttempt": {"reason": "nobody there"},
    "StartTask": {"worker_id": "w1"},
    "PreemptTask": {"for_task_id": named("other")},
    "RequestWorker": {"worker_id": "w9"},
}
FENCED = {
    "FramesRendered",
    "CompleteTask",
    "FailAttempt",
    "AttemptStopped",
    "ReturnAttempt",
    "TimeoutTask",
    "FailTask",
    "PreemptTask",
}


def farm_with_task(status: str) -> tuple[Rehearsal, UUID]:
    """A task in this status, and a push worker that had its first attempt."""
    farm = Rehearsal()
    if status == "absent":
        farm.join("w1")
        return farm, named("task")
    task_id = farm.submit("task", max_retries=1 if status == "waits-for-retry" else 0)
    farm.join("w1")
    if status in ("pending", "paused"):
        farm.say(c.DrainWorker, worker_id="w1")
        farm.stopped(task_id)
    if status == "paused":
        farm.say(c.PauseTask, task_id=task_id)
    if status in ("stopping", "cancelled"):
        farm.say(c.CancelTask, task_id=task_id)
    if status == "cancelled":
        farm.stopped(task_id)
    if status == "completed":
        farm.complete(task_id)
    if status in ("waits-for-retry", "failed"):
        farm.fail(task_id)
    return farm, task_id


def say(farm: Rehearsal, kind: str, task_id: UUID) -> Any:
    known = task_id in farm.streams
    fence = {"attempt": farm.task(task_id).attempt if known else 1} if kind in FENCED else {}
    return farm.say(getattr(c, kind), task_id=task_id, **fence, **EXTRA.get(kind, {}))


@pytest.mark.parametrize(("kind", "status", "expected"), CELLS)
def test_a_command_in_a_status_ends_as_the_table_says(
    kind: str, status: str, expected: str
) -> None:
    farm, task_id = farm_with_task(status)
    farm.say(c.DrainWorker, worker_id="w1")  # what waits again shall not be placed again
    code, _, after = expected.partition(":")

    result = say(farm, kind, task_id)

    assert result.code == code, result.detail
    assert not after or farm.task(task_id).status == after


REFUSED = [
    (row[0], status)
    for row in ROWS
    for status, cell in zip(STATUSES[1:], row[2:], strict=True)
    if not cell.startswith("done")
]


@pytest.mark.parametrize(("kind", "status"), REFUSED)
def test_a_refused_command_leaves_the_task_as_it_was(kind: str, status: str) -> None:
    farm, task_id = farm_with_task(status)
    before = farm.task(task_id).row()

    say(farm, kind, task_id)

    assert farm.task(task_id).row() == before


@pytest.mark.parametrize("kind", [row[0] for row in ROWS if row[0][-4:] == "Task"][:6])
def test_a_command_for_another_version_is_refused(kind: str) -> None:
    farm, task_id = farm_with_task("rendering")
    version = farm.task(task_id).version

    extra = EXTRA.get(kind, {})
    result = farm.say(getattr(c, kind), task_id=task_id, expected_version=version - 1, **extra)

    assert result.code == "version-moved"
    assert f"at version {version}" in result.detail


def test_a_command_for_the_current_version_is_taken() -> None:
    farm, task_id = farm_with_task("rendering")

    version = farm.task(task_id).version

    assert farm.say(c.CancelTask, task_id=task_id, expected_version=version).ok


def test_an_unknown_priority_is_refused() -> None:
    farm, task_id = farm_with_task("rendering")

    result = farm.say(c.ReprioritiseTask, task_id=task_id, priority="URGENT")

    assert (result.code, farm.task(task_id).priority) == ("invalid-request", "MEDIUM")


def test_the_same_priority_again_changes_nothing() -> None:
    farm, task_id = farm_with_task("rendering")

    assert farm.say(c.ReprioritiseTask, task_id=task_id, priority="MEDIUM").code == "unchanged"


def test_a_job_verb_does_what_it_can_and_counts_what_refuses() -> None:
    farm = Rehearsal()
    first, second = (farm.submit(name, job_id="job") for name in ("first", "second"))
    other = farm.submit("other", job_id="other job")
    farm.say(c.CancelTask, task_id=first)

    result = farm.say(c.JobCommand, job_id="job", verb="cancel")

    assert (result.task_ids, result.refused) == ((second,), 1)
    assert farm.task(other).status == "pending"


def test_a_job_verb_for_an_unknown_job_is_refused() -> None:
    assert Rehearsal().say(c.JobCommand, job_id="none", verb="cancel").code == "not-found"


@pytest.mark.parametrize(
    ("verb", "before", "after"),
    [
        ("cancel", "pending", "cancelled"),
        ("pause", "pending", "paused"),
        ("resume", "paused", "pending"),
        ("retry", "failed", "pending"),
        ("requeue", "completed", "pending"),
        ("reprioritise", "pending", "pending"),
    ],
)
def test_a_job_knows_every_verb(verb: str, before: str, after: str) -> None:
    farm = Rehearsal()
    task_id = farm.submit("task", job_id="job", max_retries=0)
    if before in ("failed", "completed"):
        farm.join("w1")
        farm.fail(task_id) if before == "failed" else farm.complete(task_id)
        farm.say(c.DrainWorker, worker_id="w1")
    if before == "paused":
        farm.say(c.PauseTask, task_id=task_id)

    result = farm.say(c.JobCommand, job_id="job", verb=verb, priority="HIGH")

    assert (result.task_ids, farm.task(task_id).status) == ((task_id,), after)
