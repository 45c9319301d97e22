"""One attempt from its assignment to its last report, with real programs."""

import hashlib
import json
from pathlib import Path
from uuid import uuid4

import pytest
from tests.integration.worker.agents import AgentProcess, paint, wait_until
from tests.integration.worker.conftest import Standing, StartAgent
from tests.integration.worker.farm_double import FarmDouble

from rushlight.messages.commands import CompleteTask, FailAttempt, FramesRendered, Output


def left_in(agent: AgentProcess) -> list[str]:
    """Temporary files anywhere below the output root."""
    return sorted(path.name for path in agent.out.rglob("*.part-*"))


def test_a_still_is_rendered_and_put_into_place(farm: FarmDouble, start_agent: StartAgent) -> None:
    agent = start_agent()
    farm.send(paint(farm.wait_for_join()))

    report = farm.wait_for_report(CompleteTask)

    (output,) = report.outputs or ()
    picture = agent.out / "shot" / "a.png"
    assert output.path == "out:shot/a.png"
    assert output.frame is None
    assert output.bytes == picture.stat().st_size
    assert output.sha256 == hashlib.sha256(picture.read_bytes()).hexdigest()
    assert output.render_s is not None
    assert left_in(agent) == []


def test_frames_are_reported_as_they_finish_and_all_of_them_at_the_end(
    farm: FarmDouble, start_agent: StartAgent, tmp_path: Path
) -> None:
    agent = start_agent()
    gate = tmp_path / "gate"
    instance = farm.wait_for_join()
    farm.send(paint(instance, "--hold", str(gate), "--hold-at", "3", frames=(1, 2, 3, 4)))

    seen = farm.wait_for(
        lambda heard: (
            [
                output.frame
                for report in heard.reports
                if isinstance(report, FramesRendered)
                for output in report.outputs
            ]
            if len([o for r in heard.reports for o in getattr(r, "outputs", ())]) == 2
            else []
        )
    )
    there = sorted(path.name for path in (agent.out / "shot").glob("a.????.png"))
    gate.touch()
    report = farm.wait_for_report(CompleteTask)

    assert seen == [1, 2]
    assert there == ["a.0001.png", "a.0002.png"]
    assert [output.frame for output in report.outputs or ()] == [1, 2, 3, 4]
    assert left_in(agent) == []


def test_progress_of_the_program_is_in_the_heartbeats(
    farm: FarmDouble, start_agent: StartAgent, tmp_path: Path
) -> None:
    start_agent()
    gate = tmp_path / "gate"
    settings = {"progress": r"done (?P<done>\d+) of (?P<total>\d+)"}
    assign = paint(
        farm.wait_for_join(), "--say", "done 3 of 4", "--hold", str(gate), settings=settings
    )
    farm.send(assign)

    running = farm.wait_for(
        lambda heard: [r for beat in heard.heartbeats for r in beat.running if r.progress == 0.75]
    )

    assert running[0].task_id == assign.task_id
    gate.touch()
    farm.wait_for_report(CompleteTask)


def test_a_program_that_uses_frame_runs_once_per_frame(
    farm: FarmDouble, start_agent: StartAgent
) -> None:
    agent = start_agent()
    assign = paint(farm.wait_for_join(), frames=(-5, 7))
    farm.send(assign.model_copy(update={"args": ("--output", "{output}", "--say", "at {frame}")}))

    farm.wait_for_report(CompleteTask)

    assert {path.name for path in (agent.out / "shot").iterdir()} == {"a.-005.png", "a.0007.png"}
    log = farm.wait_for(
        lambda heard: (
            text
            if "at 7" in (text := heard.logs.get((str(assign.task_id), 1), bytearray()).decode())
            else ""
        )
    )
    assert "at -5" in log


def test_the_same_assignment_twice_starts_it_once(
    farm: FarmDouble, start_agent: StartAgent, tmp_path: Path
) -> None:
    agent = start_agent()
    gate = tmp_path / "gate"
    assign = paint(farm.wait_for_join(), "--hold", str(gate))
    farm.send(assign)
    farm.send(assign)
    wait_until(gate.with_suffix(".reached").exists, "the program waits")
    farm.send(assign)
    gate.touch()

    first = farm.wait_for_report(CompleteTask)
    beats = len(farm.ledger.heartbeats)
    # Until the agent has read the outcome, its report is under way and need not be repeated.
    farm.wait_for(
        lambda heard: len(heard.heartbeats) > beats + 1 and not heard.heartbeats[-1].finished
    )
    farm.send(assign)
    farm.wait_for(lambda heard: len(heard.reports) >= 2)

    assert {report.command_id for report in farm.ledger.reports} == {first.command_id}
    assert len(agent.events("assigned")) == 1


def test_frames_kept_from_earlier_attempts_are_rendered_again_only_where_they_are_missing(
    farm: FarmDouble, start_agent: StartAgent
) -> None:
    agent = start_agent()
    instance, task_id = farm.wait_for_join(), uuid4()
    farm.send(paint(instance, frames=(1, 2, 3), task_id=task_id))
    kept = farm.wait_for_report(CompleteTask).outputs or ()
    shot = agent.out / "shot"
    (shot / "a.0002.png").unlink()
    (shot / "a.0003.png").write_bytes(b"of another size")
    untouched = (shot / "a.0001.png").stat().st_mtime_ns

    again = paint(instance, frames=(1, 2, 3), task_id=task_id, attempt=2, kept=kept)
    farm.send(again.model_copy(update={"args": ("--output", "{output}")}))
    report = farm.wait_for_report(CompleteTask, attempt=2)

    assert (shot / "a.0001.png").stat().st_mtime_ns == untouched
    assert [output.frame for output in report.outputs or ()] == [1, 2, 3]
    assert [o.bytes for o in report.outputs or ()] == [
        (shot / f"a.000{frame}.png").stat().st_size for frame in (1, 2, 3)
    ]


def test_nothing_is_started_when_every_frame_is_in_place(
    farm: FarmDouble, start_agent: StartAgent
) -> None:
    start_agent()
    instance, task_id = farm.wait_for_join(), uuid4()
    farm.send(paint(instance, frames=(1, 2), task_id=task_id))
    kept = farm.wait_for_report(CompleteTask).outputs or ()

    farm.send(paint(instance, "--exit", "3", frames=(1, 2), task_id=task_id, attempt=2, kept=kept))

    assert farm.wait_for_report(CompleteTask, attempt=2).outputs == kept


@pytest.mark.parametrize(
    ("args", "reason"),
    [
        (("--nothing",), "command exited 0 but frame 1 was not written"),
        (("--skip", "2"), "command exited 0 but frame 2 was not written"),
        (("--cut",), "frame 1: a.0001.png is no complete picture"),
        (("--fill", "0"), "frame 1: a.0001.png is empty"),
        (("--fill", "100"), "frame 1: a.0001.png is no complete picture"),
        (("--size", "32x9"), "frame 1: a.0001.png is 32 pixels wide, not 16"),
        (("--exit", "3", "--say", "out of licences"), "command ended with exit code 3"),
    ],
    ids=["nothing", "one-missing", "cut", "empty", "no-picture", "wrong-size", "exit-code"],
)
def test_an_exit_code_is_no_proof(standing: Standing, args: tuple[str, ...], reason: str) -> None:
    size = {"width": 16, "height": 9}
    output = f"out:{uuid4()}/a.####.png"

    report = standing.failure_of(
        paint(standing.instance, *args, frames=(1, 2), settings=size, output=output)
    )

    assert report.reason.startswith(reason)
    assert report.fault == "render"
    assert left_in(standing.agent) == []


def test_a_failure_names_the_last_lines_and_the_frames_in_place(
    farm: FarmDouble, start_agent: StartAgent
) -> None:
    start_agent()
    args = ("--say", "out of licences", "--skip", "2", "--exit", "7")
    farm.send(paint(farm.wait_for_join(), *args, frames=(1, 2)))

    report = farm.wait_for_report(FailAttempt)

    assert report.reason == "command ended with exit code 7\nout of licences\nSAVED frame=1"
    assert [output.frame for output in report.outputs] == [1]


@pytest.mark.parametrize(
    ("change", "fault", "reason"),
    [
        ({"renderer": "houdini"}, "worker", "this worker has no renderer 'houdini'"),
        ({"settings": {"program": "nuke"}}, "worker", "settings name no program 'nuke'"),
        ({"output": "archive:a.png"}, "worker", "this worker has no root 'archive'"),
        ({"output": "scenes:a.png"}, "worker", "is it mounted?"),
        ({"output": "out:../a.png"}, "task", "has .. in it; it must stay in its root"),
        ({"output": "out:link/a.png"}, "task", "leaves its root by a link"),
        ({"output": "builtin:a.png"}, "task", "is read only"),
        ({"settings": {"program": "paint", "wdith": 3}}, "task", "has no setting wdith"),
        ({"args": ("{scene}",)}, "task", "the task has no scene"),
        ({"renderer": None}, "worker", "this worker has no default_scene"),
        ({"scene": "out:a.xml"}, "render", "scene a.xml is not in root out"),
        ({"args": ("--output", "a\0b")}, "task", "has a NUL in it"),
    ],
    ids=lambda value: value if isinstance(value, str) and len(value) < 10 else None,
)
def test_what_cannot_be_rendered_says_why_and_whose_fault_it_is(
    standing: Standing, change: dict[str, object], fault: str, reason: str
) -> None:
    link = standing.agent.out / "link"
    if not link.is_symlink():
        link.symlink_to("/")

    report = standing.failure_of(paint(standing.instance).model_copy(update=change))

    assert reason in report.reason
    assert report.fault == fault


def test_an_output_root_that_is_about_full_refuses_work(
    farm: FarmDouble, start_agent: StartAgent
) -> None:
    start_agent(disk_free_min_mib=10**9)
    farm.send(paint(farm.wait_for_join()))

    report = farm.wait_for_report(FailAttempt)

    assert "disk_free_min_mib" in report.reason
    assert report.fault == "worker"


def test_a_renderer_that_neither_speaks_nor_computes_is_stopped(
    farm: FarmDouble, start_agent: StartAgent
) -> None:
    agent = start_agent(stall_s=1)
    assign = paint(farm.wait_for_join())
    change = {"settings": {"program": "sleep"}, "args": ("600",)}
    farm.send(assign.model_copy(update=change))

    report = farm.wait_for_report(FailAttempt)

    assert "no output and no CPU use for 1 s" in report.reason
    assert agent.renderers() == []


def test_renderers_see_an_allow_list_of_variables_and_leave_nothing_in_tmpdir(
    farm: FarmDouble, start_agent: StartAgent, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_OF_THE_NODE", "x")
    start_agent()
    told = tmp_path / "environment"
    assign = paint(farm.wait_for_join(), "--leak", "--tell", str(told))
    farm.send(assign)

    farm.wait_for_report(CompleteTask)

    seen = dict(line.split("=", 1) for line in told.read_text().splitlines() if "=" in line)
    assert seen["RUSHLIGHT_TASK"] == str(assign.task_id)
    assert seen["RUSHLIGHT_ATTEMPT"] == "1"
    assert seen["RUSHLIGHT_THREADS"] == seen["OMP_NUM_THREADS"] == "1"
    assert seen["TMPDIR"].startswith(str(tmp_path / "state"))
    assert not Path(seen["TMPDIR"]).exists()
    assert not {"SECRET_OF_THE_NODE", "RUSHLIGHT_URL", "RUSHLIGHT_PROGRAMS"} & seen.keys()


def test_the_log_grows_at_the_farm_while_the_attempt_runs(
    farm: FarmDouble, start_agent: StartAgent, tmp_path: Path
) -> None:
    start_agent()
    gate = tmp_path / "gate"
    assign = paint(farm.wait_for_join(), "--say", "hello there", "--hold", str(gate))
    farm.send(assign)
    key = (str(assign.task_id), 1)

    early = farm.wait_for(lambda heard: bytes(heard.logs.get(key, b"")))
    farm.wait_for(lambda heard: b"\nhello there\n" in heard.logs.get(key, b""))
    gate.touch()
    farm.wait_for(
        lambda heard: b"# the still is in place: out:shot/a.png" in heard.logs.get(key, b"")
    )

    assert early.startswith(b"# attempt 1 on worker w1\n")


def test_a_long_log_keeps_its_start_and_its_end(farm: FarmDouble, start_agent: StartAgent) -> None:
    start_agent(log_max_bytes=4000)
    assign = paint(farm.wait_for_join(), "--noise", "2000")
    farm.send(assign)
    key = (str(assign.task_id), 1)

    farm.wait_for_report(CompleteTask)
    log = farm.wait_for(
        lambda heard: (
            text if "is in place" in (text := heard.logs.get(key, bytearray()).decode()) else ""
        )
    )

    assert "\nnoise 1\n" in log
    assert "\nnoise 1999\n" in log
    assert "bytes left out" in log
    assert "\nnoise 1000\n" not in log
    assert len(log) <= 4000


def test_temporary_files_of_dead_attempts_are_swept(
    farm: FarmDouble, start_agent: StartAgent, tmp_path: Path
) -> None:
    task_id, shot = uuid4(), tmp_path / "out" / "shot"
    shot.mkdir(parents=True)
    older = shot / f"a.part-{task_id}-1-cafe.png"
    dead = shot / f"b.part-{uuid4()}-4-cafe.png"
    other = shot / f"c.part-{uuid4()}-1-beef.png"
    for path in (older, dead, other):
        path.touch()
    scratch = tmp_path / "state" / "workers" / "w1" / "old"
    scratch.mkdir(parents=True)
    (scratch / "outputs.json").write_text(json.dumps([str(dead)]))
    start_agent()
    farm.send(paint(farm.wait_for_join(), task_id=task_id, attempt=2))

    farm.wait_for_report(CompleteTask, attempt=2)

    assert [path.name for path in shot.glob("*.part-*")] == [other.name]
    assert not scratch.exists()


def test_a_kept_frame_of_another_name_is_not_ours(
    farm: FarmDouble, start_agent: StartAgent
) -> None:
    agent = start_agent()
    (agent.out / "elsewhere.png").write_bytes(b"x")
    kept = (Output(frame=None, path="out:elsewhere.png", bytes=1),)
    farm.send(paint(farm.wait_for_join(), kept=kept))

    report = farm.wait_for_report(CompleteTask)

    assert [output.path for output in report.outputs or ()] == ["out:shot/a.png"]
