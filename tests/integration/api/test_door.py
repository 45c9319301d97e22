"""Who is let in where: every address, every role, with keys and without."""

import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from litestar.routes import HTTPRoute
from structlog.testing import capture_logs
from tests.integration.api.conftest import ServedFarm, serve

from rushlight.keys.rows import ROLES
from rushlight.keys.store import KeyStore
from rushlight_api.access import KEYHOLDERS, NOBODY, PUBLIC, Allowed, allowed_at

BEARER = "Bearer"


@dataclass
class Known:
    """A farm with a key for each role, and a task that the worker ``alpha`` holds."""

    farm: ServedFarm
    keys: dict[str, str]
    task_id: str

    @property
    def http(self) -> httpx.AsyncClient:
        return self.farm.http

    @property
    def store(self) -> KeyStore:
        return self.farm.parts.keys


def bearer(key: str) -> dict[str, str]:
    return {"authorization": f"{BEARER} {key}"}


@pytest.fixture
async def known(tmp_path: Path) -> AsyncIterator[Known]:
    async with serve(tmp_path) as farm:
        keys = {}
        for role in ("admin", *ROLES):
            bound = "alpha" if role == "worker" else None
            keys[role] = farm.parts.keys.create(role, role, bound, created_by="test")[1]
        submitter, worker = bearer(keys["submitter"]), bearer(keys["worker"])
        task = await farm.http.post("/renders", json={"jobId": "shot-1"}, headers=submitter)
        await farm.http.put("/workers/alpha/status", json={"status": "ready"}, headers=worker)
        held = await farm.http.post("/workers/alpha/request-task", headers=worker)
        assert held.json()["taskId"] == task.json()["taskId"]
        yield Known(farm, keys, task.json()["taskId"])


def calls(farm: ServedFarm) -> Iterator[tuple[str, str, Allowed]]:
    """Method, path and who may, of all that is served; ``OPTIONS`` is for whoever has a key."""
    for route in farm.parts.app.routes:
        assert isinstance(route, HTTPRoute)
        for method, (handler, _) in route.route_handler_map.items():
            allowed = allowed_at(handler)
            if method == "OPTIONS" and allowed is NOBODY:
                allowed = KEYHOLDERS
            yield str(method), route.path_format, allowed


def fill(path: str, task_id: str) -> str:
    places = {
        "task_id": task_id,
        "job_id": "shot-1",
        "worker_id": "alpha",
        "attempt": "1",
        "key_id": "aaaaaaaaaa",
        "command_id": str(uuid4()),
        "code": "not-found",
        "file_path": "swagger-ui.css",
    }
    return re.sub(r"/?\{(\w+)(?::\w+)?\}", lambda one: f"/{places.get(one[1], '1')}", path)


async def statuses(farm: ServedFarm, task_id: str, **headers: str) -> dict[tuple[str, str], int]:
    """What each address answers to an empty body."""
    found = {}
    for method, path, _ in calls(farm):
        body: dict[str, Any] = {"json": {}} if method in ("POST", "PUT", "PATCH") else {}
        answer = await farm.http.request(method, fill(path, task_id), headers=headers, **body)
        found[method, path] = answer.status_code
    return found


async def test_every_handler_says_who_may_call_it(served: ServedFarm) -> None:
    silent = [(method, path) for method, path, allowed in calls(served) if not allowed]

    assert silent == []
    assert len(list(calls(served))) > 60


async def test_without_a_key_only_public_addresses_answer(known: Known) -> None:
    found = await statuses(known.farm, known.task_id)
    public = {(m, p) for m, p, allowed in calls(known.farm) if allowed == PUBLIC}

    assert {call for call, status in found.items() if status != 401} == public
    assert {("GET", "/healthz"), ("POST", "/workers/{worker_id}/key")} <= public
    assert ("GET", "/api-docs/assets/{file_path}") in public
    assert all(found[call] not in (403, 500) for call in public)


@pytest.mark.parametrize("role", ROLES)
async def test_a_role_reaches_exactly_what_is_declared_for_it(known: Known, role: str) -> None:
    found = await statuses(known.farm, known.task_id, **bearer(known.keys[role]))
    refused = {call for call, status in found.items() if status in (401, 403)}

    closed = {(m, p) for m, p, a in calls(known.farm) if role not in a and a != PUBLIC}
    assert refused == closed
    assert 500 not in found.values()


async def test_a_farm_without_keys_lets_everybody_of_this_machine_do_everything(
    served: ServedFarm,
) -> None:
    found = await statuses(served, str(uuid4()))

    assert {status for status in found.values() if status in (401, 403, 500)} == set()


@pytest.mark.parametrize(
    ("header", "challenge"),
    [
        ("", 'Bearer realm="rushlight"'),
        ("Basic YW5uOnB3", 'Bearer realm="rushlight"'),
        ("Bearer", 'Bearer realm="rushlight", error="invalid_token"'),
        ("Bearer nonsense", 'Bearer realm="rushlight", error="invalid_token"'),
        (f"Bearer rlk_{'a' * 10}_{'a' * 52}", 'Bearer realm="rushlight", error="invalid_token"'),
    ],
)
async def test_a_401_says_how_to_come_in(known: Known, header: str, challenge: str) -> None:
    answer = await known.http.get("/renders", headers={"authorization": header} if header else {})

    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == challenge
    assert answer.json()["type"] == "/problems/unauthenticated"


async def test_the_scheme_is_read_as_rfc_9110_wants(known: Known) -> None:
    key = known.keys["admin"]

    for header in (f"bearer {key}", f"BEARER   {key}"):
        answer = await known.http.get("/whoami", headers={"authorization": header})
        assert answer.status_code == 200


@pytest.mark.parametrize(("method", "path"), [("GET", "/no/such"), ("DELETE", "/renders")])
async def test_who_has_no_key_does_not_learn_what_addresses_there_are(
    known: Known, method: str, path: str
) -> None:
    without = await known.http.request(method, path)
    with_key = await known.http.request(method, path, headers=bearer(known.keys["auditor"]))

    assert without.status_code == 401
    assert with_key.status_code in (404, 405)


async def test_a_403_says_who_may(known: Known) -> None:
    answer = await known.http.get("/keys", headers=bearer(known.keys["operator"]))

    assert answer.status_code == 403
    assert "admin" in answer.json()["detail"] and "operator" in answer.json()["detail"]


async def test_a_revoked_key_is_refused_at_the_next_request(known: Known) -> None:
    headers = bearer(known.keys["operator"])
    [row] = [one for one in known.store.ls() if one.role == "operator"]
    assert (await known.http.get("/renders", headers=headers)).status_code == 200

    known.store.revoke(row.key_id, "test")

    assert (await known.http.get("/renders", headers=headers)).status_code == 401


async def test_the_first_key_counts_from_the_next_request(served: ServedFarm) -> None:
    assert (await served.http.get("/renders")).status_code == 200

    served.parts.keys.create("ann", "admin", created_by="test")

    assert (await served.http.get("/renders")).status_code == 401


async def test_a_farm_that_others_reach_is_never_without_keys(tmp_path: Path) -> None:
    async with serve(tmp_path) as farm:
        farm.parts.app.state["door"]._public = True

        assert (await farm.http.get("/renders")).status_code == 401
        assert (await farm.http.get("/healthz")).status_code == 200


async def test_pages_of_other_sites_are_kept_out_by_keys_alone_once_there_are_some(
    known: Known,
) -> None:
    elsewhere = {"host": "farm.example", "origin": "https://studio.example"}

    let_in = await known.http.get("/renders", headers={**elsewhere, **bearer(known.keys["admin"])})
    kept_out = await known.http.get("/renders", headers=elsewhere)

    assert (let_in.status_code, kept_out.status_code) == (200, 401)


async def test_a_key_on_a_farm_that_asks_for_none_changes_nothing(served: ServedFarm) -> None:
    answer = await served.http.get("/whoami", headers=bearer("rlk_not_one"))

    assert answer.json()["principal"] == "anonymous"


async def test_who_is_refused_stands_in_the_log_without_the_secret(known: Known) -> None:
    key = known.keys["auditor"]
    made_up = f"rlk_{'b' * 10}_{'c' * 52}"
    with capture_logs() as lines:
        await known.http.post("/renders", json={}, headers=bearer(key))
        await known.http.get("/renders", headers=bearer(made_up))
        await known.http.get("/x%0A%1b[31m", headers={})

    refused = [line for line in lines if line["event"] == "refused"]
    [auditor, stranger, nobody] = refused
    assert (auditor["status"], auditor["principal"]) == (403, "auditor")
    assert auditor["path"] == "/renders" and auditor["method"] == "POST"
    assert (stranger["status"], stranger["key_id"]) == (401, "b" * 10)
    assert nobody["path"].isprintable()
    assert not any(part in str(lines) for part in (key.rsplit("_", 1)[1], "c" * 52))


async def test_the_use_of_a_key_is_noted(known: Known) -> None:
    answer = await known.http.get("/renders", headers=bearer(known.keys["auditor"]))
    await known.farm.parts.app.state["door"].close()

    [row] = [one for one in known.store.ls() if one.role == "auditor"]
    assert answer.status_code == 200
    assert row.last_used_at is not None


async def test_more_requests_than_one_may_send_are_told_to_wait(tmp_path: Path) -> None:
    async with serve(tmp_path, rate_per_s=0.5, rate_burst=3) as farm:
        ann = bearer(farm.parts.keys.create("ann", "admin", created_by="test")[1])
        node = bearer(farm.parts.keys.create("n", "worker", "n", created_by="test")[1])
        answers = [await farm.http.get("/renders", headers=ann) for _ in range(4)]
        polls = [await _beat(farm, node) for _ in range(10)]

    assert [one.status_code for one in answers] == [200, 200, 200, 429]
    assert answers[3].json()["type"] == "/problems/rate-limited"
    assert 1 <= int(answers[3].headers["retry-after"]) <= 2
    assert {one.status_code for one in polls} == {200}


async def _beat(farm: ServedFarm, headers: dict[str, str]) -> httpx.Response:
    return await farm.http.put("/workers/n/status", json={"status": "ready"}, headers=headers)


async def test_when_keys_cannot_be_read_nobody_is_let_in_and_health_is_told(known: Known) -> None:
    headers = bearer(known.keys["admin"])
    known.store._file._reader.close()

    refused = await known.http.get("/renders", headers=headers)
    ready = await known.http.get("/readyz")

    assert (refused.status_code, refused.json()["type"]) == (503, "/problems/keys-unavailable")
    assert (await known.http.get("/healthz")).status_code == 200
    assert ready.status_code == 503 and "keys.sqlite3" in ready.json()["checks"]["keys"]
