"""Why a task waits or a worker idles: the scheduler's own rule, in words and counts."""

from typing import Any
from uuid import UUID

import pytest
from tests.rehearsal import Rehearsal

from rushlight.domain import commands as c
from rushlight.domain.why import why_task, why_worker


def why(farm: Rehearsal, task_id: UUID) -> dict[str, Any]:
    """What the API would answer."""
    tasks = [task.row() for task in farm.farm.tasks.values()]
    workers = [worker.row() for worker in farm.farm.workers.values()]
    return why_task(farm.task(task_id).row(), workers, farm.settings, farm.now, tasks)


def of_worker(farm: Rehearsal, worker_id: str) -> dict[str, Any]:
    """The same for a worker."""
    tasks = [task.row() for task in farm.farm.tasks.values()]
    return why_worker(farm.worker(worker_id).row(), farm.settings, tasks)


def drained(farm: Rehearsal) -> None:
    farm.join("w1")
    farm.say(c.DrainWorker, worker_id="w1")


def gone(farm: Rehearsal) -> None:
    farm.join("w1")
    farm.say(c.LeaveWorker, worker_id="w1", instance="i1")


def busy(farm: Rehearsal) -> None:
    farm.join("w1")
    farm.submit("before")


def with_little_memory(farm: Rehearsal) -> None:
    farm.join("w1", memory_mib=1000)


def of_an_older_version(farm: Rehearsal) -> None:
    farm.join("w1", renderers={"mitsuba": "3.8.0"}, memory_mib=9000)


def without_a_tag(farm: Rehearsal) -> None:
    farm.join("w1", memory_mib=9000)


def of_another_renderer(farm: Rehearsal) -> None:
    farm.join("w1", renderers={"povray": "3.7"})


def that_has_to_ask(farm: Rehearsal) -> None:
    farm.ready("w1")


@pytest.mark.parametrize(
    ("given", "wish", "reason", "words"),
    [
        (drained, {}, "draining", "1 draining"),
        (gone, {}, "gone", "1 offline or failed"),
        (busy, {}, "busy", "1 busy"),
        (that_has_to_ask, {}, "not_asking", "1 that have to ask for work"),
        (of_another_renderer, {"renderer": "mitsuba"}, "no_renderer", "without its renderer"),
        (with_little_memory, {"memory_mib": 8000}, "memory", "too little memory"),
        (of_an_older_version, {"renderer_version": ">=3.9"}, "renderer_version", "another version"),
        (without_a_tag, {"tags": ["gpu"]}, "tags", "without its tags"),
    ],
    ids=lambda value: value if isinstance(value, str) and " " not in value else "",
)
def test_a_worker_is_counted_by_what_stands_against_it(
    given: Any, wish: dict[str, Any], reason: str, words: str
) -> None:
    farm = Rehearsal()
    given(farm)
    renderer = wish.pop("renderer", "mitsuba" if wish else None)
    task_id = farm.submit("asked about", renderer=renderer, requires=wish)

    answer = why(farm, task_id)

    assert answer["reasons"] == {reason: 1}
    assert words in answer["summary"]
    assert [(one["workerId"], one["reason"]) for one in answer["details"]] == [("w1", reason)]


def test_a_worker_that_failed_it_is_avoided() -> None:
    farm = Rehearsal()
    farm.join("w1")
    task_id = farm.submit("task")
    farm.fail(task_id, fault="worker")
    farm.sweep()

    assert why(farm, task_id)["reasons"] == {"avoided": 1}


def test_every_worker_is_counted_once() -> None:
    farm = Rehearsal()
    for name in ("w1", "w2"):
        farm.join(name)
        farm.say(c.DrainWorker, worker_id=name)
    farm.join("w3", renderers={"povray": "3.7"})

    answer = why(farm, farm.submit("task", renderer="mitsuba"))

    assert answer["reasons"] == {"draining": 2, "no_renderer": 1}
    assert "Of 3 workers: 2 draining, 1 without its renderer." in answer["summary"]


def test_without_any_worker_it_says_whether_one_will_come() -> None:
    none = Rehearsal(provisioned_workers_max=0)
    some = Rehearsal(provisioned_workers_max=1)

    assert "No new workers are started here" in why(none, none.submit("task"))["summary"]
    waits = some.submit("task")
    assert "is looked at with the next sweep" in why(some, waits)["summary"]
    some.sweep()
    assert "A new worker, new-1, was requested for it." in why(some, waits)["summary"]


def test_who_is_ahead_is_counted() -> None:
    farm = Rehearsal()
    farm.submit("older")
    farm.submit("higher", priority="RUSH")
    asked = farm.submit("task")
    farm.submit("younger")

    assert "2 waiting tasks are ahead of it." in why(farm, asked)["summary"]


def test_a_task_that_another_stops_for_says_so() -> None:
    farm = Rehearsal()
    farm.join("w1")
    low = farm.submit("low", priority="LOW")
    farm.later(301)
    rush = farm.submit("rush", priority="RUSH")
    farm.sweep()

    assert f"Task {low} is stopping for it." in why(farm, rush)["summary"]
    assert "and shall stop: preempted" in why(farm, low)["summary"]


def test_a_task_that_renders_looks_for_no_worker() -> None:
    farm = Rehearsal()
    for name in ("w1", "w2"):
        farm.join(name)
    task_id = farm.submit("task")

    answer = why(farm, task_id)

    assert answer["summary"] == f"Worker {farm.task(task_id).worker_id} renders it, as attempt 1."
    assert (answer["reasons"], answer["details"]) == ({}, [])


def test_what_ended_says_how() -> None:
    farm = Rehearsal(max_retries=1)
    farm.join("w1")
    failed = farm.submit("failed")
    farm.fail(failed)
    assert "is tried again at the first sweep after" in why(farm, failed)["summary"]
    farm.sweep()
    farm.fail(failed)
    assert "It failed for good: it broke." in why(farm, failed)["summary"]
    cancelled = farm.submit("cancelled", renderer="povray")
    farm.say(c.CancelTask, task_id=cancelled)
    assert why(farm, cancelled)["summary"] == "It is cancelled: nothing is left to do."


def test_of_a_failure_only_the_reason_is_said_and_not_the_end_of_the_log() -> None:
    farm = Rehearsal()
    farm.join("w1")
    failed = farm.submit("failed", max_retries=0)
    reason = "no such texture\nParsing...\nRender failed"
    farm.report(c.FailAttempt, failed, reason=reason, fault="render")

    said = "It failed for good: no such texture. `retry` tries it again."
    assert why(farm, failed)["summary"] == said


def test_a_worker_says_which_waiting_tasks_fit_it() -> None:
    farm = Rehearsal()
    farm.ready("w1", capabilities=c.Capabilities(renderers={"mitsuba": "3.9.1"}))
    assert of_worker(farm, "w1")["summary"] == "No task waits."
    farm.submit("fits", renderer="mitsuba")
    farm.submit("does not", renderer="povray")

    answer = of_worker(farm, "w1")

    assert answer["summary"] == "1 of 2 waiting tasks fit it; it has to ask for one."
    assert answer["reasons"] == {"not_asking": 1, "no_renderer": 1}


def test_a_worker_that_is_drained_names_the_remedy() -> None:
    farm = Rehearsal()
    drained(farm)

    assert "`worker undrain` gives it work again" in of_worker(farm, "w1")["summary"]
