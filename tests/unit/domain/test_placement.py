"""Which waiting task goes to which worker."""

from typing import Any
from uuid import UUID

import pytest
from tests.rehearsal import Rehearsal

from rushlight.domain import commands as c


def order_of_work(farm: Rehearsal, worker_id: str, count: int) -> list[UUID]:
    """What one worker renders, one after the other."""
    done = []
    for _ in range(count):
        task_id = farm.worker(worker_id).task_id
        assert task_id is not None
        done.append(task_id)
        farm.complete(task_id)
    return done


def test_higher_priority_goes_first_then_older() -> None:
    farm = Rehearsal()
    names = ("LOW", "MEDIUM 1", "HIGH 1", "MEDIUM 2", "RUSH", "HIGH 2")
    ids = {name: farm.submit(name, priority=name.split()[0]) for name in names}

    farm.join("w1")

    wanted = ("RUSH", "HIGH 1", "HIGH 2", "MEDIUM 1", "MEDIUM 2", "LOW")
    assert order_of_work(farm, "w1", 6) == [ids[name] for name in wanted]


def test_order_holds_across_different_requirements() -> None:
    farm = Rehearsal()
    ids = [
        farm.submit(f"task {number}", requires={"tags": ("gpu",)} if number % 2 else {})
        for number in range(6)
    ]

    farm.join("w1", tags=("gpu",))

    assert order_of_work(farm, "w1", 6) == ids


def test_a_task_that_comes_back_keeps_its_age() -> None:
    farm = Rehearsal()
    farm.join("w1")
    first, second = farm.submit("first"), farm.submit("second")
    farm.say(c.DrainWorker, worker_id="w1")
    farm.stopped(first)

    farm.say(c.UndrainWorker, worker_id="w1")

    assert farm.worker("w1").task_id == first
    assert farm.task(second).status == "pending"


def test_a_new_priority_changes_the_order() -> None:
    farm = Rehearsal()
    _, second = farm.submit("first"), farm.submit("second")
    farm.say(c.ReprioritiseTask, task_id=second, priority="HIGH")

    farm.join("w1")

    assert farm.worker("w1").task_id == second


OFFERS: list[tuple[dict[str, Any], dict[str, Any], bool]] = [
    ({}, {"renderer": "mitsuba"}, True),
    ({}, {"renderer": "blender"}, False),
    ({"renderers": {}}, {"renderer": "mitsuba"}, False),
    ({"default_scene": True}, {}, True),
    ({"default_scene": False}, {}, False),
    ({"memory_mib": 8000}, {"requires": {"memory_mib": 8000}}, True),
    ({"memory_mib": 7999}, {"requires": {"memory_mib": 8000}}, False),
    ({"memory_mib": None}, {"requires": {"memory_mib": 8000}}, True),
    ({"tags": ("a", "b", "c")}, {"requires": {"tags": ("c", "a")}}, True),
    ({"tags": ("a",)}, {"requires": {"tags": ("a", "b")}}, False),
    ({}, {"renderer": "mitsuba", "requires": {"renderer_version": ">=3.9,<4"}}, True),
    ({}, {"renderer": "mitsuba", "requires": {"renderer_version": ">=4"}}, False),
    ({"renderers": {"x": "odd"}}, {"renderer": "x", "requires": {"renderer_version": "<9"}}, False),
    ({"renderers": {"x": "2rc1"}}, {"renderer": "x", "requires": {"renderer_version": "<3"}}, True),
]


@pytest.mark.parametrize(("offered", "task", "fits"), OFFERS)
def test_only_a_worker_that_meets_the_requirements_gets_a_task(
    offered: dict[str, Any], task: dict[str, Any], fits: bool
) -> None:
    farm = Rehearsal()
    task_id = farm.submit("task", **task)

    farm.join("w1", **offered)

    assert (farm.task(task_id).worker_id == "w1") is fits


def test_a_version_wish_that_cannot_be_read_is_refused() -> None:
    spec = c.TaskSpec(task_id=UUID(int=1), requires={"renderer_version": "about 4"})

    assert Rehearsal().say(c.SubmitTasks, tasks=(spec,)).code == "invalid-request"


def test_a_pull_worker_without_a_list_takes_any_task() -> None:
    farm = Rehearsal()
    task_id = farm.submit("task", renderer="anything")
    farm.ready("w1")

    assert farm.ask("w1") == task_id


def test_a_pull_worker_with_a_list_takes_only_what_is_on_it() -> None:
    farm = Rehearsal()
    farm.submit("task", renderer="blender")
    farm.ready("w1", capabilities=c.Capabilities(renderers={"mitsuba": "3"}))

    assert farm.ask("w1") is None


def test_a_pull_worker_gets_work_only_in_the_round_in_which_it_asks() -> None:
    farm = Rehearsal()
    farm.ready("w1")
    assert farm.ask("w1") is None

    task_id = farm.submit("task")

    assert farm.task(task_id).status == "pending"
    assert farm.ask("w1") == task_id


def test_asking_again_before_it_reported_gives_the_same_attempt_again() -> None:
    farm = Rehearsal()
    task_id = farm.submit("task")
    farm.ready("w1")

    assert [farm.ask("w1"), farm.ask("w1")] == [task_id, task_id]
    assert farm.task(task_id).attempt == 1


def test_asking_again_after_it_reported_is_refused_and_names_the_task() -> None:
    farm = Rehearsal()
    task_id = farm.submit("task")
    farm.ready("w1")
    farm.ask("w1")
    farm.say(c.StartTask, task_id=task_id, worker_id="w1")

    result = farm.say(c.RequestTask, worker_id="w1")

    assert (result.code, result.facts) == ("worker-not-ready", {"task_id": str(task_id)})


def test_two_requests_of_a_worker_in_one_round_get_the_same_attempt() -> None:
    farm = Rehearsal()
    task_id = farm.submit("task")
    farm.ready("w1")

    results = farm.round(*(farm.command(c.RequestTask, worker_id="w1") for _ in range(2)))

    assert [(one.task_id, one.attempt) for one in results] == [(task_id, 1), (task_id, 1)]


def test_of_several_workers_the_longest_idle_one_gets_the_task() -> None:
    farm = Rehearsal()
    for number in (1, 2, 3):
        farm.join(f"w{number}", tags=(f"t{number % 2}",))
        farm.later(1)
    farm.complete(farm.submit("first"))  # on w1, which is now the last to become idle

    second = farm.submit("second")

    assert farm.task(second).worker_id == "w2"


def test_a_worker_counts_as_idle_from_when_it_is_undrained() -> None:
    farm = Rehearsal()
    for name in ("w1", "w2"):
        farm.join(name, tags=(name,))
        farm.later(1)
    farm.say(c.DrainWorker, worker_id="w1")
    farm.say(c.UndrainWorker, worker_id="w1")

    assert farm.task(farm.submit("task")).worker_id == "w2"


def test_a_task_avoids_the_worker_whose_own_fault_its_failure_was() -> None:
    farm = Rehearsal()
    task_id = farm.submit("task")
    farm.join("w1")
    farm.fail(task_id, "worker")
    farm.sweep()
    assert farm.task(task_id).status == "pending"

    farm.join("w2")

    assert farm.task(task_id).worker_id == "w2"


def test_an_avoided_worker_still_serves_the_others() -> None:
    farm = Rehearsal()
    avoiding, other = farm.submit("avoiding"), farm.submit("other")
    farm.join("w1")

    farm.fail(avoiding, "worker")

    assert farm.task(other).worker_id == "w1"


def test_a_completed_worker_gets_its_next_task_in_the_same_round() -> None:
    farm = Rehearsal()
    farm.join("w1")
    first, second = farm.submit("first"), farm.submit("second")

    farm.complete(first)

    assert farm.topics() == [
        "task.completed",
        "worker.freed",
        "task.assigned",
        "worker.occupied",
    ]
    assert farm.worker("w1").task_id == second


def test_tasks_that_nobody_can_run_stand_in_nobodys_way() -> None:
    farm = Rehearsal()
    for number in range(5):
        farm.submit(f"odd {number}", priority="RUSH", renderer=f"odd-{number}")
    task_id = farm.submit("task", priority="LOW")

    farm.join("w1")

    assert farm.worker("w1").task_id == task_id


@pytest.mark.parametrize("count", [1, 3])
def test_several_workers_are_served_in_one_round(count: int) -> None:
    farm = Rehearsal()
    ids = [farm.submit(f"task {number}") for number in range(count)]
    workers = [f"w{number}" for number in range(count)]
    for name in workers:
        farm.ready(name)

    results = farm.round(*(farm.command(c.RequestTask, worker_id=name) for name in workers))

    assert [result.task_id for result in results] == ids
