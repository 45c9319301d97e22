"""Push agents over HTTP: joining, messages, heartbeats, reports; as in docs/worker-protocol.md."""

import asyncio
from pathlib import Path
from typing import Any
from uuid import uuid4, uuid5

import anyio
import pytest
from tests.integration.api.conftest import ServedFarm, held_up, serve

from rushlight.messages.commands import REASON_MAX
from rushlight.settings import FarmSettings
from rushlight_api.stamps import NAMESPACE


async def heartbeat(
    served: ServedFarm, worker_id: str, instance: str, sequence: int, **more: Any
) -> Any:
    body = {
        "kind": "Heartbeat",
        "version": 1,
        "worker_id": worker_id,
        "instance": instance,
        "sequence": sequence,
        **more,
    }
    return await served.json("POST", f"/workers/{worker_id}/heartbeat", body, status=200)


def report(kind: str, message: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A report on the attempt of an assignment."""
    return {
        "kind": kind,
        "version": 1,
        "command_id": str(uuid4()),
        **{name: message[name] for name in ("task_id", "attempt", "worker_id", "instance")},
        **more,
    }


async def send(served: ServedFarm, *reports: dict[str, Any]) -> list[dict[str, Any]]:
    body = {"instance": reports[0]["instance"], "reports": list(reports)}
    path = f"/workers/{reports[0]['worker_id']}/reports"
    outcomes: list[dict[str, Any]] = (await served.json("POST", path, body, status=200))["outcomes"]
    return outcomes


async def assigned(served: ServedFarm, **body: Any) -> dict[str, Any]:
    """The assignment of a new task to the agent ``alpha``."""
    await served.join("alpha", "i1")
    await served.submit(**body)
    [item] = (await served.messages("alpha", "i1"))["items"]
    message: dict[str, Any] = item["message"]
    return message


async def test_an_agent_that_joins_is_ready_with_what_it_offers(served: ServedFarm) -> None:
    answer = await served.join("alpha", "i1", host="h", holdsLock=True, provisioned=True)
    worker = answer.json()

    assert (answer.status_code, worker["status"], worker["mode"]) == (200, "ready", "push")
    assert (worker["instance"], worker["renderers"]) == ("i1", {"mitsuba": "3.9.1"})
    assert (worker["provisioned"], worker["lastHeartbeat"]) == (True, None)


async def test_an_assignment_comes_as_a_message_and_is_acknowledged_by_the_next_poll(
    served: ServedFarm,
) -> None:
    await served.join("alpha", "i1")
    poll = asyncio.create_task(served.messages("alpha", "i1", wait=20))
    task_id = await served.submit(renderer="mitsuba", scene="scenes:a.xml", frames="1-2")
    with anyio.fail_after(10):
        found = await poll
    again = await served.messages("alpha", "i1")
    after = await served.messages("alpha", "i1", after=found["next"], wait=0)

    assert [item["seq"] for item in found["items"]] == [1]
    message = found["items"][0]["message"]
    assert (message["kind"], message["version"], message["task_id"]) == ("Assign", 1, task_id)
    assert (message["frames"], message["attempt"]) == ([1, 2], 1)
    assert again == found
    assert after == {"items": [], "next": 1}


async def test_a_cancelled_attempt_is_told_to_stop_and_ends_when_it_has(served: ServedFarm) -> None:
    message = await assigned(served)
    await served.json("POST", f"/renders/{message['task_id']}/cancel", status=200)
    [item] = (await served.messages("alpha", "i1", after=1))["items"]
    [outcome] = await send(served, report("AttemptStopped", message))
    task = await served.json("GET", f"/renders/{message['task_id']}", status=200)

    assert (item["seq"], item["message"]["kind"]) == (2, "Stop")
    assert item["message"]["reason"] == "cancelled"
    assert (outcome["status"], task["status"]) == ("done", "cancelled")


async def test_an_assignment_survives_a_restart_of_the_farm(tmp_path: Path) -> None:
    """The agent has seen message 1 of the old process; the assignment of the new one is another."""
    async with serve(tmp_path) as served:
        message = await assigned(served)
        await send(served, report("FailAttempt", message, reason="no"))
    async with serve(tmp_path) as served:
        task_id = await served.submit(name="second", priority="RUSH")
        found = await served.messages("alpha", "i1", after=1)

    assert [item["message"]["task_id"] for item in found["items"]] == [task_id]
    assert found["items"][0]["seq"] == 2


async def test_messages_are_for_the_instance_that_is_there(served: ServedFarm) -> None:
    await served.join("alpha", "i1")
    problem = await served.json("GET", "/workers/alpha/messages?instance=i0", status=409)

    assert problem["type"] == "/problems/stale"


async def test_a_poll_of_an_old_instance_ends_when_a_new_one_joins(served: ServedFarm) -> None:
    await served.join("alpha", "i1", host="h", holdsLock=True)
    path = "/workers/alpha/messages?instance=i1&wait=20"
    poll = asyncio.create_task(served.http.get(path))
    with anyio.fail_after(5):
        while not served.server.server_state.tasks:
            await anyio.sleep(0.005)
    assert (await served.join("alpha", "i2", host="h", holdsLock=True)).status_code == 200
    with anyio.fail_after(10):
        answer = await poll

    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/stale")


async def test_another_instance_is_refused_while_the_first_may_live(served: ServedFarm) -> None:
    await served.join("alpha", "i1", host="h")
    refused = await served.join("alpha", "i2", host="elsewhere", holdsLock=True)

    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/worker-id-taken")
    assert int(refused.headers["retry-after"]) > 0
    assert (await served.messages("alpha", "i1", wait=0))["items"] == []


async def test_an_agent_that_leaves_gets_no_messages(served: ServedFarm) -> None:
    await served.join("alpha", "i1")
    body = {"status": "offline", "instance": "i1", "reason": "tired"}
    worker = await served.json("PUT", "/workers/alpha/status", body, status=200)
    await served.json("GET", "/workers/alpha/messages?instance=i1", status=409)

    assert (worker["status"], worker["reason"]) == ("offline", "tired")


async def test_a_drained_agent_gets_no_work_and_gets_some_again(served: ServedFarm) -> None:
    await served.join("alpha", "i1")
    drained = await served.json("POST", "/workers/alpha/drain", status=200)
    task_id = await served.submit()
    nothing = await served.messages("alpha", "i1", wait=0.2)
    await served.json("POST", "/workers/alpha/undrain", status=200)
    found = await served.messages("alpha", "i1")

    assert (drained["status"], nothing["items"]) == ("draining", [])
    assert found["items"][0]["message"]["task_id"] == task_id


async def test_a_heartbeat_is_answered_with_the_lease_and_shows_how_far_the_work_is(
    served: ServedFarm,
) -> None:
    message = await assigned(served)
    running = {"task_id": message["task_id"], "attempt": 1, "progress": 0.25}
    answer = await heartbeat(served, "alpha", "i1", 1, running=[running])
    task = await served.json("GET", f"/renders/{message['task_id']}", status=200)
    listed = await served.json("GET", "/renders", status=200)
    worker = await served.json("GET", "/workers/alpha", status=200)

    assert (answer["status"], answer["sequence"]) == ("ok", 1)
    assert answer["self_fence_s"] == FarmSettings().self_fence_s
    assert (task["progress"], listed["items"][0]["progress"]) == (0.25, 0.25)
    assert worker["lastHeartbeat"] is not None


async def test_a_heartbeat_of_an_instance_that_is_not_there_is_stale(served: ServedFarm) -> None:
    await served.join("alpha", "i1")

    assert (await heartbeat(served, "alpha", "i0", 1))["status"] == "stale"


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "Stop"},
        {"version": 2},
        {"sequence": -1},
        {"running": [{"task_id": "x", "attempt": 1}]},
        {"colour": "red"},
    ],
)
async def test_a_heartbeat_of_another_form_is_refused(
    served: ServedFarm, wrong: dict[str, Any]
) -> None:
    body = {"kind": "Heartbeat", "version": 1, "worker_id": "alpha", "sequence": 1, **wrong}

    await served.json("POST", "/workers/alpha/heartbeat", body, status=400)


async def test_a_heartbeat_of_another_worker_makes_no_sense(served: ServedFarm) -> None:
    body = {"kind": "Heartbeat", "version": 1, "worker_id": "beta", "sequence": 1}

    await served.json("POST", "/workers/alpha/heartbeat", body, status=422)


async def test_reports_are_decided_in_order_each_with_its_outcome(served: ServedFarm) -> None:
    message = await assigned(served, frames="1-2", renderer="mitsuba")
    outputs = [
        {"frame": n, "path": f"out:f.{n:04}.png", "bytes": 10, "sha256": "0" * 64, "render_s": 1.5}
        for n in (1, 2)
    ]
    outcomes = await send(
        served,
        report("FramesRendered", message, outputs=outputs[:1]),
        report("CompleteTask", message, outputs=outputs),
        report("FailAttempt", message, reason="too late"),
    )
    task = await served.json("GET", f"/renders/{message['task_id']}", status=200)
    attempts = await served.json("GET", f"/renders/{message['task_id']}/attempts", status=200)

    assert [one["status"] for one in outcomes] == ["done", "done", "refused"]
    assert outcomes[2]["code"] in ("stale", "illegal-transition")
    assert (task["status"], task["framesRendered"], task["outputSize"]) == ("completed", "1-2", 20)
    [attempt] = attempts["items"]
    assert (attempt["result"], attempt["workerId"]) == ("completed", "alpha")
    assert attempt["framesRendered"] == "1-2"


async def test_reports_sent_twice_have_the_same_outcomes(served: ServedFarm) -> None:
    message = await assigned(served)
    failure = report("FailAttempt", message, reason="broken")

    assert await send(served, failure) == await send(served, failure)


@pytest.mark.parametrize(
    ("wrong", "pointer", "status"),
    [
        ({"kind": "CancelTask"}, "#/reports/0", 400),
        ({"kind": "TimeoutTask"}, "#/reports/0", 400),
        ({"kind": "Nonsense"}, "#/reports/0", 400),
        ({"version": 9}, "#/reports/0", 400),
        ({"reason": None}, "#/reports/0", 400),
        ({"worker_id": "beta"}, "#/reports/0/worker_id", 422),
        ({"instance": "i2"}, "#/reports/0/instance", 422),
        ({"attempt": None}, "#/reports/0/attempt", 422),
        ({"reason": "x" * (REASON_MAX + 1)}, "#/reports/0", 400),
        ({"outputs": [{"path": "x" * 1025}]}, "#/reports/0", 400),
        ({"outputs": [{"path": "out:a.png", "sha256": 'x"\r\nA: b'}]}, "#/reports/0", 400),
    ],
)
async def test_a_report_that_is_none_is_refused_with_all_that_came_with_it(
    served: ServedFarm, wrong: dict[str, Any], pointer: str, status: int
) -> None:
    message = await assigned(served)
    good = report("FailAttempt", message, reason="broken")
    bad = {**report("FailAttempt", message, reason="broken"), **wrong}
    body = {"instance": "i1", "reports": [bad, good]}
    problem = await served.json("POST", "/workers/alpha/reports", body, status=status)
    task = await served.json("GET", f"/renders/{message['task_id']}", status=200)

    assert problem["errors"][0]["pointer"].startswith(pointer)
    assert task["status"] == "rendering"


async def test_nobody_speaks_first_for_what_another_will_ask(served: ServedFarm) -> None:
    message = await assigned(served)
    foreseen = uuid5(NAMESPACE, "\n".join(("anonymous", "POST", "/renders", "shot-010")))
    early = {**report("FailAttempt", message, reason="broken"), "command_id": str(foreseen)}
    body = {"instance": "i1", "reports": [early]}
    problem = await served.json("POST", "/workers/alpha/reports", body, status=422)
    asked = await served.http.post("/renders", json={}, headers={"idempotency-key": "shot-010"})

    assert problem["errors"][0]["pointer"] == "#/reports/0/command_id"
    assert asked.status_code == 201


@pytest.mark.parametrize(
    "renderers", [{"x" * 257: "1"}, {"x": "1" * 257}, {f"r{n}": "1" for n in range(65)}]
)
async def test_what_a_worker_offers_has_its_limits(
    served: ServedFarm, renderers: dict[str, str]
) -> None:
    answer = await served.join("alpha", "i1", capabilities={"renderers": renderers})

    assert answer.status_code == 400


async def test_nobody_reports_under_the_name_of_somebody_else(served: ServedFarm) -> None:
    message = await assigned(served)
    wire = {**report("FailAttempt", message, reason="x"), "principal": "admin"}
    await send(served, wire)
    events = await served.json("GET", f"/renders/{message['task_id']}/events", status=200)

    assert {
        event["principal"] for event in events["items"] if event["command"] == "FailAttempt"
    } == {"anonymous"}


async def test_reports_without_an_outcome_in_time_are_to_be_sent_again(tmp_path: Path) -> None:
    async with serve(tmp_path, outcome_wait_s=0.2) as served:
        message = await assigned(served)
        failure = report("FailAttempt", message, reason="broken")
        async with held_up(served):
            path, body = "/workers/alpha/reports", {"instance": "i1", "reports": [failure]}
            answer = await served.http.post(path, json=body)
        [outcome] = await send(served, failure)

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert answer.json()["type"] == "/problems/unavailable"
    assert outcome["status"] == "done"


async def test_a_plain_rest_worker_beats_with_every_call(served: ServedFarm) -> None:
    async def beat() -> str:
        seen: str = (await served.json("GET", "/workers/w", status=200))["lastHeartbeat"]
        return seen

    await served.json("PUT", "/workers/w/status", {"status": "ready"}, status=200)
    beats = [await beat()]
    task_id = await served.submit()
    calls: list[tuple[str, str, Any]] = [
        ("POST", "/workers/w/request-task", None),
        ("PUT", f"/renders/{task_id}/status", {"status": "rendering", "workerId": "w"}),
        ("PUT", "/workers/w/status", {"status": "busy"}),
        ("POST", f"/renders/{task_id}/complete", None),
    ]
    for method, path, body in calls:
        await served.json(method, path, body, status=200)
        beats.append(await beat())

    assert beats == sorted(set(beats))
