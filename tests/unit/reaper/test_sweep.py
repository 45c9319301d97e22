"""What one look at the farm finds due, from rows and heartbeats alone."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from tests.rehearsal import Rehearsal

from rushlight.domain import Farm
from rushlight.domain.commands import CancelTask
from rushlight.messages import commands as messages
from rushlight_reaper.sweep import Pulse, due_messages, overdue


def view_of(farm: Rehearsal) -> Farm:
    """The farm as a reaper reads it."""
    return Farm.of_rows(
        [task.row() for task in farm.farm.tasks.values()],
        [worker.row() for worker in farm.farm.workers.values()],
        farm.settings,
    )


def pulse(at: datetime, instance: str | None = "i1", **fields: Any) -> Pulse:
    return Pulse(instance, fields.get("sequence", 3), at, fields.get("condemned", False))


def due_now(farm: Rehearsal, **pulses: Pulse) -> list[messages.Command]:
    names = (f"new-{number}" for number in range(1, 9))
    return due_messages(view_of(farm), pulses, farm.now, names)


def condemned_now(farm: Rehearsal, **pulses: Pulse) -> list[str]:
    long_ago = farm.now - timedelta(days=1)
    return [one.worker_id for one in overdue(view_of(farm), pulses, farm.now, long_ago)]


def joined(*worker_ids: str) -> Rehearsal:
    farm = Rehearsal()
    for worker_id in worker_ids:
        farm.join(worker_id)
    return farm


@pytest.mark.parametrize(("silent_s", "condemned"), [(89, []), (90, ["w1"])])
def test_a_worker_silent_for_its_limit_is_to_be_condemned(
    silent_s: float, condemned: list[str]
) -> None:
    farm = joined("w1")
    heard = farm.now
    farm.later(silent_s)

    assert condemned_now(farm, w1=pulse(heard)) == condemned


def test_a_silent_worker_is_not_lost_before_it_is_condemned() -> None:
    farm = joined("w1")
    heard = farm.now
    farm.later(200)

    assert due_now(farm, w1=pulse(heard)) == []


def test_a_condemned_worker_is_lost_with_the_evidence() -> None:
    farm = joined("w1")
    heard = farm.now
    farm.later(200)

    (message,) = due_now(farm, w1=pulse(heard, condemned=True))

    assert isinstance(message, messages.TimeoutWorker)
    assert (message.instance, message.last_heartbeat, message.sequence) == ("i1", heard, 3)


def test_the_lease_of_a_condemned_worker_is_waited_out() -> None:
    farm = joined("w1")
    heard = farm.now
    farm.later(89)

    assert due_now(farm, w1=pulse(heard, condemned=True)) == []


def test_the_pulse_of_an_older_instance_says_nothing() -> None:
    farm = joined("w1")
    heard = farm.now
    farm.later(200)

    assert condemned_now(farm, w1=pulse(heard, instance="i0")) == []
    assert due_now(farm, w1=pulse(heard, instance="i0", condemned=True)) == []


def test_a_worker_never_listened_to_is_left_alone() -> None:
    farm = joined("w1")
    farm.later(200)

    assert (condemned_now(farm), due_now(farm)) == ([], [])


def test_a_worker_that_does_not_answer_a_stop_is_to_be_condemned_though_it_beats() -> None:
    farm = joined("w1")
    task_id = farm.submit("task")
    farm.say(CancelTask, task_id=task_id)
    farm.later(60)

    assert condemned_now(farm, w1=pulse(farm.now)) == ["w1"]


def test_a_condemned_worker_is_not_condemned_again() -> None:
    farm = joined("w1")
    heard = farm.now
    farm.later(200)

    assert condemned_now(farm, w1=pulse(heard, condemned=True)) == []


def test_a_pull_worker_is_never_condemned_and_lost_after_its_own_limit() -> None:
    farm = Rehearsal()
    farm.ready("w1")
    heard = farm.now
    farm.later(1799)
    assert (condemned_now(farm, w1=pulse(heard, None)), due_now(farm, w1=pulse(heard, None))) == (
        [],
        [],
    )

    farm.later(1)

    assert [message.kind() for message in due_now(farm, w1=pulse(heard, None))] == ["TimeoutWorker"]


def test_a_failed_task_is_tried_again_and_oldest_first() -> None:
    farm = joined("w1", "w2")
    first, second = farm.submit("first"), farm.submit("second")
    farm.fail(second)
    farm.fail(first)

    found = due_now(farm)

    assert [message.task_id for message in found if isinstance(message, messages.RetryTask)] == [
        first,
        second,
    ]


def test_each_message_names_what_it_rests_on() -> None:
    farm = joined("w1")
    victim = farm.submit("victim", priority="LOW", max_render_s=500)
    rush = farm.submit("rush", priority="RUSH")
    farm.later(501)

    timeout, preempt = due_now(farm)

    assert isinstance(timeout, messages.TimeoutTask)
    assert isinstance(preempt, messages.PreemptTask)
    assert (timeout.task_id, timeout.attempt) == (victim, 1)
    assert (preempt.task_id, preempt.attempt, preempt.for_task_id) == (victim, 1, rush)


def test_requests_take_the_free_names_in_order() -> None:
    farm = Rehearsal(provisioned_workers_max=2)
    for number in range(3):
        farm.submit(f"task {number}")

    found = due_now(farm)

    names = [one.worker_id for one in found if isinstance(one, messages.RequestWorker)]
    assert names == ["new-1", "new-2"]


def test_a_farm_in_order_needs_nothing() -> None:
    farm = joined("w1", "w2")
    farm.submit("task")

    assert due_now(farm, w1=pulse(farm.now), w2=pulse(farm.now)) == []
