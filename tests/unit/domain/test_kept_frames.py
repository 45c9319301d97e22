"""Finished frames outlive the attempt that made them, unless they are asked for again."""

import pytest
from tests.rehearsal import Rehearsal, frame_output

from rushlight.domain import commands as c


@pytest.mark.parametrize("end", ["failed", "lost", "preempted", "given back", "left"])
def test_finished_frames_are_kept_through(end: str) -> None:
    farm = Rehearsal()
    farm.join("w1")
    task_id = farm.submit("task", frames="1-5", priority="LOW")
    farm.report(c.FramesRendered, task_id, outputs=(frame_output(2), frame_output(4)))
    if end == "failed":
        farm.fail(task_id)
    elif end == "lost":
        farm.later(91)
        farm.say(c.TimeoutWorker, worker_id="w1", instance="i1")
    elif end == "left":
        farm.say(c.LeaveWorker, worker_id="w1", instance="i1")
    else:
        if end == "preempted":
            farm.submit("rush", priority="RUSH")
            farm.later(400)
        farm.sweep()
        farm.stopped(task_id)

    assert set(farm.task(task_id).rendered) == {2, 4}
    assert farm.task(task_id).missing() == [1, 3, 5]


def test_the_next_attempt_has_only_to_name_what_is_missing() -> None:
    farm = Rehearsal()
    farm.join("w1")
    task_id = farm.submit("task", frames="1-3")
    farm.report(c.FramesRendered, task_id, outputs=(frame_output(1), frame_output(2)))
    farm.fail(task_id)
    farm.sweep()

    assert farm.report(c.CompleteTask, task_id, outputs=(frame_output(3),)).ok
    assert farm.task(task_id).output_size == 300


def test_a_frame_rendered_again_replaces_the_kept_one() -> None:
    farm = Rehearsal()
    farm.join("w1")
    task_id = farm.submit("task", frames="1-2")
    farm.report(c.FramesRendered, task_id, outputs=(frame_output(1),))

    farm.report(c.FramesRendered, task_id, outputs=(frame_output(1, bytes=7),))

    assert farm.task(task_id).rendered[1]["bytes"] == 7


def test_a_requeue_renders_everything_again() -> None:
    farm = Rehearsal()
    farm.join("w1")
    task_id = farm.submit("task", frames="1-3")
    farm.complete(task_id)

    farm.say(c.RequeueTask, task_id=task_id)

    task = farm.task(task_id)
    assert (task.status, task.attempt, task.missing()) == ("rendering", 2, [1, 2, 3])


def test_a_requeue_of_named_frames_keeps_the_others() -> None:
    farm = Rehearsal()
    farm.join("w1")
    task_id = farm.submit("task", frames="1-5")
    farm.complete(task_id)

    farm.say(c.RequeueTask, task_id=task_id, frames="2,4-5")

    assert farm.task(task_id).missing() == [2, 4, 5]


@pytest.mark.parametrize(("frames", "wish"), [("1-5", "6"), (None, "1"), ("1-5", "5-")])
def test_a_requeue_of_frames_that_the_task_does_not_have_is_refused(
    frames: str | None, wish: str
) -> None:
    farm = Rehearsal()
    farm.join("w1")
    task_id = farm.submit("task", frames=frames)
    farm.complete(task_id)

    assert farm.say(c.RequeueTask, task_id=task_id, frames=wish).code == "invalid-request"


def test_a_requeue_begins_with_new_retries_and_losses_but_not_with_a_new_attempt_number() -> None:
    farm = Rehearsal()
    farm.join("w1")
    task_id = farm.submit("task")
    farm.fail(task_id)
    farm.sweep()
    farm.fail(task_id)
    assert farm.task(task_id).status == "failed"
    farm.say(c.DrainWorker, worker_id="w1")

    farm.say(c.RequeueTask, task_id=task_id)

    task = farm.task(task_id)
    assert (task.retries, task.attempt, task.error_message) == (0, 2, None)
    assert (task.completed_at, task.started_at) == (None, None)


def test_the_age_survives_a_requeue() -> None:
    farm = Rehearsal()
    farm.join("w1")
    first, second = farm.submit("first"), farm.submit("second")
    farm.complete(first)
    farm.submit("third")
    farm.say(c.RequeueTask, task_id=first)

    farm.complete(second)

    assert farm.worker("w1").task_id == first
