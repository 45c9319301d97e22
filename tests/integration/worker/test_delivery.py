"""Starting, and reports that must arrive, when the farm is away or refuses."""

import socket
from pathlib import Path

import pytest
from tests.integration.worker.agents import paint, wait_until
from tests.integration.worker.conftest import StartAgent
from tests.integration.worker.farm_double import FarmDouble, problem
from tests.integration.worker.test_stops import reached

from rushlight.messages.commands import CompleteTask, FailAttempt
from rushlight.messages.work import FarmEvent


def test_it_keeps_rendering_while_the_farm_is_away_and_reports_afterwards(
    farm: FarmDouble, start_agent: StartAgent, tmp_path: Path
) -> None:
    agent, gate = start_agent(), tmp_path / "gate"
    instance = farm.wait_for_join()
    farm.send(paint(instance, "--hold", str(gate), "--hold-at", "2", frames=(1, 2, 3)))
    reached(gate)
    farm.away = True
    gate.touch()
    wait_until(lambda: agent.events("attempt_ended"), "the attempt has ended")
    wait_until(lambda: agent.events("reports_undelivered"), "it has tried to report")
    there = sorted(path.name for path in (agent.out / "shot").iterdir())
    farm.away = False

    report = farm.wait_for_report(CompleteTask)

    assert there == ["a.0001.png", "a.0002.png", "a.0003.png"]
    assert len(report.outputs or ()) == 3
    assert [join.instance for join in farm.ledger.joins] == [instance]


def test_a_report_is_repeated_under_the_same_id_until_there_is_an_outcome(
    farm: FarmDouble, start_agent: StartAgent
) -> None:
    tries: list[object] = []

    def refuse(report: object) -> int:
        tries.append(report)
        return (503, 202, 500, 0)[min(len(tries), 4) - 1]

    farm.refuse_reports = refuse
    start_agent()
    farm.send(paint(farm.wait_for_join()))

    report = farm.wait_for_report(CompleteTask)

    assert tries == [report] * 4


def test_an_unsettled_report_is_named_in_the_heartbeats_until_it_has_its_outcome(
    farm: FarmDouble, start_agent: StartAgent
) -> None:
    farm.refuse_reports = lambda report: 503
    start_agent()
    assign = paint(farm.wait_for_join())
    farm.send(assign)

    named = farm.wait_for(
        lambda heard: next((beat.finished for beat in heard.heartbeats if beat.finished), None)
    )
    farm.refuse_reports = None
    farm.wait_for_report(CompleteTask)
    beats = len(farm.ledger.heartbeats)
    farm.wait_for(lambda heard: len(heard.heartbeats) > beats + 1)

    assert [one.task_id for one in named] == [assign.task_id]
    assert farm.ledger.heartbeats[-1].finished == ()


def test_a_report_that_the_farm_cannot_read_ends_as_a_failure_that_says_so(
    farm: FarmDouble, start_agent: StartAgent
) -> None:
    farm.refuse_reports = lambda report: 413 if isinstance(report, CompleteTask) else 0
    start_agent()
    farm.send(paint(farm.wait_for_join()))

    report = farm.wait_for_report(FailAttempt)

    assert "the farm refused the worker's CompleteTask" in report.reason


def test_a_farm_that_is_not_there_yet_is_waited_for(
    start_agent: StartAgent, farm: FarmDouble
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as reserved:
        port = reserved.getsockname()[1]
    agent = start_agent(url=f"http://127.0.0.1:{port}")
    wait_until(lambda: agent.events("farm_away"), "it says that the farm is away")
    late = FarmDouble(port)
    try:
        late.wait_for_join()
    finally:
        late.close()

    assert "does not answer" in agent.events("farm_away")[0]["error"]


def test_a_worker_id_that_is_taken_is_asked_for_again(
    farm: FarmDouble, start_agent: StartAgent
) -> None:
    farm.join_answers = [(409, problem("worker-id-taken", "another instance may still live"))]
    agent = start_agent()

    farm.wait_for_join()

    assert "may still live" in agent.events("worker_id_taken")[0]["error"]


def test_a_farm_that_refuses_the_join_for_good_ends_the_agent_with_its_reason(
    farm: FarmDouble, start_agent: StartAgent
) -> None:
    farm.join_answers = [(422, problem("invalid-request", "tags are too many"))]
    agent = start_agent()

    assert agent.wait() == 2
    assert "tags are too many" in agent.said()


def test_a_second_agent_of_the_same_id_on_this_host_ends_with_a_clear_error(
    farm: FarmDouble, start_agent: StartAgent
) -> None:
    start_agent()
    farm.wait_for_join()
    second = start_agent()

    assert second.wait() == 2
    assert "worker w1 runs on this host already" in second.said()


def test_agents_without_an_id_take_the_first_free_number(
    farm: FarmDouble, start_agent: StartAgent
) -> None:
    first, second = start_agent(worker_id="none"), start_agent(worker_id="none")
    farm.wait_for_join(2)

    ids = {one.events("started")[0]["worker_id"] for one in (first, second)}

    assert {name.rpartition("-")[2] for name in ids} == {"1", "2"}
    assert len({name.rpartition("-")[0] for name in ids}) == 1


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"renderers": ["houdini"]}, "renderer houdini does not work here"),
        ({"programs": {}}, "renderer command does not work here"),
        ({"url": "farm:3000"}, "setting url: 'farm:3000' is no address"),
        ({"worker_id": "a/b"}, "worker_id (from environment)"),
        ({"stall_s": 0}, "stall_s (from environment)"),
        ({"scratch": "/proc/none"}, "set scratch to one that can"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else None,
)
def test_wrong_settings_end_the_agent_with_what_to_do(
    start_agent: StartAgent, settings: dict[str, object], said: str
) -> None:
    agent = start_agent(**settings)

    assert agent.wait() == 2
    assert said in agent.said()


def test_messages_of_a_kind_that_it_does_not_know_are_passed_over(
    farm: FarmDouble, start_agent: StartAgent
) -> None:
    agent = start_agent()
    instance = farm.wait_for_join()
    farm.send(FarmEvent(topic="rushlight.task.paused", position=1))
    farm.send(paint(instance))

    farm.wait_for_report(CompleteTask)

    assert "unknown kind" in agent.events("message_passed_over")[0]["error"]
