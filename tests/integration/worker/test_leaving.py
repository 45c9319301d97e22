"""How a worker goes: in order, in a hurry, by itself, and when the farm is not there."""

import signal
from pathlib import Path

from tests.integration.worker.agents import gone, paint, wait_until
from tests.integration.worker.conftest import StartAgent
from tests.integration.worker.farm_double import FarmDouble
from tests.integration.worker.test_stops import reached

from rushlight.messages.commands import AttemptStopped, CompleteTask


def test_an_idle_worker_drains_and_leaves(farm: FarmDouble, start_agent: StartAgent) -> None:
    agent = start_agent()
    instance = farm.wait_for_join()
    farm.wait_for(lambda heard: heard.heartbeats)
    agent.signal(signal.SIGTERM)

    assert agent.wait() == 0
    (leave,) = farm.ledger.leaves
    assert (leave.instance, leave.reason) == (instance, "stopped")
    assert farm.ledger.drains == 1


def test_a_running_attempt_may_finish_after_sigterm(
    farm: FarmDouble, start_agent: StartAgent, tmp_path: Path
) -> None:
    agent, gate = start_agent(), tmp_path / "gate"
    assign = paint(farm.wait_for_join(), "--hold", str(gate))
    farm.send(assign)
    reached(gate)
    agent.signal(signal.SIGTERM)
    farm.wait_for(lambda heard: heard.drains)
    gate.touch()

    assert agent.wait() == 0
    assert [type(report) for report in farm.ledger.reports] == [CompleteTask]
    assert len(farm.ledger.leaves) == 1
    assert b"is in place" in farm.ledger.logs[str(assign.task_id), 1]


def test_an_attempt_that_does_not_finish_in_time_is_given_back_with_its_frames(
    farm: FarmDouble, start_agent: StartAgent, tmp_path: Path
) -> None:
    agent, gate = start_agent(drain_s=0.3), tmp_path / "gate"
    hold = ("--hold", str(gate), "--hold-at", "2")
    farm.send(paint(farm.wait_for_join(), *hold, frames=(1, 2)))
    pid = reached(gate)
    wait_until((agent.out / "shot" / "a.0001.png").exists, "a frame is in place")
    agent.signal(signal.SIGTERM)

    assert agent.wait() == 0
    report = farm.wait_for_report(AttemptStopped)
    assert [output.frame for output in report.outputs] == [1]
    assert gone(pid)
    assert len(farm.ledger.leaves) == 1


def test_a_second_sigterm_stops_at_once(
    farm: FarmDouble, start_agent: StartAgent, tmp_path: Path
) -> None:
    agent, gate = start_agent(drain_s=600), tmp_path / "gate"
    farm.send(paint(farm.wait_for_join(), "--deaf", "--hold", str(gate)))
    pid = reached(gate)
    agent.signal(signal.SIGTERM)
    farm.wait_for(lambda heard: heard.drains)
    agent.signal(signal.SIGTERM)

    assert agent.wait(10) == 0
    assert gone(pid)
    farm.wait_for_report(AttemptStopped)
    assert len(farm.ledger.leaves) == 1


def test_what_was_assigned_just_before_the_drain_is_still_done(
    farm: FarmDouble, start_agent: StartAgent
) -> None:
    agent = start_agent()
    instance = farm.wait_for_join()
    farm.wait_for(lambda heard: heard.heartbeats)
    farm.send(paint(instance))
    agent.signal(signal.SIGTERM)

    assert agent.wait() == 0
    assert [type(report) for report in farm.ledger.reports] == [CompleteTask]


def test_a_worker_that_nobody_needs_leaves_by_itself(
    farm: FarmDouble, start_agent: StartAgent
) -> None:
    farm.timing["idle_exit_s"] = 0.5
    agent = start_agent(idle_exit="true", provisioned="true")

    assert agent.wait() == 0
    assert farm.ledger.joins[0].provisioned
    assert [leave.reason for leave in farm.ledger.leaves] == ["idle"]
    assert farm.ledger.drains == 1


def test_a_busy_worker_is_not_idle(
    farm: FarmDouble, start_agent: StartAgent, tmp_path: Path
) -> None:
    farm.timing["idle_exit_s"] = 1.5
    agent, gate = start_agent(idle_exit="true"), tmp_path / "gate"
    farm.send(paint(farm.wait_for_join(), "--hold", str(gate)))
    reached(gate)
    beats = len(farm.ledger.heartbeats)
    farm.wait_for(lambda heard: len(heard.heartbeats) > beats + 10)
    assert farm.ledger.drains == 0
    gate.touch()

    assert agent.wait() == 0
    assert [type(report) for report in farm.ledger.reports] == [CompleteTask]


def test_a_worker_whose_farm_is_gone_says_so_when_it_leaves(
    farm: FarmDouble, start_agent: StartAgent
) -> None:
    agent = start_agent()
    farm.wait_for_join()
    farm.wait_for(lambda heard: heard.heartbeats)
    farm.away = True
    agent.signal(signal.SIGTERM)
    wait_until(lambda: agent.events("draining"), "it drains")
    agent.signal(signal.SIGTERM)

    assert agent.wait() == 6
    assert "did not hear of it" in agent.said()
