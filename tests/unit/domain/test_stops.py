"""Stopping takes two steps: asked, and done. What happens in between."""

from uuid import UUID

import pytest
from tests.rehearsal import Rehearsal, frame_output

from rushlight.domain import commands as c
from rushlight.domain import due

STOPS = ("preempted", "cancelled", "overrun")


def stopping_farm(reason: str) -> tuple[Rehearsal, UUID]:
    """A push worker whose attempt is asked to stop for this reason."""
    farm = Rehearsal()
    farm.join("w1")
    task_id = farm.submit("task", priority="LOW", frames="1-4", max_render_s=1000, max_retries=2)
    if reason == "cancelled":
        farm.say(c.CancelTask, task_id=task_id)
    if reason == "preempted":
        farm.submit("rush", priority="RUSH")
        farm.later(400)
        farm.sweep()
    if reason == "overrun":
        farm.later(1001)
        farm.sweep()
    assert farm.task(task_id).stop is not None
    assert farm.task(task_id).stop["reason"] == reason  # type: ignore[index]
    return farm, task_id


@pytest.mark.parametrize("reason", STOPS)
def test_until_it_has_stopped_the_task_renders_and_the_worker_is_occupied(reason: str) -> None:
    farm, task_id = stopping_farm(reason)

    assert (farm.task(task_id).status, farm.worker("w1").task_id) == ("rendering", task_id)


@pytest.mark.parametrize("reason", STOPS)
def test_a_completion_that_is_folded_first_wins(reason: str) -> None:
    farm, task_id = stopping_farm(reason)

    assert farm.complete(task_id).ok
    task = farm.task(task_id)
    assert (task.status, task.stop, task.preemptions) == ("completed", None, 0)


@pytest.mark.parametrize("reason", STOPS)
def test_frames_reported_on_the_way_are_kept(reason: str) -> None:
    farm, task_id = stopping_farm(reason)

    assert farm.report(c.FramesRendered, task_id, outputs=(frame_output(2),)).ok
    farm.stopped(task_id, 3)

    assert set(farm.task(task_id).rendered) == {2, 3}


@pytest.mark.parametrize(
    ("reason", "status", "error"),
    [
        ("preempted", "pending", None),
        ("cancelled", "cancelled", None),
        ("overrun", "failed", "Task timeout"),
    ],
)
def test_what_becomes_of_a_task_that_has_stopped(
    reason: str, status: str, error: str | None
) -> None:
    farm, task_id = stopping_farm(reason)

    farm.stopped(task_id)

    assert (farm.task(task_id).status, farm.task(task_id).error_message) == (status, error)


def test_an_overrun_spends_a_retry() -> None:
    farm, task_id = stopping_farm("overrun")
    farm.stopped(task_id)
    farm.sweep()

    assert farm.task(task_id).retries == 1


@pytest.mark.parametrize("fault", ["render", "worker"])
def test_a_failure_does_not_undo_a_cancel(fault: str) -> None:
    farm, task_id = stopping_farm("cancelled")

    assert farm.fail(task_id, fault).ok

    assert farm.task(task_id).status == "cancelled"
    assert farm.worker("w1").status == "ready"


def test_a_failure_at_an_overrun_is_the_timeout_that_was_coming() -> None:
    farm, task_id = stopping_farm("overrun")
    farm.fail(task_id, "worker")

    task = farm.task(task_id)

    assert (task.status, task.error_message, task.avoid) == ("failed", "Task timeout", [])


def test_a_failure_of_a_preempted_attempt_is_a_failure() -> None:
    farm, task_id = stopping_farm("preempted")
    farm.fail(task_id)

    assert (farm.task(task_id).status, farm.task(task_id).preemptions) == ("failed", 0)


@pytest.mark.parametrize("reason", ["cancelled", "overrun"])
@pytest.mark.parametrize("end", ["lost", "left", "returned", "joined"])
def test_a_stop_has_its_way_however_the_attempt_ends(reason: str, end: str) -> None:
    farm, task_id = stopping_farm(reason)
    if end == "lost":
        farm.say(c.TimeoutWorker, worker_id="w1", instance="i1", last_heartbeat=None)
        farm.later(2000)
        farm.say(c.TimeoutWorker, worker_id="w1", instance="i1", last_heartbeat=None)
    elif end == "left":
        farm.say(c.LeaveWorker, worker_id="w1", instance="i1")
    elif end == "returned":
        farm.say(c.ReturnAttempt, task_id=task_id, attempt=1, reason="nobody there")
    else:
        farm.say(c.LeaveWorker, worker_id="w1", instance="i1")
        farm.join("w1", instance="i2")

    task = farm.task(task_id)

    assert (task.status, task.losses) == (
        "cancelled" if reason == "cancelled" else "failed",
        0,
    )


def test_a_lost_worker_makes_a_preempted_attempt_lost() -> None:
    farm, task_id = stopping_farm("preempted")
    farm.later(2000)
    farm.say(c.TimeoutWorker, worker_id="w1", instance="i1")

    task = farm.task(task_id)

    assert (task.status, task.losses, task.preemptions) == ("failed", 1, 0)


def test_a_cancel_overrides_a_preemption_and_keeps_its_promise() -> None:
    farm, task_id = stopping_farm("preempted")
    (rush,) = farm.farm.promised
    farm.say(c.CancelTask, task_id=task_id)
    assert farm.farm.promised == {rush: task_id}

    farm.stopped(task_id)

    task = farm.task(task_id)
    assert (task.status, task.preemptions) == ("cancelled", 0)
    assert farm.worker("w1").task_id == rush


def test_a_cancelled_attempt_is_not_preempted_and_does_not_overrun() -> None:
    farm, task_id = stopping_farm("cancelled")
    farm.submit("rush", priority="RUSH")
    farm.later(2000)

    assert list(due.victims(farm.farm, farm.now)) == []
    assert farm.say(c.TimeoutTask, task_id=task_id, attempt=1).code == "not-due"


def test_the_second_cancel_changes_nothing() -> None:
    farm, task_id = stopping_farm("cancelled")

    assert farm.say(c.CancelTask, task_id=task_id).code == "unchanged"


def test_a_stop_gives_the_worker_up_to_its_limit_to_answer() -> None:
    farm, task_id = stopping_farm("cancelled")
    farm.later(59)
    assert not due.stop_unanswered(farm.task(task_id), farm.farm, farm.now)

    farm.later(1)

    assert due.stop_unanswered(farm.task(task_id), farm.farm, farm.now)


def test_an_attempt_overruns_at_its_limit_and_not_before() -> None:
    farm = Rehearsal(max_render_s=100)
    farm.join("w1")
    task_id = farm.submit("task")
    farm.later(99)
    assert farm.say(c.TimeoutTask, task_id=task_id, attempt=1).code == "not-due"

    farm.later(1)

    assert farm.say(c.TimeoutTask, task_id=task_id, attempt=1).ok


def test_the_limit_of_the_task_goes_before_that_of_the_farm() -> None:
    farm = Rehearsal(max_render_s=100)
    farm.join("w1")
    task_id = farm.submit("task", max_render_s=200)
    farm.later(150)

    assert farm.say(c.TimeoutTask, task_id=task_id, attempt=1).code == "not-due"


@pytest.mark.parametrize("reason", ["cancelled", "overrun"])
def test_for_a_pull_worker_both_steps_are_one_round(reason: str) -> None:
    farm = Rehearsal()
    farm.ready("w1")
    task_id = farm.submit("task", max_render_s=100, max_retries=0)
    farm.ask("w1")
    if reason == "cancelled":
        farm.say(c.CancelTask, task_id=task_id)
    else:
        farm.later(101)
        farm.sweep()

    status = {"cancelled": "cancelled", "overrun": "failed"}[reason]
    assert (farm.task(task_id).status, farm.worker("w1").status) == (status, "ready")
