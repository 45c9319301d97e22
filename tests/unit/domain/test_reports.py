"""What late, doubled, forged and incomplete reports do: nothing."""

from typing import Any
from uuid import UUID

import pytest
from tests.rehearsal import Rehearsal, frame_output

from rushlight.domain import commands as c
from rushlight.domain.decide.reports import WHAT_TO_DO

REPORTS: dict[type[c.Command], dict[str, Any]] = {
    c.FramesRendered: {"outputs": (frame_output(None),)},
    c.CompleteTask: {"outputs": (frame_output(None),)},
    c.FailAttempt: {"reason": "late"},
    c.AttemptStopped: {},
}


def farm_in_second_attempt() -> tuple[Rehearsal, UUID]:
    """The first worker was lost; the second has the task."""
    farm = Rehearsal()
    task_id = farm.submit("task")
    farm.join("w1")
    farm.join("w2")
    farm.silent.add("w1")
    farm.sweep()
    farm.later(91)
    farm.sweep()
    assert (farm.task(task_id).attempt, farm.task(task_id).worker_id) == (2, "w2")
    return farm, task_id


@pytest.mark.parametrize("kind", REPORTS)
def test_a_late_report_from_a_lost_attempt_changes_nothing(kind: type[c.Command]) -> None:
    farm, task_id = farm_in_second_attempt()
    before = farm.task(task_id).row()

    result = farm.say(kind, task_id=task_id, attempt=1, worker_id="w1", **REPORTS[kind])

    assert (result.code, farm.task(task_id).row()) == ("stale", before)


@pytest.mark.parametrize("kind", REPORTS)
def test_a_report_of_an_attempt_to_come_is_stale(kind: type[c.Command]) -> None:
    farm, task_id = farm_in_second_attempt()

    assert farm.say(kind, task_id=task_id, attempt=3, **REPORTS[kind]).code == "stale"


@pytest.mark.parametrize("kind", REPORTS)
def test_a_report_by_another_worker_is_refused(kind: type[c.Command]) -> None:
    farm, task_id = farm_in_second_attempt()

    result = farm.say(kind, task_id=task_id, attempt=2, worker_id="w1", **REPORTS[kind])

    assert result.code == "wrong-worker"


@pytest.mark.parametrize("kind", REPORTS)
def test_a_report_by_another_instance_is_stale(kind: type[c.Command]) -> None:
    farm, task_id = farm_in_second_attempt()

    result = farm.report(kind, task_id, worker_id="w2", instance="older", **REPORTS[kind])

    assert result.code == "stale"


@pytest.mark.parametrize("kind", REPORTS)
def test_a_push_worker_has_to_name_the_attempt(kind: type[c.Command]) -> None:
    farm, task_id = farm_in_second_attempt()

    result = farm.say(kind, task_id=task_id, **REPORTS[kind])

    assert result.code == "illegal-transition"
    assert "give attempt 2" in result.detail


@pytest.mark.parametrize("kind", REPORTS)
def test_a_pull_worker_that_names_no_attempt_means_the_current_one(kind: type[c.Command]) -> None:
    farm = Rehearsal()
    task_id = farm.submit("task")
    farm.ready("w1")
    farm.ask("w1")

    assert farm.say(kind, task_id=task_id, **REPORTS[kind]).ok


@pytest.mark.parametrize("kind", REPORTS)
def test_a_report_on_a_task_that_does_not_render_is_refused(kind: type[c.Command]) -> None:
    farm = Rehearsal()
    task_id = farm.submit("task")

    assert farm.say(kind, task_id=task_id, **REPORTS[kind]).code == "illegal-transition"


def test_a_doubled_completion_changes_nothing() -> None:
    farm, task_id = farm_in_second_attempt()
    farm.complete(task_id)
    before = farm.task(task_id).row()

    assert (farm.complete(task_id).code, farm.task(task_id).row()) == ("unchanged", before)


def test_a_doubled_failure_spends_one_retry_only() -> None:
    farm = Rehearsal()
    task_id = farm.submit("task", max_retries=2)
    farm.join("w1")
    failure = {"task_id": task_id, "attempt": 1, "reason": "it broke"}

    first, second = farm.round(*(farm.command(c.FailAttempt, **failure) for _ in range(2)))

    assert (first.ok, second.code, farm.task(task_id).attempt) == (True, "stale", 1)


def test_the_completion_of_a_push_worker_has_to_say_what_it_made() -> None:
    farm, task_id = farm_in_second_attempt()

    assert farm.report(c.CompleteTask, task_id).code == "invalid-request"


def test_a_completion_has_to_name_every_frame_that_is_not_there() -> None:
    farm = Rehearsal()
    task_id = farm.submit("task", frames="1-5")
    farm.join("w1")
    farm.report(c.FramesRendered, task_id, outputs=(frame_output(2),))

    result = farm.report(c.CompleteTask, task_id, outputs=(frame_output(1), frame_output(4)))

    assert result.code == "invalid-request"
    assert "frames 3,5" in result.detail


@pytest.mark.parametrize(
    ("frames", "named"), [("1-3", (4,)), ("1-3", (1, 1)), ("1-3", (None,)), (None, (1,))]
)
def test_outputs_that_are_not_the_frames_of_the_task_are_refused(
    frames: str | None, named: tuple[int | None, ...]
) -> None:
    farm = Rehearsal()
    task_id = farm.submit("task", frames=frames)
    farm.join("w1")

    outputs = tuple(frame_output(frame) for frame in named)

    assert farm.report(c.FramesRendered, task_id, outputs=outputs).code == "invalid-request"


def test_a_completion_says_where_how_big_and_how_long() -> None:
    farm = Rehearsal()
    task_id = farm.submit("task", frames="1-3", output="out:a.####.png")
    farm.join("w1")
    farm.complete(task_id)

    task = farm.task(task_id)

    assert (task.output_path, task.output_size, task.final_render_s) == ("out:a.####.png", 300, 6.0)


def test_a_still_says_its_own_path() -> None:
    farm, task_id = farm_in_second_attempt()
    farm.complete(task_id)

    assert farm.task(task_id).output_path == "out:still.png"


def test_a_completion_without_outputs_makes_nothing_up() -> None:
    farm = Rehearsal()
    task_id = farm.submit("task")
    farm.ready("w1")
    farm.ask("w1")
    farm.later(42)
    farm.say(c.CompleteTask, task_id=task_id)

    task = farm.task(task_id)

    assert (task.status, task.output_path, task.output_size) == ("completed", None, None)
    assert task.final_render_s == pytest.approx(42, abs=0.01)


def test_it_runs_is_no_finished_frame() -> None:
    farm = Rehearsal()
    task_id = farm.submit("task")
    farm.ready("w1")
    farm.ask("w1")
    started = farm.task(task_id).progressed_at
    farm.later(100)

    farm.say(c.StartTask, task_id=task_id, worker_id="w1")

    assert (farm.task(task_id).reported, farm.task(task_id).progressed_at) == (True, started)


@pytest.mark.parametrize("attempt", [1, None])
def test_the_second_word_that_it_runs_changes_nothing(attempt: int | None) -> None:
    farm = Rehearsal()
    task_id = farm.submit("task")
    farm.ready("w1")
    farm.ask("w1")
    farm.say(c.StartTask, task_id=task_id, worker_id="w1")

    result = farm.say(c.StartTask, task_id=task_id, worker_id="w1", attempt=attempt)

    assert result.code == "unchanged"


def test_start_gives_a_pending_task_to_the_named_worker() -> None:
    farm = Rehearsal()
    farm.ready("w1")
    farm.ready("w2")
    task_id = farm.submit("task")

    result = farm.say(c.StartTask, task_id=task_id, worker_id="w2")

    assert (result.attempt, farm.task(task_id).worker_id) == (1, "w2")


def test_start_on_a_worker_that_does_not_fit_is_refused() -> None:
    farm = Rehearsal()
    farm.join("w1", tags=())
    task_id = farm.submit("task", requires={"tags": ("gpu",)})

    assert farm.say(c.StartTask, task_id=task_id, worker_id="w1").code == "worker-not-ready"


def test_an_assignment_that_nobody_took_waits_again_and_only_once() -> None:
    farm = Rehearsal()
    task_id = farm.submit("task")
    farm.join("w1")

    farm.say(c.ReturnAttempt, task_id=task_id, attempt=1, reason="nobody there")
    again = farm.say(c.ReturnAttempt, task_id=task_id, attempt=1, reason="nobody there")

    assert (again.code, farm.task(task_id).status) == ("stale", "pending")


def test_a_worker_that_assignments_do_not_reach_gets_no_more() -> None:
    farm = Rehearsal()
    task_id = farm.submit("task")
    farm.join("w1")

    farm.say(c.ReturnAttempt, task_id=task_id, attempt=1, reason="nobody there")

    worker = farm.worker("w1")
    assert (worker.status, worker.reason) == ("draining", "nobody there" + WHAT_TO_DO)
