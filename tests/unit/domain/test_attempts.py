"""The attempts of a task, as its events tell them."""

from uuid import uuid4

from rushlight.domain import Farm, decide_round
from rushlight.domain import commands as c
from rushlight.domain.attempts import attempts_of
from rushlight.testing import START


def output(frame: int, render_s: float = 1.0) -> dict[str, object]:
    """A finished frame."""
    path = f"out:shot/frame.{frame:04d}.png"
    return {"frame": frame, "path": path, "bytes": 10, "sha256": "0" * 64, "render_s": render_s}


def test_kept_frames_belong_to_the_attempt_that_rendered_them() -> None:
    farm, task_id, events = Farm(), uuid4(), []
    spec = c.TaskSpec(task_id=task_id, frames="1-3")
    first = [output(1), output(2), output(3)]
    for commands in (
        [c.SubmitTasks(command_id=uuid4(), tasks=(spec,))],
        [c.SetWorkerStatus(command_id=uuid4(), worker_id="w", status="ready")],
        [c.RequestTask(command_id=uuid4(), worker_id="w")],
        [c.CompleteTask(command_id=uuid4(), task_id=task_id, attempt=1, outputs=tuple(first))],
        [c.RequeueTask(command_id=uuid4(), task_id=task_id, frames="2")],
        [c.RequestTask(command_id=uuid4(), worker_id="w")],
        [
            c.CompleteTask(
                command_id=uuid4(),
                task_id=task_id,
                attempt=2,
                outputs=(first[0], output(2, 7.0), first[2]),
            )
        ],
    ):
        events.extend(decide_round(farm, commands, START).events)
    rows = attempts_of(event for event in events if event.originator_id == task_id)
    assert [[one["frame"] for one in row["rendered"]] for row in rows] == [[1, 2, 3], [2]]
