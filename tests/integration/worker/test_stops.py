"""Attempts that are to end before they are done."""

from pathlib import Path
from uuid import uuid4

import pytest
from tests.integration.worker.agents import gone, paint, wait_until
from tests.integration.worker.conftest import StartAgent
from tests.integration.worker.farm_double import FarmDouble

from rushlight.messages.commands import AttemptStopped, CompleteTask
from rushlight.messages.work import Assign, Stop


def stop(assign: Assign, reason: str = "preempted") -> Stop:
    return Stop.model_validate(
        {"task_id": assign.task_id, "attempt": assign.attempt, "reason": reason}
    )


def reached(gate: Path) -> int:
    """The pid of the program that waits there."""
    mark = gate.with_suffix(".reached")
    wait_until(mark.exists, "the program waits")
    return int(mark.read_text())


def test_a_preempted_attempt_keeps_the_frames_that_it_has_finished(
    farm: FarmDouble, start_agent: StartAgent, tmp_path: Path
) -> None:
    agent = start_agent()
    gate = tmp_path / "gate"
    hold = ("--hold", str(gate), "--hold-at", "3")
    assign = paint(farm.wait_for_join(), *hold, frames=(1, 2, 3, 4))
    farm.send(assign)
    pid = reached(gate)
    wait_until((agent.out / "shot" / "a.0002.png").exists, "two frames are in place")
    farm.send(stop(assign))

    report = farm.wait_for_report(AttemptStopped)

    assert gone(pid)
    assert [output.frame for output in report.outputs] == [1, 2]
    assert sorted(path.name for path in (agent.out / "shot").iterdir()) == [
        "a.0001.png",
        "a.0002.png",
    ]
    assert agent.renderers() == []


def test_a_renderer_that_ignores_sigterm_is_killed_after_the_grace_with_all_its_children(
    farm: FarmDouble, start_agent: StartAgent, tmp_path: Path
) -> None:
    farm.timing["stop_grace_s"] = 0.3
    start_agent()
    gate, escaped = tmp_path / "gate", tmp_path / "escaped"
    assign = paint(farm.wait_for_join(), "--deaf", "--escape", str(escaped), "--hold", str(gate))
    farm.send(assign)
    pid = reached(gate)
    farm.send(stop(assign))

    report = farm.wait_for_report(AttemptStopped)

    assert gone(pid)
    assert gone(int(escaped.read_text()))
    assert report.outputs == ()


def test_the_next_attempt_starts_after_a_stop(
    farm: FarmDouble, start_agent: StartAgent, tmp_path: Path
) -> None:
    start_agent()
    gate = tmp_path / "gate"
    instance = farm.wait_for_join()
    assign = paint(instance, "--hold", str(gate))
    farm.send(assign)
    reached(gate)
    farm.send(stop(assign))
    rush = paint(instance)
    farm.send(rush)

    report = farm.wait_for_report(CompleteTask)

    assert report.task_id == rush.task_id
    assert [type(one) for one in farm.ledger.reports] == [AttemptStopped, CompleteTask]


def test_another_assignment_waits_until_the_running_one_has_ended(
    farm: FarmDouble, start_agent: StartAgent, tmp_path: Path
) -> None:
    agent = start_agent()
    gate = tmp_path / "gate"
    instance = farm.wait_for_join()
    first, second = paint(instance, "--hold", str(gate)), paint(instance, output="out:b.png")
    farm.send(first)
    reached(gate)
    farm.send(second)
    both = farm.wait_for(
        lambda heard: next((beat for beat in heard.heartbeats if len(beat.running) == 2), None)
    )
    programs = [p for p in agent.renderers() if "supervisor.py" in " ".join(p.cmdline())]
    gate.touch()
    farm.wait_for(lambda heard: len(heard.reports) == 2)

    assert [one.task_id for one in both.running] == [first.task_id, second.task_id]
    assert len(programs) == 1
    assert [one.task_id for one in farm.ledger.reports] == [first.task_id, second.task_id]


def test_a_stop_for_an_attempt_that_waits_ends_it_before_it_starts(
    farm: FarmDouble, start_agent: StartAgent, tmp_path: Path
) -> None:
    start_agent()
    gate = tmp_path / "gate"
    instance = farm.wait_for_join()
    farm.send(paint(instance, "--hold", str(gate)))
    reached(gate)
    waiting = paint(instance, output="out:b.png")
    farm.send(waiting)
    farm.send(stop(waiting))

    report = farm.wait_for_report(AttemptStopped)

    assert report.task_id == waiting.task_id
    assert not gate.exists()


@pytest.mark.parametrize("reason", ["preempted", "cancelled", "overrun", "stale"])
def test_a_stop_for_an_unknown_attempt_is_answered_at_once(
    farm: FarmDouble, start_agent: StartAgent, reason: str
) -> None:
    start_agent()
    assign = paint(farm.wait_for_join(), task_id=uuid4(), attempt=3)
    farm.send(stop(assign, reason))

    report = farm.wait_for_report(AttemptStopped, attempt=3)

    assert report.task_id == assign.task_id


def test_a_stop_that_comes_after_the_end_changes_nothing(
    farm: FarmDouble, start_agent: StartAgent
) -> None:
    start_agent()
    assign = paint(farm.wait_for_join())
    farm.send(assign)
    done = farm.wait_for_report(CompleteTask)
    farm.send(stop(assign))

    farm.wait_for(lambda heard: len(heard.reports) == 2)

    assert farm.ledger.reports == [done, done]


def test_an_attempt_whose_report_is_stale_is_dropped_without_another_word(
    farm: FarmDouble, start_agent: StartAgent, tmp_path: Path
) -> None:
    farm.report_answer = lambda report: ("refused", "stale")
    agent = start_agent()
    gate = tmp_path / "gate"
    hold = ("--hold", str(gate), "--hold-at", "2")
    farm.send(paint(farm.wait_for_join(), *hold, frames=(1, 2)))
    pid = reached(gate)

    farm.wait_for(lambda heard: heard.reports)
    wait_until(lambda: gone(pid), "the renderer is gone")
    wait_until(lambda: agent.events("attempt_ended"), "the attempt ended")
    farm.report_answer = None
    farm.send(paint(farm.wait_for_join(), output="out:b.png"))
    farm.wait_for_report(CompleteTask)

    assert [report.kind() for report in farm.ledger.reports] == ["FramesRendered", "CompleteTask"]
    assert agent.events("attempt_ended")[0]["sent"] is False
