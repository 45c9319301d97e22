"""Who may be stopped for whom, and when (the numbers are the original's, see ``settings``)."""

from uuid import UUID

import pytest
from tests.rehearsal import Rehearsal, frame_output

from rushlight.domain import commands as c
from rushlight.domain import due

ALLOWANCE_S = {"RUSH": 300, "HIGH": 1800, "MEDIUM": 43_200}
JUST_BEFORE_S = 1.0


def busy_farm(victim: str = "LOW", **settings: object) -> tuple[Rehearsal, UUID]:
    """One push worker that renders a task of this priority."""
    farm = Rehearsal(**settings)
    farm.join("w1")
    return farm, farm.submit("victim", priority=victim)


def victims_of(farm: Rehearsal) -> dict[UUID, UUID]:
    """Waiting task to victim, as the rule says now."""
    return {one.for_task_id: one.task_id for one in due.victims(farm.farm, farm.now)}


@pytest.mark.parametrize("waiting", ALLOWANCE_S)
def test_a_victim_has_its_time_to_the_second(waiting: str) -> None:
    farm, victim = busy_farm()
    task_id = farm.submit("waiting", priority=waiting)
    started = farm.task(victim).started_at
    assert started is not None
    farm.later((started - farm.now).total_seconds() + ALLOWANCE_S[waiting] - JUST_BEFORE_S)
    assert victims_of(farm) == {}

    farm.later(JUST_BEFORE_S)

    assert victims_of(farm) == {task_id: victim}


PAIRS = [
    (victim, waiting)
    for victim in ("RUSH", "HIGH", "MEDIUM", "LOW")
    for waiting in ("RUSH", "HIGH", "MEDIUM", "LOW")
]
RANKS = ("RUSH", "HIGH", "MEDIUM", "LOW")


@pytest.mark.parametrize(("victim", "waiting"), PAIRS)
def test_only_a_strictly_lower_priority_is_stopped(victim: str, waiting: str) -> None:
    farm, _ = busy_farm(victim)
    farm.submit("waiting", priority=waiting)
    farm.later(100_000)

    assert bool(victims_of(farm)) is (RANKS.index(victim) > RANKS.index(waiting))


def test_time_counts_from_the_start_of_the_attempt_not_from_submission() -> None:
    farm = Rehearsal()
    farm.submit("victim", priority="LOW")
    farm.later(100_000)
    farm.join("w1")
    farm.submit("rush", priority="RUSH")

    assert victims_of(farm) == {}


def test_of_several_victims_the_lowest_priority_is_stopped() -> None:
    farm = Rehearsal()
    ids = {}
    for number, priority in enumerate(("HIGH", "LOW", "MEDIUM")):
        farm.join(f"w{number}")
        ids[priority] = farm.submit(priority, priority=priority)
    rush = farm.submit("rush", priority="RUSH")
    farm.later(400)

    assert victims_of(farm) == {rush: ids["LOW"]}


def test_of_the_lowest_the_one_that_loses_least_is_stopped() -> None:
    farm = Rehearsal()
    farm.join("w1")
    old = farm.submit("old", priority="LOW", frames="1-10")
    farm.later(100)
    farm.join("w2")
    farm.submit("young", priority="LOW")
    rush = farm.submit("rush", priority="RUSH")
    farm.later(400)
    farm.report(c.FramesRendered, old, outputs=(frame_output(1),))

    assert victims_of(farm) == {rush: old}


def test_a_worker_that_cannot_run_the_waiting_task_is_left_alone() -> None:
    farm, _ = busy_farm()
    farm.submit("rush", priority="RUSH", requires={"tags": ("gpu",)})
    farm.later(400)

    assert victims_of(farm) == {}


def test_a_worker_that_the_waiting_task_avoids_is_left_alone() -> None:
    farm = Rehearsal()
    farm.join("w1")
    rush = farm.submit("rush", priority="RUSH")
    farm.submit("victim", priority="LOW")
    farm.fail(rush, "worker")
    farm.later(400)
    farm.sweep()

    assert (farm.task(rush).status, victims_of(farm)) == ("pending", {})


def test_a_draining_worker_is_left_alone() -> None:
    farm, _ = busy_farm()
    farm.submit("rush", priority="RUSH")
    farm.say(c.DrainWorker, worker_id="w1")
    farm.later(400)

    assert victims_of(farm) == {}


def test_nobody_is_stopped_where_an_idle_worker_would_help() -> None:
    farm, _ = busy_farm()
    farm.ready("idle")
    farm.submit("rush", priority="RUSH")
    farm.later(400)

    assert victims_of(farm) == {}


def test_one_idle_worker_helps_one_waiting_task_only() -> None:
    farm, victim = busy_farm()
    farm.ready("idle")
    farm.submit("first", priority="RUSH")
    second = farm.submit("second", priority="RUSH")
    farm.later(400)

    assert victims_of(farm) == {second: victim}
    assert [type(one) for one in farm.sweep()] == [c.PreemptTask]


def test_after_max_preemptions_only_rush_preempts() -> None:
    farm, victim = busy_farm(max_preemptions=1)
    first = farm.submit("first", priority="HIGH")
    farm.later(1900)
    farm.sweep()
    farm.stopped(victim)
    farm.complete(first)
    high = farm.submit("high", priority="HIGH")
    farm.later(100_000)
    assert (farm.task(victim).preemptions, victims_of(farm)) == (1, {})

    rush = farm.submit("rush", priority="RUSH")

    assert victims_of(farm) == {rush: victim}
    assert farm.task(high).status == "pending"


def test_each_waiting_task_has_one_victim_and_each_victim_one_waiting_task() -> None:
    farm = Rehearsal()
    low = []
    for number in range(3):
        farm.join(f"w{number}")
        low.append(farm.submit(f"low {number}", priority="LOW"))
    rushes = [farm.submit(f"rush {number}", priority="RUSH") for number in range(2)]
    farm.later(400)

    found = victims_of(farm)

    assert set(found) == set(rushes)
    assert len(set(found.values())) == 2


def test_what_is_promised_to_a_waiting_task_is_not_looked_for_again() -> None:
    farm = Rehearsal()
    for number in range(2):
        farm.join(f"w{number}")
        farm.submit(f"low {number}", priority="LOW")
    farm.submit("rush", priority="RUSH")
    farm.later(400)

    assert len(farm.sweep()) == 1
    farm.later(30)
    assert farm.sweep() == []


def test_the_waiting_task_gets_the_worker_in_the_round_in_which_the_victim_stops() -> None:
    farm, victim = busy_farm()
    rush = farm.submit("rush", priority="RUSH")
    farm.later(400)
    farm.sweep()
    assert (farm.task(victim).status, farm.worker("w1").task_id) == ("rendering", victim)

    farm.stopped(victim)

    assert farm.topics() == [
        "task.stopped",
        "worker.freed",
        "task.assigned",
        "worker.occupied",
    ]
    assert farm.worker("w1").task_id == rush


def test_a_preempted_task_waits_again_and_spends_no_retry() -> None:
    farm, victim = busy_farm()
    farm.submit("rush", priority="RUSH")
    farm.later(400)
    farm.sweep()
    farm.stopped(victim)

    task = farm.task(victim)

    assert (task.status, task.retries, task.preemptions) == ("pending", 0, 1)


def test_a_pull_worker_stops_in_one_round() -> None:
    farm = Rehearsal()
    farm.ready("w1")
    victim = farm.submit("victim", priority="LOW")
    farm.ask("w1")
    rush = farm.submit("rush", priority="RUSH")
    farm.later(400)
    farm.sweep()

    assert (farm.task(victim).status, farm.ask("w1")) == ("pending", rush)


def test_two_pull_workers_stop_for_two_waiting_tasks_in_one_sweep() -> None:
    farm = Rehearsal()
    for number in range(2):
        farm.ready(f"w{number}")
        farm.submit(f"low {number}", priority="LOW")
        farm.ask(f"w{number}")
    for number in range(2):
        farm.submit(f"rush {number}", priority="RUSH")
    farm.later(400)

    assert [type(one) for one in farm.sweep()] == [c.PreemptTask, c.PreemptTask]


@pytest.mark.parametrize("change", ["attempt", "waiting", "victim", "promise"])
def test_a_late_preemption_is_not_due(change: str) -> None:
    farm, victim = busy_farm()
    farm.join("w2")
    farm.submit("low", priority="LOW")
    rush = farm.submit("rush", priority="RUSH")
    farm.later(400)
    fields = {"task_id": victim, "attempt": 1, "for_task_id": rush}
    if change == "attempt":
        fields["attempt"] = 0
    elif change == "waiting":
        farm.say(c.CancelTask, task_id=rush)
    elif change == "victim":
        farm.complete(victim)
    else:
        farm.say(c.PreemptTask, **fields)

    assert farm.say(c.PreemptTask, **fields).code == "not-due"


def test_highest_priority_of_those_that_wait_gets_the_victim() -> None:
    farm, victim = busy_farm()
    waiting = {name: farm.submit(name, priority=name) for name in ("LOW", "MEDIUM", "HIGH", "RUSH")}
    farm.later(100_000)

    assert victims_of(farm) == {waiting["RUSH"]: victim}


def test_a_second_victim_for_the_same_waiting_task_is_not_due() -> None:
    farm, victim = busy_farm()
    farm.join("w2")
    other = farm.submit("other", priority="LOW")
    rush = farm.submit("rush", priority="RUSH")
    farm.later(400)

    first, second = farm.round(
        *(
            farm.command(c.PreemptTask, task_id=task_id, attempt=1, for_task_id=rush)
            for task_id in (victim, other)
        )
    )

    assert (first.code, second.code) == ("done", "not-due")


def test_in_one_round_reports_go_before_what_reapers_sent() -> None:
    farm, victim = busy_farm()
    rush = farm.submit("rush", priority="RUSH")
    farm.later(400)
    preempt = farm.command(c.PreemptTask, task_id=victim, attempt=1, for_task_id=rush)
    complete = farm.command(
        c.CompleteTask, task_id=victim, attempt=1, outputs=(frame_output(None),)
    )

    results = farm.round(preempt, complete)

    assert {type(one.command): one.code for one in results} == {
        c.CompleteTask: "done",
        c.PreemptTask: "not-due",
    }
    assert farm.worker("w1").task_id == rush
