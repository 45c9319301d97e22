"""A submitter changes its own tasks, a worker speaks for itself and what it holds."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.integration.api.conftest import ServedFarm, serve

VERBS = ("cancel", "pause", "resume", "retry", "requeue")


@dataclass
class As:
    """Somebody with a key."""

    farm: ServedFarm
    key: str

    async def __call__(
        self, method: str, path: str, body: Any = None, **headers: str
    ) -> httpx.Response:
        """One request."""
        given = {"authorization": f"Bearer {self.key}", **headers}
        return await self.farm.http.request(method, path, json=body, headers=given)

    async def submit(self, **body: Any) -> str:
        """A new task's id."""
        answer = await self("POST", "/renders", body)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["taskId"])


@dataclass
class Cast:
    """Everybody."""

    farm: ServedFarm
    ann: As
    bob: As
    boss: As
    alpha: As
    beta: As

    async def held_by_alpha(self) -> str:
        """A task of ann's that alpha, a pull worker, renders."""
        task_id = await self.ann.submit()
        await self.alpha("PUT", "/workers/alpha/status", {"status": "ready"})
        got = await self.alpha("POST", "/workers/alpha/request-task")
        assert got.json()["taskId"] == task_id
        return task_id


@pytest.fixture
async def cast(tmp_path: Path) -> AsyncIterator[Cast]:
    async with serve(tmp_path) as farm:

        def key(name: str, role: str, worker_id: str | None = None) -> As:
            return As(farm, farm.parts.keys.create(name, role, worker_id, created_by="test")[1])

        key("root", "admin")
        yield Cast(
            farm,
            ann=key("ann", "submitter"),
            bob=key("bob", "submitter"),
            boss=key("boss", "operator"),
            alpha=key("alpha", "worker", "alpha"),
            beta=key("beta", "worker", "beta"),
        )


async def test_a_task_says_who_submitted_it(cast: Cast) -> None:
    one, two = await cast.ann.submit(), await cast.bob.submit()

    shown = (await cast.bob("GET", f"/renders/{one}")).json()
    mine = (await cast.bob("GET", "/renders?submittedBy=bob")).json()["items"]

    assert shown["submittedBy"] == "ann"
    assert [task["taskId"] for task in mine] == [two]


@pytest.mark.parametrize("verb", VERBS)
async def test_a_submitter_leaves_the_tasks_of_others_alone(cast: Cast, verb: str) -> None:
    task_id = await cast.ann.submit()
    before = (await cast.ann("GET", f"/renders/{task_id}")).json()

    refused = await cast.bob("POST", f"/renders/{task_id}/{verb}")

    assert refused.status_code == 403
    assert "ann submitted this task" in refused.json()["detail"]
    assert (await cast.ann("GET", f"/renders/{task_id}")).json() == before


async def test_a_submitter_changes_its_own_tasks(cast: Cast) -> None:
    task_id = await cast.ann.submit()
    changes = [
        await cast.ann("PATCH", f"/renders/{task_id}", {"priority": "LOW"}),
        await cast.ann("POST", f"/renders/{task_id}/pause"),
        await cast.ann("PUT", f"/renders/{task_id}/status", {"status": "pending"}),
        await cast.ann("PUT", f"/renders/{task_id}/status", {"status": "cancelled"}),
        await cast.ann("POST", f"/renders/{task_id}/requeue", {}),
    ]

    assert [one.status_code for one in changes] == [200] * 5


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PATCH", "", {"priority": "RUSH"}),
        ("PUT", "/status", {"status": "cancelled"}),
        ("PUT", "/status", {"status": "paused"}),
    ],
)
async def test_the_other_ways_to_change_a_task_are_closed_as_well(
    cast: Cast, method: str, path: str, body: Any
) -> None:
    task_id = await cast.ann.submit()

    assert (await cast.bob(method, f"/renders/{task_id}{path}", body)).status_code == 403
    assert (await cast.boss(method, f"/renders/{task_id}{path}", body)).status_code == 200


@pytest.mark.parametrize("status", ["rendering", "completed", "failed"])
async def test_a_submitter_does_not_report_not_even_on_its_own(cast: Cast, status: str) -> None:
    task_id = await cast.ann.submit()
    body = {"status": status, "workerId": "alpha"}

    refused = await cast.ann("PUT", f"/renders/{task_id}/status", body)

    assert refused.status_code == 403
    assert (await cast.ann("POST", f"/renders/{task_id}/complete", {})).status_code == 403


async def test_a_verb_on_a_job_reaches_a_submitters_own_tasks_in_it(cast: Cast) -> None:
    anns = await cast.ann.submit(jobId="shot")
    assert (await cast.bob("POST", "/jobs/shot/pause")).status_code == 403
    assert (await cast.bob("POST", "/jobs/none/pause")).status_code == 404

    bobs = await cast.bob.submit(jobId="shot")
    paused = await cast.ann("POST", "/jobs/shot/pause")
    lowered = await cast.ann("PATCH", "/jobs/shot", {"priority": "LOW"})

    assert (paused.json()["changed"], paused.json()["refused"]) == (1, 1)
    assert (lowered.json()["changed"], lowered.json()["refused"]) == (1, 1)
    found = [(await cast.boss("GET", f"/renders/{one}")).json() for one in (anns, bobs)]
    assert [one["status"] for one in found] == ["paused", "pending"]
    assert [one["priority"] for one in found] == ["LOW", "MEDIUM"]
    assert (await cast.boss("POST", "/jobs/shot/resume")).json()["changed"] == 1


async def test_a_worker_reports_on_what_it_holds(cast: Cast) -> None:
    task_id = await cast.held_by_alpha()
    begun = await cast.alpha(
        "PUT", f"/renders/{task_id}/status", {"status": "rendering", "workerId": "alpha"}
    )
    done = await cast.alpha("POST", f"/renders/{task_id}/complete", {})
    events = (await cast.ann("GET", f"/renders/{task_id}/events")).json()["items"]

    assert (begun.status_code, done.status_code) == (200, 200)
    assert [(one["topic"].split(".")[-1], one["principal"]) for one in events] == [
        ("submitted", "ann"),
        ("assigned", "farm"),
        ("frames_rendered", "worker:alpha"),
        ("completed", "worker:alpha"),
    ]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/complete", {}),
        ("POST", "/complete", {"workerId": "alpha"}),
        ("PUT", "/status", {"status": "completed"}),
        ("PUT", "/status", {"status": "failed"}),
        ("PUT", "/status", {"status": "failed", "workerId": "alpha"}),
        ("PUT", "/status", {"status": "rendering", "workerId": "beta"}),
    ],
)
async def test_a_worker_does_not_report_on_what_another_holds(
    cast: Cast, method: str, path: str, body: Any
) -> None:
    task_id = await cast.held_by_alpha()

    assert (await cast.beta(method, f"/renders/{task_id}{path}", body)).status_code == 403
    shown = (await cast.ann("GET", f"/renders/{task_id}")).json()
    assert (shown["status"], shown["workerId"]) == ("rendering", "alpha")


async def test_a_worker_does_not_take_a_waiting_task_past_the_others(cast: Cast) -> None:
    task_id = await cast.ann.submit()
    await cast.beta("PUT", "/workers/beta/status", {"status": "ready"})
    body = {"status": "rendering", "workerId": "beta"}

    assert (await cast.beta("PUT", f"/renders/{task_id}/status", body)).status_code == 403
    assert (await cast.boss("PUT", f"/renders/{task_id}/status", body)).status_code == 200


@pytest.mark.parametrize("status", ["cancelled", "paused", "pending"])
async def test_a_worker_has_no_wishes(cast: Cast, status: str) -> None:
    task_id = await cast.held_by_alpha()

    answer = await cast.alpha("PUT", f"/renders/{task_id}/status", {"status": status})

    assert answer.status_code == 403


async def test_a_report_sent_again_has_the_same_outcome(cast: Cast) -> None:
    task_id = await cast.held_by_alpha()
    body = {"status": "failed", "errorMessage": "no memory", "workerId": "alpha"}
    path, once = f"/renders/{task_id}/status", {"idempotency-key": "report-1"}

    answers = [await cast.alpha("PUT", path, body, **once) for _ in range(2)]

    assert [one.status_code for one in answers] == [200, 200]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/workers/alpha", None),
        ("GET", "/workers/alpha/why", None),
        ("PUT", "/workers/alpha/status", {"status": "offline"}),
        ("POST", "/workers/alpha/request-task", None),
        ("POST", "/workers/alpha/heartbeat", {}),
        ("POST", "/workers/alpha/reports", {}),
        ("GET", "/workers/alpha/messages?instance=i", None),
    ],
)
async def test_a_worker_does_not_speak_for_another(
    cast: Cast, method: str, path: str, body: Any
) -> None:
    await cast.alpha("PUT", "/workers/alpha/status", {"status": "ready"})

    assert (await cast.beta(method, path, body)).status_code == 403
    assert (await cast.alpha("GET", "/workers/alpha")).json()["status"] == "ready"


@pytest.mark.parametrize("verb", ["undrain", "enrolment"])
async def test_a_worker_does_not_decide_over_itself(cast: Cast, verb: str) -> None:
    await cast.alpha("PUT", "/workers/alpha/status", {"status": "ready"})

    assert (await cast.alpha("POST", f"/workers/alpha/{verb}")).status_code == 403


async def test_a_worker_adds_to_the_logs_of_its_own_attempts(cast: Cast) -> None:
    task_id = await cast.held_by_alpha()
    path = f"/renders/{task_id}/attempts/1/log?offset="

    async def append(who: As, offset: int) -> int:
        headers = {"authorization": f"Bearer {who.key}", "content-type": "text/plain"}
        answer = await cast.farm.http.post(f"{path}{offset}", content=b"line\n", headers=headers)
        return answer.status_code

    assert await append(cast.alpha, 0) == 200
    assert await append(cast.beta, 5) == 403
    await cast.alpha("PUT", f"/renders/{task_id}/status", {"status": "failed"})
    assert await append(cast.alpha, 5) == 200  # its attempt has ended; the rest of its log comes
    assert await append(cast.beta, 10) == 403
