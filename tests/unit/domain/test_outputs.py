"""No two live tasks write the same file."""

from typing import Any

import pytest
from tests.rehearsal import Rehearsal, named

from rushlight.domain import commands as c
from rushlight.domain.outputs import files_of
from rushlight_worker.naming import output_name

PATTERN = "out:shot/a.####.png"


def submitted(farm: Rehearsal, name: str, **spec: Any) -> Any:
    return farm.say(c.SubmitTasks, tasks=(c.TaskSpec(task_id=named(name), **spec),))


PAIRS = [
    ((PATTERN, "1-10"), (PATTERN, "11-20"), True),
    ((PATTERN, "1-10"), (PATTERN, "10-20"), False),
    ((PATTERN, "1-9:2"), (PATTERN, "2-10:2"), True),
    ((PATTERN, "1-10"), ("out:shot/b.####.png", "1-10"), True),
    ((PATTERN, "1-10"), ("out:shot/a.##.png", "1-10"), True),
    (("out:a.##.png", "1000"), ("out:a.####.png", "1000"), False),
    ((PATTERN, "7"), ("out:shot/a.0007.png", None), False),
    ((PATTERN, "8"), ("out:shot/a.0007.png", None), True),
    (("out:a.png", None), ("out:a.png", None), False),
    (("out:a.png", "1"), ("out:a.png", "2"), False),
    (("out:a.####.png", None), ("out:a.png", None), False),
    (("out:x/a.png", None), ("out:x//./a.png", None), False),
    (("out:a.png", None), ("other:a.png", None), True),
]


@pytest.mark.parametrize(("one", "other", "both"), PAIRS)
def test_what_two_live_tasks_may_write(
    one: tuple[str, str | None], other: tuple[str, str | None], both: bool
) -> None:
    farm = Rehearsal()
    assert submitted(farm, "one", output=one[0], frames=one[1]).ok

    result = submitted(farm, "other", output=other[0], frames=other[1])

    assert result.code == ("done" if both else "output-taken")


@pytest.mark.parametrize(("one", "other", "both"), PAIRS)
def test_a_batch_is_held_to_the_same(
    one: tuple[str, str | None], other: tuple[str, str | None], both: bool
) -> None:
    farm = Rehearsal()
    specs = tuple(
        c.TaskSpec(task_id=named(name), output=output, frames=frames)
        for name, (output, frames) in (("one", one), ("other", other))
    )

    result = farm.say(c.SubmitTasks, tasks=specs)

    assert (result.ok, len(farm.farm.tasks)) == ((True, 2) if both else (False, 0))


@pytest.mark.parametrize("end", ["completed", "cancelled", "failed"])
def test_an_ended_task_leaves_its_files_to_others_and_may_not_come_back_over_them(
    end: str,
) -> None:
    farm = Rehearsal()
    farm.join("w1")
    task_id = farm.submit("first", output=PATTERN, frames="1-2", max_retries=0)
    if end == "completed":
        farm.complete(task_id)
    elif end == "cancelled":
        farm.say(c.CancelTask, task_id=task_id)
        farm.stopped(task_id)
    else:
        farm.fail(task_id)
    assert submitted(farm, "second", output=PATTERN, frames="2-3").ok

    assert farm.say(c.RequeueTask, task_id=task_id).code == "output-taken"
    if end == "failed":
        assert farm.say(c.RetryTask, task_id=task_id).code == "output-taken"


@pytest.mark.parametrize("status", ["pending", "paused", "rendering", "waits for a retry"])
def test_a_live_task_keeps_its_files(status: str) -> None:
    farm = Rehearsal()
    task_id = farm.submit("first", output="out:a.png")
    if status == "paused":
        farm.say(c.PauseTask, task_id=task_id)
    elif status != "pending":
        farm.join("w1")
    if status == "waits for a retry":
        farm.fail(task_id)

    assert submitted(farm, "second", output="out:a.png").code == "output-taken"


def test_a_task_submitted_again_is_accepted_though_another_writes_its_files_now() -> None:
    farm = Rehearsal()
    farm.join("w1")
    task_id = farm.submit("first", output="out:a.png")
    farm.complete(task_id)
    farm.submit("second", output="out:a.png")

    result = submitted(farm, "first", output="out:a.png")

    assert (result.code, result.task_ids) == ("done", (task_id,))
    assert farm.task(task_id).status == "completed"


def test_one_id_twice_in_a_batch_is_one_task() -> None:
    farm = Rehearsal()
    spec = c.TaskSpec(task_id=named("task"))

    assert farm.say(c.SubmitTasks, tasks=(spec, spec)).ok
    assert farm.topics() == ["term.taken_over", "task.submitted"]


@pytest.mark.parametrize(
    "path",
    [
        "a.png",
        ":a.png",
        "out:",
        "out:/a.png",
        "out:../a.png",
        "out:b/../../a.png",
        "out:b/",
        "out:.",
    ],
)
def test_an_output_that_leaves_its_root_or_is_no_file_is_refused(path: str) -> None:
    result = submitted(Rehearsal(), "task", output=path)

    assert (result.code, result.facts["errors"][0]["field"]) == ("invalid-request", "output")


def test_several_frames_need_a_place_for_their_number() -> None:
    result = submitted(Rehearsal(), "task", output="out:####/a.png", frames="1-2")

    assert result.code == "invalid-request"


def test_all_wrong_tasks_of_a_batch_are_named() -> None:
    farm = Rehearsal()
    specs = tuple(
        c.TaskSpec(task_id=named(str(number)), frames="1-" if number % 2 else "1")
        for number in range(4)
    )

    result = farm.say(c.SubmitTasks, tasks=specs)

    assert [error["index"] for error in result.facts["errors"]] == [1, 3]
    assert farm.farm.tasks == {}


NAMES = ["a.####.png", "#.png", "a.png", "####", ".####.png", "a.#.##.png", "a_###.exr", "...#"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("frame", [None, 0, 7, -5, 12345])
def test_the_farm_and_the_worker_name_files_alike(name: str, frame: int | None) -> None:
    pattern = f"out:shot/{name}"

    assert files_of(pattern, [frame]) == [output_name(pattern, frame)]


def test_a_batch_names_no_more_frames_than_memory_can_hold() -> None:
    farm = Rehearsal()
    specs = tuple(
        c.TaskSpec(task_id=named(f"task {number}"), name=f"{number}", frames="1-10000")
        for number in range(102)
    )

    result = farm.say(c.SubmitTasks, tasks=specs)

    assert (result.code, len(farm.farm.tasks)) == ("invalid-request", 0)
    assert [error["index"] for error in result.facts["errors"]] == [100]
