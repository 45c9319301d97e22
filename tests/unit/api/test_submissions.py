"""Batches as tasks."""

from uuid import UUID, uuid4

import pytest

from rushlight.errors import InvalidRequest
from rushlight.messages.resources import ExpandBody, RenderBody, TasksBody
from rushlight_api.problems import Malformed
from rushlight_api.stamps import Stamp
from rushlight_api.submissions import batch_tasks, new_task, pointing, read_batch

KEYED = Stamp("anonymous", UUID(int=5), "digest", keyed=True)


def expand(frames: str, size: int) -> list[str | None]:
    body = ExpandBody(frames=frames, frames_per_task=size)
    return [task.frames for task in batch_tasks(body, KEYED)]


@pytest.mark.parametrize(
    ("frames", "size", "parts"),
    [
        ("1-10", 4, ["1-4", "5-8", "9-10"]),
        ("1-10:3", 2, ["1,4", "7,10"]),
        ("7", 5, ["7"]),
        ("5,1-2", 1, ["1", "2", "5"]),
    ],
)
def test_frames_are_dealt_out_in_order(frames: str, size: int, parts: list[str]) -> None:
    assert expand(frames, size) == parts


def test_the_tasks_of_a_batch_share_a_job_that_is_minted_when_none_is_given() -> None:
    jobs = {task.job_id for task in batch_tasks(TasksBody(tasks=[RenderBody()] * 3), KEYED)}

    assert len(jobs) == 1
    assert jobs.pop() is not None


def test_a_task_may_belong_to_another_job_than_its_batch() -> None:
    body = TasksBody(job_id="a", tasks=[RenderBody(), RenderBody(job_id="b")])

    assert [task.job_id for task in batch_tasks(body, KEYED)] == ["a", "b"]


def test_the_same_key_gives_the_same_tasks_and_the_same_job() -> None:
    body = ExpandBody(frames="1-9", frames_per_task=2)

    assert batch_tasks(body, KEYED) == batch_tasks(body, KEYED)


def test_without_a_key_no_two_tasks_have_one_id() -> None:
    stamp = Stamp("anonymous", uuid4(), None, keyed=False)

    assert len({*stamp.task_ids(100), *stamp.task_ids(100)}) == 200


def test_more_tasks_than_a_batch_may_have_are_refused_with_the_place() -> None:
    with pytest.raises(InvalidRequest) as caught:
        expand("1-10001", 1)
    [part] = caught.value.facts["parts"]

    assert (part.pointer, "10,001 tasks" in part.detail) == ("#/framesPerTask", True)


def test_frames_that_make_no_sense_are_refused_with_the_place() -> None:
    with pytest.raises(InvalidRequest) as caught:
        expand("10-1", 1)

    assert caught.value.facts["parts"][0].pointer == "#/frames"


@pytest.mark.parametrize("value", [{"frames": "1-3"}, {"framesPerTask": 2}])
def test_half_an_expansion_is_told_what_is_missing(value: dict[str, object]) -> None:
    with pytest.raises(Malformed, match="is required"):
        read_batch(value)


def test_an_empty_body_is_told_that_tasks_are_missing() -> None:
    with pytest.raises(Malformed, match="#/tasks is required"):
        read_batch({})


def test_a_refusal_points_into_the_list_that_was_sent() -> None:
    faults = [{"index": 17, "field": "frames", "detail": "no"}, {"index": 3, "detail": "neither"}]
    error = pointing(InvalidRequest("no", errors=faults), TasksBody(tasks=[RenderBody()]))

    assert [part.pointer for part in error.facts["parts"]] == ["#/tasks/17/frames", "#/tasks/3"]


def test_a_refusal_of_one_task_points_into_its_body() -> None:
    fault = {"index": 0, "field": "renderer_version", "detail": "no"}
    error = pointing(InvalidRequest("no", errors=[fault]), RenderBody())

    assert error.facts["parts"][0].pointer == "#/requires/rendererVersion"


def test_every_field_of_a_body_reaches_the_task() -> None:
    body = RenderBody.model_validate(
        {
            "priority": "RUSH",
            "estimatedRenderTime": 5,
            "name": "n",
            "jobId": "j",
            "renderer": "mitsuba",
            "scene": "scenes:a.xml",
            "output": "out:a.####.png",
            "frames": "1-2",
            "settings": {"width": 8},
            "args": ["-x"],
            "requires": {"memoryMib": 5, "tags": ["gpu"], "rendererVersion": ">=3"},
            "maxRetries": 2,
            "maxRenderTime": 9,
        }
    )

    assert new_task(body, UUID(int=1)).model_dump(mode="json") == {
        "task_id": str(UUID(int=1)),
        "priority": "RUSH",
        "estimated_render_s": 5,
        "name": "n",
        "job_id": "j",
        "renderer": "mitsuba",
        "scene": "scenes:a.xml",
        "output": "out:a.####.png",
        "frames": "1-2",
        "settings": {"width": 8},
        "args": ["-x"],
        "requires": {"memory_mib": 5, "tags": ["gpu"], "renderer_version": ">=3"},
        "max_retries": 2,
        "max_render_s": 9,
    }
