"""When the demo disturbs the farm, what it tells, and what it calls a broken promise."""

import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from PIL import Image

from rushlight.cli.demo.chaos import is_rush_moment, worker_to_kill
from rushlight.cli.demo.folder import MARKER, prepare
from rushlight.cli.demo.narration import narrate
from rushlight.cli.demo.records import AttemptRecord
from rushlight.cli.demo.script import JOB, Script
from rushlight.cli.demo.snapshot import Snapshot
from rushlight.cli.demo.verdict import ReportedFrame, check_attempts, check_frames
from rushlight.domain.frames import parse_frames
from rushlight.errors import InvalidRequest
from rushlight.messages.resources import StopResource, TaskResource, WorkerResource

START = datetime(2026, 1, 1, tzinfo=UTC)


def task(number: int, **fields: Any) -> TaskResource:
    """Four frames of the animation that wait."""
    base: dict[str, Any] = {
        "task_id": UUID(int=number),
        "name": f"part-{number}",
        "job_id": JOB,
        "submitted_by": "anonymous",
        "status": "pending",
        "priority": "LOW",
        "estimated_render_time": None,
        "overrun": False,
        "attempt": 0,
        "worker_id": None,
        "retries": 0,
        "max_retries": 1,
        "losses": 0,
        "preemptions": 0,
        "error_message": None,
        "retry_at": None,
        "creation_time": START,
        "start_time": None,
        "completion_time": None,
        "renderer": "mitsuba",
        "scene": None,
        "output": "out:a.####.png",
        "frames": f"{number * 4 + 1}-{number * 4 + 4}",
        "frames_rendered": None,
        "frames_total": 4,
        "frames_done": 0,
        "output_path": None,
        "output_size": None,
        "final_render_time": None,
        "settings": {},
        "args": [],
        "requires": {},
        "stop": None,
        "version": 1,
    }
    return TaskResource(**(base | fields))


def rendering(number: int, worker_id: str, frames_done: int, **fields: Any) -> TaskResource:
    return task(
        number,
        status="rendering",
        worker_id=worker_id,
        attempt=1,
        frames_done=frames_done,
        **fields,
    )


def worker(worker_id: str, status: str, **fields: Any) -> WorkerResource:
    base: dict[str, Any] = {
        "worker_id": worker_id,
        "status": status,
        "mode": "push",
        "last_heartbeat": None,
        "current_task_id": None,
        "current_attempt": None,
        "instance": "1",
        "renderers": None,
        "default_scene": False,
        "memory_mib": None,
        "tags": [],
        "provisioned": True,
        "requested_for": None,
        "reason": None,
        "version": 1,
    }
    return WorkerResource(**(base | fields))


def farm(*tasks: TaskResource, workers: tuple[WorkerResource, ...] = ()) -> Snapshot:
    return Snapshot({one.task_id: one for one in tasks}, {one.worker_id: one for one in workers})


@pytest.mark.parametrize(
    ("done", "is_moment"), [((1, 0), True), ((0, 0), False), ((1, 3), False), ((2, 2), True)]
)
def test_a_rush_comes_when_all_are_busy_one_has_a_frame_to_keep_and_none_is_nearly_done(
    done: tuple[int, int], *, is_moment: bool
) -> None:
    shot = farm(rendering(1, "a", done[0]), rendering(2, "b", done[1]))
    assert is_rush_moment(shot, 2) is is_moment


def test_later_a_rush_comes_also_without_a_frame_to_keep() -> None:
    done = task(3, status="completed", frames_done=4)
    assert is_rush_moment(farm(rendering(1, "a", 0), rendering(2, "b", 0), done), 2)


def test_no_rush_comes_while_a_worker_is_free() -> None:
    assert not is_rush_moment(farm(rendering(1, "a", 1), task(2)), 2)


def test_nobody_is_killed_before_half_of_the_frames_are_done() -> None:
    assert worker_to_kill(farm(rendering(1, "a", 1), task(2))) is None


def test_half_way_the_worker_with_frames_to_keep_and_frames_to_go_is_killed() -> None:
    done = [task(n, status="completed", frames_done=4) for n in (3, 4)]
    assert worker_to_kill(farm(rendering(1, "a", 0), rendering(2, "b", 1), *done)) == "b"


def test_a_worker_whose_frames_are_of_an_earlier_attempt_is_killed_only_near_the_end() -> None:
    done = [task(n, status="completed", frames_done=4) for n in (3, 4)]
    again = rendering(1, "a", 1).model_copy(update={"attempt": 2})
    assert worker_to_kill(farm(again, task(2), task(5), *done)) is None
    assert worker_to_kill(farm(again, *done)) == "a"


def test_a_worker_that_was_asked_to_stop_is_not_killed() -> None:
    stop = StopResource(reason="preempted", requested=START)
    done = task(3, status="completed", frames_done=4)
    assert worker_to_kill(farm(rendering(1, "a", 1, stop=stop), done)) is None


def test_preemption_and_its_repeat_are_told_even_when_both_fall_between_two_looks() -> None:
    before = farm(rendering(1, "a", 1, frames_rendered="5"))
    after = farm(
        rendering(1, "b", 2, frames_rendered="5-6", preemptions=1).model_copy(update={"attempt": 2})
    )
    told = [text for _, text in narrate(before, after)]
    assert told == [
        "part-1 was preempted and waits again; finished and kept: 5-6",
        "part-1 (LOW) renders on b, attempt 2; finished and kept: 5-6",
    ]


def test_a_lost_worker_and_the_new_one_are_told() -> None:
    before = farm(task(1), workers=(worker("a", "busy"),))
    after = farm(
        task(1),
        workers=(
            worker("a", "failed", reason="Worker timeout"),
            worker("b", "requested", requested_for=UUID(int=1)),
        ),
    )
    assert [text for _, text in narrate(before, after)] == [
        "a counts as lost: Worker timeout",
        "a new worker is asked for for part-1: b",
    ]


def test_a_worker_that_is_started_anew_is_told_by_its_new_instance() -> None:
    before = farm(workers=(worker("a", "busy"),))
    after = farm(workers=(worker("a", "ready", instance="2"),))
    told = [text for _, text in narrate(before, after)]
    assert told == ["a was started anew, which proves that the old one is dead"]


def test_what_ended_is_told_before_what_began() -> None:
    before = farm(task(1), rendering(2, "a", 1))
    after = farm(rendering(1, "a", 0), task(2, status="completed", attempt=1, frames_done=4))
    assert [text for _, text in narrate(before, after)] == [
        "part-2 is complete",
        "part-1 (LOW) renders on a",
    ]


def test_nothing_new_is_nothing_told() -> None:
    shot = farm(rendering(1, "a", 1), workers=(worker("a", "busy"),))
    assert list(narrate(shot, shot)) == []


@pytest.mark.parametrize("frames", [1, 2, 7, 8, 12, 48, 49])
def test_the_tasks_of_the_script_have_every_frame_once(frames: int) -> None:
    tasks = Script(frames=frames).animation()
    listed = [frame for one in tasks for frame in parse_frames(one.frames or "")]
    assert listed == list(range(1, frames + 1))


def test_the_script_has_low_and_medium_tasks_of_several_frames() -> None:
    tasks = Script().animation()
    assert [one.priority for one in tasks] == ["LOW"] * 6 + ["MEDIUM"] * 6
    assert {one.frames for one in tasks} >= {"1-4", "45-48"}


def attempt(number: int, result: str, start_s: float) -> AttemptRecord:
    return AttemptRecord(
        task_id="t",
        task="part-1",
        priority="LOW",
        frames="1-4",
        attempt=number,
        worker_id="a",
        start=START + timedelta(seconds=start_s),
        end=START + timedelta(seconds=start_s + 5),
        result=result,
        detail=None,
        frames_rendered=None,
    )


def test_preempted_lost_and_completed_in_the_end_is_as_promised() -> None:
    records = [attempt(1, "preempted", 0), attempt(2, "lost", 6), attempt(3, "completed", 12)]
    assert list(check_attempts(records, new_worker_due=True, joined=1)) == []


@pytest.mark.parametrize(
    ("results", "broken"),
    [
        (("lost", "completed"), "no attempt was preempted by a RUSH"),
        (("preempted", "completed"), "no attempt was lost with the killed worker"),
        (("preempted", "lost"), "part-1 was lost and no later attempt completed it"),
    ],
)
def test_what_did_not_happen_is_a_broken_promise(results: tuple[str, ...], broken: str) -> None:
    records = [attempt(n, result, n * 6) for n, result in enumerate(results, 1)]
    assert broken in list(check_attempts(records, new_worker_due=False, joined=0))


def test_an_attempt_that_began_before_the_lost_one_ended_is_a_broken_promise() -> None:
    records = [attempt(1, "preempted", 0), attempt(2, "lost", 6), attempt(3, "completed", 8)]
    assert list(check_attempts(records, new_worker_due=False, joined=0)) == [
        "part-1 was given away before its attempt 2 counted as lost"
    ]


def test_a_new_worker_that_was_due_and_did_not_come_is_a_broken_promise() -> None:
    records = [attempt(1, "preempted", 0), attempt(2, "lost", 6), attempt(3, "completed", 12)]
    assert len(list(check_attempts(records, new_worker_due=True, joined=0))) == 1


@pytest.fixture
def rendered(tmp_path: Path) -> list[ReportedFrame]:
    reported = []
    for frame in (1, 2):
        path = tmp_path / f"orrery.{frame:04}.png"
        Image.new("RGB", (32, 18), (frame, 0, 0)).save(path)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        reported.append(ReportedFrame(frame, f"out:orrery/{path.name}", digest))
    return reported


SMALL = Script(frames=2, width=32, height=18)


def test_whole_frames_that_are_what_was_reported_are_as_promised(
    rendered: list[ReportedFrame], tmp_path: Path
) -> None:
    assert list(check_frames(SMALL, rendered, tmp_path)) == []


def test_a_frame_cut_short_is_found(rendered: list[ReportedFrame], tmp_path: Path) -> None:
    path = tmp_path / "orrery.0002.png"
    path.write_bytes(path.read_bytes()[:60])
    found = list(check_frames(SMALL, rendered, tmp_path))
    assert [text.split(":")[0].split("(")[0] for text in found] == [
        "frame 2 is not the file that was reported",
        "frame 2 is no whole picture ",
    ]


def test_a_missing_a_wrong_sized_and_an_unreported_frame_are_found(
    rendered: list[ReportedFrame], tmp_path: Path
) -> None:
    (tmp_path / "orrery.0001.png").unlink()
    script = Script(frames=3, width=64, height=36)
    found = list(check_frames(script, rendered, tmp_path))
    assert [text.split(":")[0] for text in found] == [
        "frame 1 is missing",
        "frame 2 is 32 x 18 pixels",
        "frame 3 is in no report",
    ]


def test_the_output_of_an_earlier_demo_is_replaced(tmp_path: Path) -> None:
    prepare(tmp_path / "demo")
    (tmp_path / "demo" / "old.png").write_text("old")
    prepare(tmp_path / "demo")
    assert [path.name for path in (tmp_path / "demo").iterdir()] == [MARKER]


def test_a_folder_that_no_demo_made_is_refused_and_stays(tmp_path: Path) -> None:
    mine = tmp_path / "mine.txt"
    mine.write_text("mine")
    with pytest.raises(InvalidRequest, match="not the output of an earlier demo"):
        prepare(tmp_path)
    assert mine.read_text() == "mine"
