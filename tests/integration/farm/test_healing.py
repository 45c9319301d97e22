"""Lost, late and doubled messages between farm and agents: each heals, and nothing counts twice."""

from typing import Any

from tests.integration.farm.agent import ScriptedAgent, outputs
from tests.integration.farm.conftest import Faulty

from rushlight.messages.commands import CompleteTask
from rushlight.messages.work import Assign, Stop

FRAMES = {"renderer": "mitsuba", "scene": "scenes:a.xml", "frames": "1-3"}


async def started(faulty: Faulty, **body: Any) -> tuple[ScriptedAgent, dict[str, Any]]:
    """An agent that has a task of three frames."""
    agent = ScriptedAgent(faulty.farm)
    assert (await agent.join()).status_code == 200
    await faulty.farm.submit(**{**FRAMES, **body})
    (assign,) = await agent.messages()
    return agent, assign


async def test_an_assignment_comes_as_a_message(faulty: Faulty) -> None:
    _, assign = await started(faulty)
    assert (assign["kind"], assign["attempt"], assign["frames"]) == ("Assign", 1, [1, 2, 3])


async def test_a_lost_assignment_is_sent_again(faulty: Faulty) -> None:
    faulty.bus.lose_next(lambda _, message: isinstance(message, Assign))
    agent = ScriptedAgent(faulty.farm)
    await agent.join()
    task = await faulty.farm.submit(**FRAMES)
    assert await agent.messages() == []
    assert await agent.beat() == "ok"
    assert await agent.messages() == []
    assert await agent.beat() == "ok"
    (assign,) = await agent.messages()
    assert (assign["task_id"], assign["attempt"]) == (task["taskId"], 1)
    assert len(faulty.bus.struck) == 1


async def test_an_agent_that_never_fetches_its_work_loses_it_and_gets_no_more(
    faulty: Faulty,
) -> None:
    agent = ScriptedAgent(faulty.farm)
    await agent.join()
    task = await faulty.farm.submit(**FRAMES)
    for _ in range(200):
        await agent.beat()
        if (await faulty.farm.worker("node-1"))["status"] == "draining":
            break
    await faulty.farm.sweep()
    worker = await faulty.farm.worker("node-1")
    waiting = await faulty.farm.task(task["taskId"])
    assert (worker["status"], waiting["status"], waiting["retries"]) == ("draining", "pending", 0)
    assert "not delivered" in worker["reason"]
    rounds = faulty.farm.parts.dispatcher.rounds
    await faulty.farm.sweep()
    assert faulty.farm.parts.dispatcher.rounds - rounds <= 2
    other = ScriptedAgent(faulty.farm, "node-2")
    await other.join()
    (assign,) = await other.messages()
    assert (assign["task_id"], assign["attempt"]) == (task["taskId"], 2)


async def test_a_running_or_finished_attempt_is_not_sent_again(faulty: Faulty) -> None:
    agent, assign = await started(faulty)
    for _ in range(3):
        await agent.beat(assign)
    for _ in range(3):
        await agent.beat(finished=(assign,))
    assert await agent.messages() == []


async def test_a_lost_stop_is_repeated(faulty: Faulty) -> None:
    agent, assign = await started(faulty)
    faulty.bus.lose_next(lambda _, message: isinstance(message, Stop))
    await faulty.farm.http.post(f"/renders/{assign['task_id']}/cancel")
    assert await agent.messages() == []
    await agent.beat(assign)
    (stop,) = await agent.messages()
    assert (stop["kind"], stop["reason"], stop["attempt"]) == ("Stop", "cancelled", 1)
    outcome = await agent.report("AttemptStopped", assign, outputs=outputs(1))
    assert outcome["status"] == "done"
    task = await faulty.farm.task(assign["task_id"])
    assert (task["status"], task["framesRendered"]) == ("cancelled", "1")


async def test_an_attempt_that_should_not_run_is_stopped(faulty: Faulty) -> None:
    agent, assign = await started(faulty)
    await agent.report("FailAttempt", assign, reason="no luck")
    await agent.beat(assign)
    assert await agent.messages() == []
    await agent.beat(assign)
    (stop,) = await agent.messages()
    assert (stop["kind"], stop["reason"]) == ("Stop", "stale")


async def test_a_doubled_report_counts_once(faulty: Faulty) -> None:
    agent, assign = await started(faulty)
    faulty.bus.double_next(lambda _, message: isinstance(message, CompleteTask))
    outcome = await agent.report("CompleteTask", assign, outputs=outputs(1, 2, 3))
    assert outcome["status"] == "done"
    assert len(faulty.bus.struck) == 1
    events = (await faulty.farm.http.get(f"/renders/{assign['task_id']}/events")).json()["items"]
    assert sum(event["topic"] == "rushlight.task.completed" for event in events) == 1


async def test_the_same_report_again_has_the_same_outcome(faulty: Faulty) -> None:
    agent, assign = await started(faulty)
    report = {
        "kind": "FramesRendered",
        "version": 1,
        "command_id": "01234567-0123-7123-8123-0123456789ab",
        "task_id": assign["task_id"],
        "attempt": 1,
        "worker_id": agent.worker_id,
        "instance": agent.instance,
        "outputs": outputs(1),
    }
    first = await agent.send(report)
    again = await agent.send(report)
    assert [one["status"] for one in first + again] == ["done", "done"]
    events = (await faulty.farm.http.get(f"/renders/{assign['task_id']}/events")).json()["items"]
    assert sum(event["topic"] == "rushlight.task.frames_rendered" for event in events) == 1


async def test_a_report_may_name_as_many_frames_as_a_task_may_have(faulty: Faulty) -> None:
    agent, assign = await started(faulty, frames="1-10000")
    outcome = await agent.report("CompleteTask", assign, outputs=outputs(*range(1, 10_001)))
    assert outcome["status"] == "done"
    assert (await faulty.farm.task(assign["task_id"]))["framesDone"] == 10_000


async def test_a_late_report_of_a_lost_attempt_changes_nothing(faulty: Faulty) -> None:
    agent, assign = await started(faulty)
    await agent.beat(assign)
    await faulty.farm.advance(121)
    assert (await faulty.farm.worker("node-1"))["status"] == "failed"
    before = await faulty.farm.task(assign["task_id"])
    assert (before["status"], before["losses"]) == ("pending", 1)
    outcome = await agent.report("CompleteTask", assign, outputs=outputs(1, 2, 3))
    assert (outcome["status"], outcome["code"]) == ("refused", "stale")
    assert await faulty.farm.task(assign["task_id"]) == before


async def test_a_silent_agent_is_lost_at_its_limit_and_never_heard_again(faulty: Faulty) -> None:
    agent, assign = await started(faulty)
    await agent.beat(assign)
    await faulty.farm.advance(89)
    assert (await faulty.farm.worker("node-1"))["status"] == "busy"
    await faulty.farm.advance(2)
    assert (await faulty.farm.worker("node-1"))["status"] == "failed"
    assert await agent.beat(assign) == "stale"
    agent.instance = "a-new-start"
    assert (await agent.join()).status_code == 200
    assert await agent.beat() == "ok"
    (again,) = await agent.messages()
    assert (again["task_id"], again["attempt"]) == (assign["task_id"], 2)


async def test_finished_frames_are_kept_through_a_loss(faulty: Faulty) -> None:
    agent, assign = await started(faulty)
    await agent.report("FramesRendered", assign, outputs=outputs(1, 2))
    await faulty.farm.advance(121)
    second = ScriptedAgent(faulty.farm, "node-2")
    await second.join()
    (again,) = await second.messages()
    assert [one["frame"] for one in again["kept"]] == [1, 2]
    done = await second.report("CompleteTask", again, outputs=outputs(1, 2, 3))
    assert done["status"] == "done"
    task = await faulty.farm.task(assign["task_id"])
    assert (task["status"], task["retries"], task["losses"]) == ("completed", 0, 1)


async def test_a_stop_that_is_never_answered_condemns_the_instance(faulty: Faulty) -> None:
    agent, assign = await started(faulty)
    await agent.beat(assign)
    await faulty.farm.http.post(f"/renders/{assign['task_id']}/cancel")
    for _ in range(4):
        await faulty.farm.advance(15)
        await agent.beat(assign)
    await faulty.farm.advance(1)
    assert await agent.beat(assign) == "stale"
    await faulty.farm.advance(120)
    assert (await faulty.farm.task(assign["task_id"]))["status"] == "cancelled"
    assert (await faulty.farm.worker("node-1"))["status"] == "failed"


async def test_a_preempted_attempt_stops_in_two_steps(faulty: Faulty) -> None:
    agent, low = await started(faulty, priority="LOW")
    for _ in range(11):
        await faulty.farm.advance(30)
        await agent.beat(low)
    rush = await faulty.farm.submit(priority="RUSH", renderer="mitsuba", scene="scenes:b.xml")
    await faulty.farm.sweep()
    victim = await faulty.farm.task(low["task_id"])
    assert (victim["status"], victim["stop"]["forTaskId"]) == ("rendering", rush["taskId"])
    (stop,) = await agent.messages()
    assert stop["reason"] == "preempted"
    await agent.report("AttemptStopped", low, outputs=outputs(1))
    (assign,) = await agent.messages()
    assert assign["task_id"] == rush["taskId"]
    victim = await faulty.farm.task(low["task_id"])
    assert (victim["status"], victim["retries"], victim["preemptions"]) == ("pending", 0, 1)
    assert victim["framesRendered"] == "1"


async def test_a_completion_folded_before_the_stop_wins(faulty: Faulty) -> None:
    agent, assign = await started(faulty)
    await faulty.farm.http.post(f"/renders/{assign['task_id']}/cancel")
    done = await agent.report("CompleteTask", assign, outputs=outputs(1, 2, 3))
    late = await agent.report("AttemptStopped", assign)
    assert (done["status"], late["code"]) == ("done", "stale")
    assert (await faulty.farm.task(assign["task_id"]))["status"] == "completed"


async def test_another_instance_is_refused_while_the_old_one_may_live(faulty: Faulty) -> None:
    _, assign = await started(faulty)
    other = ScriptedAgent(faulty.farm)
    refused = await other.join()
    assert (refused.status_code, refused.json()["type"].split("/")[-1]) == (409, "worker-id-taken")
    assert (await faulty.farm.task(assign["task_id"]))["attempt"] == 1


async def test_a_restarted_agent_on_the_same_host_proves_the_old_one_dead(faulty: Faulty) -> None:
    agent = ScriptedAgent(faulty.farm)
    await agent.join(host="node", holdsLock=True)
    task = await faulty.farm.submit(**FRAMES)
    again = ScriptedAgent(faulty.farm)
    assert (await again.join(host="node", holdsLock=True)).status_code == 200
    await faulty.farm.advance(1)
    (assign,) = await again.messages()
    assert (assign["task_id"], assign["attempt"]) == (task["taskId"], 2)
    assert await agent.beat() == "stale"
