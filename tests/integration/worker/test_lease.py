"""What an agent does when it is not heard, or was not there: it publishes nothing."""

import signal
import time
from pathlib import Path

import psutil
import pytest
from tests.integration.worker.agents import gone, paint, wait_until
from tests.integration.worker.conftest import StartAgent
from tests.integration.worker.farm_double import FarmDouble
from tests.integration.worker.test_stops import reached

from rushlight.messages.commands import CompleteTask, FailAttempt

STOPPED = psutil.STATUS_STOPPED


def frozen(pid: int) -> bool:
    return psutil.Process(pid).status() == STOPPED


@pytest.fixture
def short_lease(farm: FarmDouble) -> FarmDouble:
    farm.timing |= {"self_fence_s": 1.0, "fence_kill_s": 60}
    return farm


def test_without_answers_the_renderer_freezes_and_goes_on_when_the_farm_answers_again(
    short_lease: FarmDouble, start_agent: StartAgent, tmp_path: Path
) -> None:
    farm, agent, gate = short_lease, start_agent(), tmp_path / "gate"
    escaped = tmp_path / "escaped"
    args = ("--hold", str(gate), "--escape", str(escaped))
    farm.send(paint(farm.wait_for_join(), *args))
    pid = reached(gate)
    farm.deaf_to_heartbeats = True
    wait_until(lambda: frozen(pid), "the renderer is frozen")
    wait_until(lambda: frozen(int(escaped.read_text())), "its child is frozen too")
    gate.touch()
    refused = farm.ledger.refused
    farm.wait_for(lambda heard: heard.refused > refused + 2)
    in_place_while_fenced = (agent.out / "shot" / "a.png").exists()
    reports_while_fenced = list(farm.ledger.reports)
    farm.deaf_to_heartbeats = False

    report = farm.wait_for_report(CompleteTask)

    assert not in_place_while_fenced
    assert reports_while_fenced == []
    assert (report.outputs or ())[0].path == "out:shot/a.png"
    assert len(farm.ledger.joins) == 1


def test_a_stale_answer_kills_the_renderer_and_the_worker_joins_anew(
    farm: FarmDouble, start_agent: StartAgent, tmp_path: Path
) -> None:
    agent, gate = start_agent(), tmp_path / "gate"
    first = farm.wait_for_join()
    hold = ("--hold", str(gate), "--hold-at", "2")
    farm.send(paint(first, *hold, frames=(1, 2)))
    pid = reached(gate)
    farm.lost.add(first)

    second = farm.wait_for_join(2)

    assert second != first
    assert gone(pid)
    farm.send(paint(second, output="out:b.png"))
    report = farm.wait_for_report(CompleteTask)
    assert report.instance == second
    assert not [one for one in farm.ledger.reports[1:] if one.instance == first]
    assert not list(agent.out.rglob("*.part-*"))


def test_a_lease_that_was_over_too_long_ends_the_attempt(
    farm: FarmDouble, start_agent: StartAgent, tmp_path: Path
) -> None:
    farm.timing |= {"self_fence_s": 0.6, "fence_kill_s": 0.4}
    start_agent()
    gate = tmp_path / "gate"
    first = farm.wait_for_join()
    farm.send(paint(first, "--hold", str(gate)))
    pid = reached(gate)
    farm.away = True
    wait_until(lambda: gone(pid), "the renderer is killed")
    farm.away = False

    second = farm.wait_for_join(2)

    assert second != first
    assert farm.ledger.reports == []


def test_an_agent_that_was_suspended_past_its_lease_publishes_nothing_of_its_old_attempt(
    short_lease: FarmDouble, start_agent: StartAgent, tmp_path: Path
) -> None:
    """The renderer finishes all its frames while the agent sleeps: they must not be renamed."""
    farm, agent, gate = short_lease, start_agent(), tmp_path / "gate"
    first = farm.wait_for_join()
    assign = paint(first, "--hold", str(gate), "--hold-at", "1", frames=(1, 2))
    farm.send(assign)
    pid = reached(gate)
    agent.signal(signal.SIGSTOP)
    stopped_s = time.monotonic()
    gate.touch()
    wait_until(lambda: gone(pid), "the renderer has finished")
    written = list((agent.out / "shot").glob("*.part-*"))
    wait_until(lambda: time.monotonic() - stopped_s > 1.2, "the lease has ended")
    assert psutil.Process(agent.process.pid).status() == STOPPED
    # It wakes up, finds finished frames in the pipe, and nobody tells it how it stands.
    farm.away = True
    agent.signal(signal.SIGCONT)
    refused = farm.ledger.refused
    farm.wait_for(lambda heard: heard.refused > refused + 8)
    published = list((agent.out / "shot").glob("a.????.png"))
    farm.lost.add(first)
    farm.away = False

    second = farm.wait_for_join(2)
    farm.send(paint(second, output="out:b.png"))
    farm.wait_for_report(CompleteTask)

    assert len(written) == 2
    assert published == []
    assert not list((agent.out / "shot").glob("a.*"))
    assert [report.instance for report in farm.ledger.reports] == [second]


def test_an_agent_that_is_killed_leaves_no_process_behind(
    farm: FarmDouble, start_agent: StartAgent, tmp_path: Path
) -> None:
    agent, gate, escaped = start_agent(), tmp_path / "gate", tmp_path / "escaped"
    args = ("--deaf", "--escape", str(escaped), "--hold", str(gate))
    farm.send(paint(farm.wait_for_join(), *args))
    reached(gate)
    family = [process.pid for process in agent.renderers()]
    agent.signal(signal.SIGKILL)
    agent.wait()

    wait_until(lambda: all(gone(pid) for pid in family), "nothing is left", deadline_s=2)

    # The supervisor, the program, and the grandchild in a session of its own.
    assert len(family) == 3
    assert int(escaped.read_text()) in family


def test_an_agent_that_is_killed_while_its_renderer_is_frozen_leaves_nothing_either(
    short_lease: FarmDouble, start_agent: StartAgent, tmp_path: Path
) -> None:
    farm, agent, gate = short_lease, start_agent(), tmp_path / "gate"
    farm.send(paint(farm.wait_for_join(), "--hold", str(gate)))
    pid = reached(gate)
    farm.deaf_to_heartbeats = True
    wait_until(lambda: frozen(pid), "the renderer is frozen")
    agent.signal(signal.SIGKILL)
    agent.wait()

    wait_until(lambda: gone(pid), "nothing is left", deadline_s=2)


def test_a_supervisor_that_is_killed_takes_the_renderer_along_and_the_attempt_fails(
    farm: FarmDouble, start_agent: StartAgent, tmp_path: Path
) -> None:
    agent, gate, escaped = start_agent(), tmp_path / "gate", tmp_path / "escaped"
    farm.send(paint(farm.wait_for_join(), "--escape", str(escaped), "--hold", str(gate)))
    pid = reached(gate)
    (supervisor,) = psutil.Process(agent.process.pid).children()
    supervisor.kill()

    report = farm.wait_for_report(FailAttempt)

    assert "killed by signal SIGKILL" in report.reason
    wait_until(lambda: gone(pid) and gone(int(escaped.read_text())), "nothing is left")


def test_the_next_agent_of_that_id_proves_the_dead_one_dead(
    farm: FarmDouble, start_agent: StartAgent
) -> None:
    agent = start_agent()
    farm.wait_for_join()
    agent.signal(signal.SIGKILL)
    agent.wait()
    start_agent()
    farm.wait_for_join(2)

    first, second = farm.ledger.joins
    assert first.instance != second.instance
    assert first.holds_lock
    assert second.holds_lock
    assert first.host == second.host
