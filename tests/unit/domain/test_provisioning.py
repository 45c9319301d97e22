"""When a new worker is asked for, and how often."""

from typing import Any

import pytest
from tests.rehearsal import Rehearsal

from rushlight.domain import commands as c


def requests(farm: Rehearsal) -> list[str]:
    """Names of the workers that one sweep asks for."""
    return [one.worker_id for one in farm.sweep() if isinstance(one, c.RequestWorker)]


def rendering(farm: Rehearsal, priority: str) -> None:
    farm.join("w1")
    farm.submit("running", priority=priority)


@pytest.mark.parametrize("priority", ["RUSH", "HIGH", "MEDIUM", "LOW"])
def test_a_task_without_any_worker_gets_a_new_one(priority: str) -> None:
    farm = Rehearsal(provisioned_workers_max=2)
    farm.submit("task", priority=priority)

    assert len(requests(farm)) == 1


ALLOWED = [
    (running, waiting, waiting == "LOW" or "RHML".index(running[0]) <= "RHML".index(waiting[0]))
    for running in ("RUSH", "HIGH", "MEDIUM", "LOW")
    for waiting in ("RUSH", "HIGH", "MEDIUM", "LOW")
]


@pytest.mark.parametrize(("running", "waiting", "asked"), ALLOWED)
def test_a_new_worker_is_for_when_all_that_runs_is_of_equal_or_higher_priority(
    running: str, waiting: str, asked: bool
) -> None:
    farm = Rehearsal(provisioned_workers_max=2)
    rendering(farm, running)
    farm.submit("waiting", priority=waiting)

    assert bool(requests(farm)) is asked


def test_a_task_that_no_worker_fits_gets_a_new_one_whatever_runs() -> None:
    farm = Rehearsal(provisioned_workers_max=2, provisioned_renderers=("blender",))
    rendering(farm, "LOW")
    farm.submit("waiting", priority="RUSH", renderer="blender")

    assert len(requests(farm)) == 1


def test_a_waiting_task_has_one_open_request() -> None:
    farm = Rehearsal(provisioned_workers_max=4)
    farm.submit("task")
    assert len(requests(farm)) == 1

    assert requests(farm) == []


def test_requests_and_workers_stay_within_the_cap() -> None:
    farm = Rehearsal(provisioned_workers_max=2)
    for number in range(5):
        farm.submit(f"task {number}")
    names = requests(farm)
    assert len(names) == 2
    for name in names:
        farm.say(
            c.JoinWorker,
            worker_id=name,
            instance="i1",
            capabilities=c.Capabilities(renderers={}, default_scene=True),
            provisioned=True,
        )

    assert requests(farm) == []


def test_without_a_provisioner_nobody_is_asked_for() -> None:
    farm = Rehearsal(provisioned_workers_max=0)
    farm.submit("task")

    assert requests(farm) == []


OFFERS: list[tuple[dict[str, Any], str | None, bool]] = [
    ({"provisioned_renderers": ("mitsuba",)}, "mitsuba", True),
    ({"provisioned_renderers": ("mitsuba",)}, "blender", False),
    ({"provisioned_renderers": ("mitsuba",)}, None, False),
    ({"provisioned_renderers": ("mitsuba",), "provisioned_default_scene": True}, None, True),
    ({}, None, True),
    ({}, "mitsuba", False),
]


@pytest.mark.parametrize(("settings", "renderer", "asked"), OFFERS)
def test_only_for_renderers_that_the_provisioner_offers(
    settings: dict[str, Any], renderer: str | None, asked: bool
) -> None:
    farm = Rehearsal(provisioned_workers_max=2, **settings)
    farm.submit("task", renderer=renderer)

    assert bool(requests(farm)) is asked


def test_no_new_worker_where_an_idle_one_would_help() -> None:
    farm = Rehearsal(provisioned_workers_max=2)
    farm.ready("w1")
    farm.submit("task")

    assert requests(farm) == []


def test_one_idle_worker_does_not_keep_new_ones_from_the_other_tasks() -> None:
    farm = Rehearsal(provisioned_workers_max=4)
    farm.ready("w1")
    for number in range(3):
        farm.submit(f"task {number}")

    assert len(requests(farm)) == 2


def test_the_best_tasks_get_the_last_places() -> None:
    farm = Rehearsal(provisioned_workers_max=1)
    farm.submit("low", priority="LOW")
    rush = farm.submit("rush", priority="RUSH")
    (name,) = requests(farm)

    assert farm.worker(name).requested_for == rush


def test_a_requested_worker_that_does_not_join_fails_and_the_next_is_asked_for_later() -> None:
    farm = Rehearsal(provisioned_workers_max=1)
    farm.submit("task")
    (name,) = requests(farm)
    farm.later(119)
    assert farm.sweep() == []
    farm.later(1)
    assert [type(one) for one in farm.sweep()] == [c.TimeoutWorker]
    assert farm.worker(name).status == "failed"
    farm.later(59)
    assert requests(farm) == []

    farm.later(1)

    assert requests(farm) == [name]


def test_each_failure_in_a_row_doubles_the_wait() -> None:
    farm = Rehearsal(provisioned_workers_max=1)
    farm.submit("task")
    requests(farm)
    waits = []
    for _ in range(8):
        farm.later(120)
        farm.sweep()
        waited = 0
        while not requests(farm):
            farm.later(60)
            waited += 60
        waits.append(waited)

    assert waits == [60, 120, 240, 480, 960, 1920, 3600, 3600]


def test_one_outage_that_takes_several_requests_counts_once() -> None:
    farm = Rehearsal(provisioned_workers_max=4)
    for number in range(4):
        farm.submit(f"task {number}")
    assert len(requests(farm)) == 4
    farm.later(120)
    farm.sweep()

    farm.later(60)

    assert len(requests(farm)) == 4


def test_a_join_ends_the_back_off() -> None:
    farm = Rehearsal(provisioned_workers_max=2)
    farm.submit("task", priority="RUSH")
    (name,) = requests(farm)
    farm.later(120)
    farm.sweep()
    farm.join(name)
    farm.submit("other", priority="LOW")

    assert len(requests(farm)) == 1


def test_one_provisioner_claims_a_request() -> None:
    farm = Rehearsal(provisioned_workers_max=1)
    farm.submit("task")
    (name,) = requests(farm)
    claim = {"worker_id": name}

    first, second = (farm.say(c.ClaimWorker, **claim, provisioner=one) for one in ("a", "b"))

    assert (first.ok, second.code, farm.worker(name).claimed_by) == (True, "not-due", "a")


def test_a_worker_that_the_task_avoids_is_not_asked_for_again() -> None:
    farm = Rehearsal(provisioned_workers_max=2)
    task_id = farm.submit("task")
    (name,) = requests(farm)
    farm.join(name)
    farm.fail(task_id, "worker")
    farm.say(c.LeaveWorker, worker_id=name, instance="i1")

    (other,) = requests(farm)

    assert other != name


def test_a_joined_worker_closes_the_request() -> None:
    farm = Rehearsal(provisioned_workers_max=1)
    task_id = farm.submit("task")
    (name,) = requests(farm)
    farm.join(name)

    assert (farm.task(task_id).worker_id, farm.farm.requested) == (name, {})
