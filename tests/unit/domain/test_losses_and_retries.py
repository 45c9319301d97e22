"""Lost workers, failures, retries and their back-off, and workers that are at fault themselves."""

from uuid import UUID

import pytest
from tests.rehearsal import Rehearsal

from rushlight.domain import commands as c


def lose(farm: Rehearsal, worker_id: str) -> list[c.Command]:
    """The worker falls silent for long enough; then one sweep."""
    farm.sweep()
    farm.silent.add(worker_id)
    farm.later(91)
    return farm.sweep()


def test_a_lost_attempt_fails_and_is_retried_in_one_sweep() -> None:
    farm = Rehearsal()
    farm.join("w1")
    farm.submit("task")

    assert [type(one) for one in lose(farm, "w1")] == [c.TimeoutWorker, c.RetryTask]


def test_a_loss_spends_no_retry() -> None:
    farm = Rehearsal()
    farm.join("w1")
    task_id = farm.submit("task", max_retries=0)
    lose(farm, "w1")

    task = farm.task(task_id)

    assert (task.status, task.retries, task.losses) == ("pending", 0, 1)


def test_what_a_loss_looks_like_before_the_retry() -> None:
    farm = Rehearsal()
    farm.join("w1")
    task_id = farm.submit("task")
    farm.later(91)
    farm.say(c.TimeoutWorker, worker_id="w1", instance="i1")

    task = farm.task(task_id)

    assert (task.status, task.error_message) == ("failed", "Worker timeout")
    assert task.retry_at == farm.now
    assert farm.worker("w1").status == "failed"


def test_a_task_that_has_lost_five_workers_fails_for_good() -> None:
    farm = Rehearsal()
    task_id = farm.submit("task")
    for number in range(5):
        farm.join(f"w{number}")
        lose(farm, f"w{number}")

    task = farm.task(task_id)

    assert (task.status, task.error_message) == ("failed", "Lost 5 workers")
    assert (task.retry_at, task.losses) == (None, 5)


def test_a_retry_that_was_asked_for_forgets_losses_and_avoided_workers() -> None:
    farm = Rehearsal(max_losses=1)
    task_id = farm.submit("task")
    farm.join("w1")
    farm.fail(task_id, "worker")
    farm.sweep()
    farm.join("w2")
    lose(farm, "w2")
    assert farm.task(task_id).error_message == "Lost 1 workers"

    farm.say(c.RetryTask, task_id=task_id)

    task = farm.task(task_id)
    assert (task.losses, task.avoid, task.worker_id) == (0, [], "w1")


def test_a_silent_push_worker_is_lost_at_its_limit_and_not_before() -> None:
    farm = Rehearsal()
    farm.join("w1")
    joined = farm.worker("w1").joined_at
    farm.later((joined - farm.now).total_seconds() + 89)
    heard = {"worker_id": "w1", "instance": "i1", "last_heartbeat": joined}
    assert farm.say(c.TimeoutWorker, **heard).code == "not-due"

    farm.later(1)

    assert farm.say(c.TimeoutWorker, **heard).ok


def test_a_plain_rest_worker_has_half_an_hour() -> None:
    farm = Rehearsal()
    farm.ready("w1")
    farm.later(1799)
    assert farm.say(c.TimeoutWorker, worker_id="w1").code == "not-due"

    farm.later(1)

    assert farm.say(c.TimeoutWorker, worker_id="w1").ok


def test_a_timeout_for_an_older_instance_is_not_due() -> None:
    farm = Rehearsal()
    farm.join("w1")
    farm.say(c.LeaveWorker, worker_id="w1", instance="i1")
    farm.join("w1", instance="i2")
    farm.later(91)

    assert farm.say(c.TimeoutWorker, worker_id="w1", instance="i1").code == "not-due"


def test_the_evidence_of_a_timeout_is_on_the_log() -> None:
    farm = Rehearsal()
    farm.join("w1")
    heard = farm.now
    farm.later(91)
    farm.say(c.TimeoutWorker, worker_id="w1", instance="i1", last_heartbeat=heard, sequence=7)

    assert farm.rounds[-1][-1].evidence == (  # type: ignore[attr-defined]
        {
            "worker_id": "w1",
            "instance": "i1",
            "last_heartbeat": heard.isoformat(),
            "sequence": 7,
        },
    )


# Retries.


def waits_s(farm: Rehearsal, task_id: UUID) -> float | None:
    """Seconds from the failure to the retry."""
    task = farm.task(task_id)
    return None if task.retry_at is None else (task.retry_at - farm.now).total_seconds()


def test_the_first_retry_is_at_once_and_later_ones_back_off() -> None:
    farm = Rehearsal()
    farm.join("w1")
    task_id = farm.submit("task", max_retries=4)
    waits = []
    for _ in range(5):
        farm.fail(task_id)
        waits.append(waits_s(farm, task_id))
        farm.later(waits[-1] or 0)
        farm.sweep()

    assert waits == [0, 60, 120, 240, None]
    assert (farm.task(task_id).status, farm.task(task_id).retries) == ("failed", 4)


def test_no_retry_waits_longer_than_a_day() -> None:
    farm = Rehearsal(retry_backoff_s=80_000)
    farm.join("w1")
    task_id = farm.submit("task", max_retries=100)
    waits = []
    for _ in range(3):
        farm.fail(task_id)
        waits.append(waits_s(farm, task_id))
        farm.later(waits[-1] or 0)
        farm.sweep()

    assert waits == [0, 80_000, 86_400]


def test_a_retry_is_not_due_before_its_time() -> None:
    farm = Rehearsal()
    farm.join("w1")
    task_id = farm.submit("task", max_retries=2)
    farm.fail(task_id)
    farm.sweep()
    farm.fail(task_id)
    farm.later(59)

    assert farm.report(c.RetryTask, task_id).code == "not-due"
    assert farm.sweep() == []


def test_a_doubled_retry_is_not_due() -> None:
    farm = Rehearsal()
    farm.join("w1")
    task_id = farm.submit("task")
    farm.fail(task_id)

    first, second = farm.round(
        *(farm.command(c.RetryTask, task_id=task_id, attempt=1) for _ in range(2))
    )

    assert (first.ok, second.code) == (True, "not-due")


@pytest.mark.parametrize("max_retries", [0, 1, 3])
def test_a_task_has_as_many_retries_as_it_says(max_retries: int) -> None:
    farm = Rehearsal(max_retries=2)
    farm.join("w1")
    task_id = farm.submit("task", max_retries=max_retries)
    while farm.task(task_id).status == "rendering":
        farm.fail(task_id)
        farm.later(1000)
        farm.sweep()

    assert (farm.task(task_id).retries, farm.task(task_id).attempt) == (
        max_retries,
        max_retries + 1,
    )


def test_a_task_that_does_not_say_has_the_retries_of_the_farm() -> None:
    farm = Rehearsal(max_retries=7)

    assert farm.task(farm.submit("task")).max_retries == 7


def test_a_retry_that_was_asked_for_spends_none() -> None:
    farm = Rehearsal()
    farm.join("w1")
    task_id = farm.submit("task", max_retries=0)
    farm.fail(task_id)

    farm.say(c.RetryTask, task_id=task_id)

    assert (farm.task(task_id).status, farm.task(task_id).retries) == ("rendering", 0)


def test_a_fault_of_the_task_itself_is_final_and_spends_no_retry() -> None:
    farm = Rehearsal()
    farm.join("w1")
    task_id = farm.submit("task", max_retries=3)
    farm.fail(task_id, "task")
    farm.later(1000)
    farm.sweep()

    task = farm.task(task_id)

    assert (task.status, task.retries, task.retry_at) == ("failed", 0, None)
    assert farm.worker("w1").faults == 0


# A worker's own faults.


def fail_on(farm: Rehearsal, fault: str, count: int) -> None:
    for number in range(count):
        task_id = farm.submit(f"{fault} {number} {len(farm.rounds)}")
        farm.fail(task_id, fault)


def test_a_workers_own_fault_spends_no_retry_even_where_none_is_left() -> None:
    farm = Rehearsal()
    farm.join("w1")
    task_id = farm.submit("task", max_retries=0)
    farm.fail(task_id, "worker")
    farm.sweep()

    task = farm.task(task_id)

    assert (task.status, task.retries, task.avoid) == ("pending", 0, ["w1/i1"])


def test_three_own_faults_in_a_row_drain_the_worker() -> None:
    farm = Rehearsal()
    farm.join("w1")
    fail_on(farm, "worker", 2)
    assert farm.worker("w1").status == "ready"

    fail_on(farm, "worker", 1)

    assert farm.worker("w1").status == "draining"
    assert farm.worker("w1").reason == "3 failures in a row that are its own"


@pytest.mark.parametrize("between", ["render", "completed"])
def test_what_shows_that_the_worker_works_ends_the_row(between: str) -> None:
    farm = Rehearsal()
    farm.join("w1")
    fail_on(farm, "worker", 2)
    task_id = farm.submit("between")
    farm.fail(task_id) if between == "render" else farm.complete(task_id)
    fail_on(farm, "worker", 1)

    assert farm.worker("w1").status == "ready"


@pytest.mark.parametrize("between", ["given back", "cancelled", "returned"])
def test_what_says_nothing_of_the_worker_does_not_end_the_row(between: str) -> None:
    farm = Rehearsal()
    farm.join("w1")
    fail_on(farm, "worker", 2)
    task_id = farm.submit("between")
    farm.say(c.CancelTask, task_id=task_id)
    if between == "returned":
        farm.say(c.ReturnAttempt, task_id=task_id, attempt=1, reason="nobody there")
    else:
        farm.stopped(task_id)
    fail_on(farm, "worker", 1)

    assert farm.worker("w1").status == "draining"


def test_undraining_begins_a_new_row() -> None:
    farm = Rehearsal()
    farm.join("w1")
    fail_on(farm, "worker", 3)
    farm.say(c.UndrainWorker, worker_id="w1")
    fail_on(farm, "worker", 1)

    assert farm.worker("w1").status == "ready"


def test_a_worker_that_was_started_anew_is_not_avoided_any_more() -> None:
    farm = Rehearsal()
    farm.join("w1")
    task_id = farm.submit("task")
    farm.fail(task_id, "worker")
    farm.sweep()
    assert farm.task(task_id).status == "pending"

    assert farm.say(c.LeaveWorker, worker_id="w1", instance="i1").ok
    farm.join("w1", instance="i2")

    assert (farm.task(task_id).status, farm.task(task_id).instance) == ("rendering", "i2")
