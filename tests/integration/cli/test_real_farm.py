"""Every command on a farm that really renders."""

import json
import os
import signal
from pathlib import Path

import pytest
from tests.integration.cli.conftest import Cli


def lines(text: str) -> list[list[str]]:
    return [line.split("\t") for line in text.splitlines()]


def test_a_bare_submit_renders_the_default_scene(rushlight: Cli) -> None:
    done = rushlight("submit", "--wait", "--json")

    assert done.returncode == 0, done.stderr
    task = json.loads(done.stdout)
    picture = rushlight.data / task["outputPath"].replace(":", "/")
    assert task["status"] == "completed"
    assert picture.stat().st_size == task["outputSize"] > 0


def test_a_batch_is_watched_line_by_line_to_its_end(rushlight: Cli) -> None:
    done = rushlight(
        *("submit", "--renderer", "command", "--set", "program=frame", "--job", "batch"),
        *("--frames", "1-4", "--frames-per-task", "2", "--output", "out:batch/####.txt", "--watch"),
        *("--arg", "{frame}", "--arg", "{output}", "--arg", "-"),
    )

    assert done.returncode == 0, done.stderr
    ids, *changes = done.stdout.splitlines()[:2], *lines(done.stdout)[2:]
    assert {(one[0], one[1], one[2]) for one in changes if one[1] == "completed"} == {
        (task_id, "completed", "2/2") for task_id in ids
    }
    assert rushlight.json("ls", "job", "batch")["framesDone"] == 4
    assert sorted(path.name for path in (rushlight.data / "out/batch").iterdir()) == [
        "0001.txt",
        "0002.txt",
        "0003.txt",
        "0004.txt",
    ]


def test_the_end_of_an_id_names_the_task(rushlight: Cli) -> None:
    task_id = rushlight.gated()

    assert rushlight.json("show", task_id[-8:])["taskId"] == task_id


def test_the_log_of_a_running_attempt_is_followed(rushlight: Cli, tmp_path: Path) -> None:
    task_id = rushlight.gated(tmp_path / "gate")
    following = rushlight.begin("logs", task_id, "-f")
    assert following.stdout is not None

    said = following.stdout.readline()
    while "frame 1 begins" not in said:
        assert said, "the log ended too early"
        said = following.stdout.readline()
    (tmp_path / "gate").touch()
    rest, _ = following.communicate(timeout=30)

    assert following.returncode == 0
    assert "frame 1 is done" in rest
    assert rushlight("logs", task_id).stdout.endswith(rest)


def test_a_running_task_is_cancelled_and_watching_it_fails(rushlight: Cli, tmp_path: Path) -> None:
    task_id = rushlight.gated(tmp_path / "never")
    rushlight.until(task_id, lambda task: task["status"] == "rendering")
    watching = rushlight.begin("watch", task_id)

    assert rushlight("cancel", task_id).returncode == 0

    _, said = watching.communicate(timeout=30)
    assert watching.returncode == 1
    assert f"{task_id[-8:]} cancelled" in said
    [attempt] = rushlight.json("show", task_id, "--attempts")["items"]
    assert attempt["result"] == "cancelled"


def test_a_waiting_task_is_paused_resumed_and_preferred(rushlight: Cli, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    holding = rushlight.gated(gate)
    rushlight.until(holding, lambda task: task["status"] == "rendering")
    waiting = rushlight.gated()

    assert rushlight.json("pause", waiting)["status"] == "paused"
    assert rushlight("pause", holding).returncode == 5
    assert rushlight.json("priority", waiting, "HIGH")["priority"] == "HIGH"
    assert rushlight.json("resume", waiting)["status"] == "pending"
    gate.touch()

    assert rushlight("watch", holding, waiting).returncode == 0


def test_a_failed_task_says_why_and_is_tried_again(rushlight: Cli, tmp_path: Path) -> None:
    gate = tmp_path / "broken"
    gate.touch()
    task_id = rushlight.gated(gate, "--max-retries", 0)

    watched = rushlight("watch", task_id)
    again = rushlight("retry", task_id)

    assert watched.returncode == 1
    assert "failed" in watched.stderr
    assert again.returncode == 0, again.stderr
    rushlight.until(task_id, lambda task: task["attempt"] == 2 and task["status"] == "failed")
    events = [one["topic"] for one in rushlight.json("show", task_id, "--events")["items"]]
    assert events.count("rushlight.task.failed") == 2


def test_one_frame_of_a_completed_task_is_rendered_again(rushlight: Cli) -> None:
    task_id = rushlight.gated("-", "--frames", "1-3", "--name", "again")
    assert rushlight("watch", task_id).returncode == 0
    frames = sorted((rushlight.data / "out").glob(f"{output_of(rushlight, task_id)}.*.txt"))
    before = [path.stat().st_ino for path in frames]

    assert rushlight("requeue", task_id, "--frames", "2").returncode == 0

    assert rushlight("watch", task_id).returncode == 0
    after = [path.stat().st_ino for path in frames]
    assert [one != other for one, other in zip(before, after, strict=True)] == [False, True, False]


def output_of(rushlight: Cli, task_id: str) -> str:
    """The beginning of the names of a task's frames."""
    output: str = rushlight.json("show", task_id)["output"]
    return output.removeprefix("out:").partition(".")[0]


def test_why_names_the_renderer_that_nobody_has(rushlight: Cli) -> None:
    task_id = rushlight("submit", "--renderer", "nobody-has-it").stdout.strip()

    why = rushlight.json("why", task_id)

    assert why["reasons"] == {"no_renderer": 1}
    assert "1 without its renderer" in why["summary"]
    assert rushlight("why", task_id[-8:]).stdout.endswith("1\tno_renderer\n")
    rushlight("cancel", task_id)


def test_a_drained_worker_says_so(rushlight: Cli) -> None:
    [worker] = [one["workerId"] for one in rushlight.json("worker", "ls")["items"]]

    assert rushlight.json("worker", "drain", worker)["status"] == "draining"
    assert rushlight.json("why", worker)["status"] == "draining"
    assert rushlight.json("worker", "undrain", worker)["status"] == "ready"


def test_a_job_is_cancelled_only_with_a_yes(rushlight: Cli, tmp_path: Path) -> None:
    first = rushlight.gated(tmp_path / "never", "--job", "gone")
    rushlight.gated(tmp_path / "never", "--job", "gone")

    assert rushlight("cancel", "--job", "gone").returncode == 2
    assert rushlight.json("show", first)["status"] in ("pending", "rendering")
    assert rushlight.json("cancel", "--job", "gone", "--yes")["changed"] == 2
    assert rushlight("watch", "--job", "gone").returncode == 1


def test_interrupting_a_watch_is_exit_130_and_stops_nothing(rushlight: Cli, tmp_path: Path) -> None:
    task_id = rushlight.gated(tmp_path / "gate")
    watching = rushlight.begin("watch", task_id)
    assert watching.stdout is not None
    watching.stdout.readline()

    watching.send_signal(signal.SIGINT)
    _, said = watching.communicate(timeout=30)

    assert (watching.returncode, said.strip()) == (130, "interrupted")
    (tmp_path / "gate").touch()
    assert rushlight("watch", task_id).returncode == 0


@pytest.mark.parametrize(
    ("given", "code", "said"),
    [
        (("submit", "--frames", "10-1"), 2, "10-1"),
        (("submit", "--frames", "1-"), 2, "1-"),
        (("submit", "--estimate", "-5"), 2, "estimatedRenderTime"),
        (("submit", "--scene", "nowhere"), 2, "scene"),
        (("show", "00000000-0000-0000-0000-000000000000"), 3, "Task not found"),
        (("worker", "show", "nobody"), 3, "Worker not found"),
        (("ls", "job", "nothing"), 3, "nothing"),
        (("cancel", "--job", "nothing", "--yes"), 3, "nothing"),
    ],
)
def test_what_cannot_be_says_what_to_do(
    rushlight: Cli, given: tuple[str, ...], code: int, said: str
) -> None:
    done = rushlight(*given)

    assert (done.returncode, done.stdout) == (code, "")
    assert said in done.stderr


def test_another_up_on_the_same_data_is_refused(rushlight: Cli) -> None:
    done = rushlight("up", "--port", 0, "--data", rushlight.data)

    assert done.returncode == 5
    assert "is in use by process" in done.stderr


def test_a_port_in_use_is_refused(rushlight: Cli, tmp_path: Path) -> None:
    port = rushlight.url.rsplit(":", 1)[1]

    done = rushlight("up", "--port", port, "--data", tmp_path / "other")

    assert done.returncode == 6
    assert f"port {port}" in done.stderr
    assert "--port" in done.stderr


def test_the_audit_is_clean_and_tells_what_happened(rushlight: Cli) -> None:
    task_id = rushlight.gated()
    assert rushlight("watch", task_id).returncode == 0

    report = rushlight.json("audit", "verify")
    log = rushlight("audit", "log", "--task", task_id[-8:], "--json")

    assert report["clean"], report["differences"]
    topics = [json.loads(line)["topic"] for line in log.stdout.splitlines()]
    assert topics[0] == "rushlight.task.submitted"
    assert topics[-1] == "rushlight.task.completed"


def test_a_running_farm_is_not_rebuilt(rushlight: Cli) -> None:
    done = rushlight("audit", "rebuild")

    assert done.returncode == 5
    assert "stop that farm" in done.stderr


def test_listing_starts_in_a_quarter_of_a_second(rushlight: Cli) -> None:
    """CPU time, not the clock: other tests run on the same cores."""
    costs = []
    for _ in range(5):
        before = os.times()
        assert rushlight("ls").returncode == 0
        after = os.times()
        costs.append(
            after.children_user
            + after.children_system
            - before.children_user
            - before.children_system
        )

    assert min(costs) < 0.25
