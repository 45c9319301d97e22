"""Whatever is wrong with a request: a problem (RFC 9457) with the right status and a way out."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from tests.integration.api.conftest import JSON, ServedFarm, serve

ANY = "01a20a0e-fb00-7526-95ad-17a988ad1407"
MIB = 1_048_576


def assert_problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """The answer is a whole problem of that kind."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = answer.json()
    assert problem["type"] == f"/problems/{code}"
    assert problem["status"] == status
    assert problem["title"]
    assert problem["detail"]
    return problem


@pytest.mark.parametrize(
    ("method", "path", "body", "refused"),
    [
        ("GET", "/nowhere", None, (404, "not-found")),
        ("GET", "/api/renders", None, (404, "not-found")),
        ("DELETE", "/renders", None, (405, "method-not-allowed")),
        ("GET", f"/renders/{ANY}", None, (404, "not-found")),
        ("GET", "/renders/17", None, (404, "not-found")),
        ("GET", f"/renders/{ANY}/events", None, (404, "not-found")),
        ("GET", f"/renders/{ANY}/why", None, (404, "not-found")),
        ("GET", f"/renders/{ANY}/attempts", None, (404, "not-found")),
        ("GET", f"/renders/{ANY}/attempts/1/log", None, (404, "not-found")),
        ("POST", f"/renders/{ANY}/cancel", None, (404, "not-found")),
        ("PUT", f"/renders/{ANY}/status", {"status": "failed"}, (404, "not-found")),
        ("POST", f"/renders/{ANY}/complete", {}, (404, "not-found")),
        ("PATCH", f"/renders/{ANY}", {"priority": "LOW"}, (404, "not-found")),
        ("GET", "/jobs/none", None, (404, "not-found")),
        ("POST", "/jobs/none/cancel", None, (404, "not-found")),
        ("GET", "/workers/none", None, (404, "not-found")),
        ("GET", "/workers/none/why", None, (404, "not-found")),
        ("POST", "/workers/none/request-task", None, (404, "not-found")),
        ("POST", "/workers/none/drain", None, (404, "not-found")),
        ("GET", "/workers/none/messages?instance=i", None, (404, "not-found")),
        ("GET", f"/commands/{ANY}", None, (404, "not-found")),
        ("GET", "/commands/x", None, (404, "not-found")),
        ("GET", "/problems/none", None, (404, "not-found")),
        ("PUT", "/workers/a%20b/status", {"status": "ready"}, (400, "invalid-request")),
        ("PUT", "/workers/a/status", {"status": "asleep"}, (400, "invalid-request")),
        ("PUT", "/workers/a/status", {}, (400, "invalid-request")),
        (
            "PUT",
            "/workers/a/status",
            {"status": "ready", "instance": "i"},
            (422, "invalid-request"),
        ),
        ("PUT", "/workers/a/status", {"status": "busy", "instance": "i"}, (422, "invalid-request")),
        ("POST", "/renders", {"priority": "URGENT"}, (400, "invalid-request")),
        ("POST", "/renders", {"estimatedRenderTime": "long"}, (400, "invalid-request")),
        ("POST", "/renders", {"estimatedRenderTime": -5}, (400, "invalid-request")),
        ("POST", "/renders", {"colour": "red"}, (400, "invalid-request")),
        ("POST", "/renders", [], (400, "invalid-request")),
        ("POST", "/renders", "text", (400, "invalid-request")),
        ("POST", "/renders", {"settings": {"a": 2**64}}, (422, "invalid-request")),
        ("POST", "/renders", {"settings": {"a": "\0"}}, (422, "invalid-request")),
        ("POST", "/renders", {"frames": "1-"}, (422, "invalid-request")),
        ("POST", "/renders", {"frames": "10-1"}, (422, "invalid-request")),
        ("POST", "/renders", {"frames": "1-10000000"}, (422, "invalid-request")),
        ("POST", "/renders", {"scene": "scenes:../../etc/passwd"}, (422, "invalid-request")),
        ("POST", "/renders", {"output": "out:/etc/passwd"}, (422, "invalid-request")),
        ("POST", "/renders", {"requires": {"rendererVersion": "new"}}, (422, "invalid-request")),
        ("POST", "/renders/batch", {}, (400, "invalid-request")),
        ("POST", "/renders/batch", {"tasks": []}, (400, "invalid-request")),
        ("POST", "/renders/batch", {"frames": "1-9", "framesPerTask": 0}, (400, "invalid-request")),
        ("GET", "/renders?limit=0", None, (400, "invalid-request")),
        ("GET", "/renders?limit=501", None, (400, "invalid-request")),
        ("GET", "/renders?limit=many", None, (400, "invalid-request")),
        ("GET", "/renders?status=asleep", None, (400, "invalid-request")),
        ("GET", "/renders?priority=low", None, (400, "invalid-request")),
        ("GET", "/renders?colour=red", None, (400, "invalid-request")),
        ("GET", "/renders?limit=1&limit=2", None, (400, "invalid-request")),
        ("GET", "/renders?cursor=x", None, (422, "invalid-request")),
        ("GET", "/workers?colour=red", None, (400, "invalid-request")),
        ("GET", "/healthz?x=1", None, (400, "invalid-request")),
        ("POST", "/workers/a/request-task?wait=-1", None, (400, "invalid-request")),
        ("POST", "/workers/a/request-task?wait=nan", None, (400, "invalid-request")),
        ("GET", "/workers/a/messages", None, (400, "invalid-request")),
        ("POST", "/workers/a/heartbeat", {"worker_id": "a"}, (400, "invalid-request")),
        ("POST", "/workers/a/reports", {"instance": "i", "reports": []}, (400, "invalid-request")),
    ],
)
async def test_a_wrong_request_gets_its_problem(
    served: ServedFarm, method: str, path: str, body: Any, refused: tuple[int, str]
) -> None:
    assert_problem(await served.http.request(method, path, json=body), *refused)


async def test_an_unknown_task_is_told_in_the_words_of_the_original(served: ServedFarm) -> None:
    assert (await served.http.get(f"/renders/{ANY}")).json()["detail"] == "Task not found"


async def test_a_method_that_is_not_known_names_those_that_are(served: ServedFarm) -> None:
    answer = await served.http.delete("/renders")

    assert {"GET", "POST"} <= set(answer.headers["allow"].replace(" ", "").split(","))


@pytest.mark.parametrize(
    "text",
    ["{", "nonsense", '{"a": NaN}', '{"a": Infinity}', "{'a': 1}", '"\\ud800"', "\ufeff{}", " "],
)
async def test_what_is_not_json_is_refused(served: ServedFarm, text: str) -> None:
    answer = await served.http.post("/renders", content=text.encode(), headers=JSON)

    assert_problem(answer, 400, "invalid-request")


@pytest.mark.parametrize("path", ["/renders", "/renders/batch", f"/renders/{ANY}/cancel"])
async def test_null_is_no_empty_body(served: ServedFarm, path: str) -> None:
    answer = await served.http.post(path, content=b"null", headers=JSON)

    assert "should be a JSON object" in assert_problem(answer, 400, "invalid-request")["detail"]


async def test_bytes_that_are_not_utf_8_are_refused(served: ServedFarm) -> None:
    answer = await served.http.post("/renders", content=b'{"name": "\xff"}', headers=JSON)

    assert_problem(answer, 400, "invalid-request")


async def test_json_nested_beyond_all_reason_is_refused(served: ServedFarm) -> None:
    deep = b'{"settings": {"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}}"

    assert_problem(
        await served.http.post("/renders", content=deep, headers=JSON), 400, "invalid-request"
    )


async def test_settings_nested_as_deep_as_json_is_read_are_kept(served: ServedFarm) -> None:
    settings: Any = 1
    for _ in range(150):
        settings = [settings]
    task_id = await served.submit(settings={"a": settings})

    task = await served.json("GET", f"/renders/{task_id}", status=200)
    assert task["settings"] == {"a": settings}


@pytest.mark.parametrize("kind", ["text/plain", "application/xml", "multipart/form-data", None])
async def test_a_body_that_is_no_json_by_its_type_is_refused(
    served: ServedFarm, kind: str | None
) -> None:
    headers = {} if kind is None else {"content-type": kind}
    answer = await served.http.post("/renders", content=b"{}", headers=headers)

    assert_problem(answer, 415, "unsupported-media-type")


@pytest.mark.parametrize("kind", ["application/json; charset=utf-8", "APPLICATION/JSON"])
async def test_other_ways_to_say_json_are_fine(served: ServedFarm, kind: str) -> None:
    answer = await served.http.post("/renders", content=b"{}", headers={"content-type": kind})

    assert answer.status_code == 201


async def test_every_wrong_field_is_pointed_at(served: ServedFarm) -> None:
    body = {"priority": "URGENT", "estimatedRenderTime": "x", "requires": {"gpu": True}}
    problem = assert_problem(await served.http.post("/renders", json=body), 400, "invalid-request")

    assert [part["pointer"] for part in problem["errors"]] == [
        "#/priority",
        "#/estimatedRenderTime",
        "#/requires/gpu",
    ]
    assert "'RUSH', 'HIGH', 'MEDIUM' or 'LOW'" in problem["errors"][0]["detail"]


async def test_a_batch_points_at_each_task_that_makes_no_sense_and_takes_none(
    served: ServedFarm,
) -> None:
    tasks: list[Any] = [{} for _ in range(20)]
    tasks[3] = {"scene": "scenes:../x"}
    tasks[17] = {"frames": "10-1"}
    problem = assert_problem(
        await served.http.post("/renders/batch", json={"tasks": tasks}), 422, "invalid-request"
    )

    assert [part["pointer"] for part in problem["errors"]] == [
        "#/tasks/3/scene",
        "#/tasks/17/frames",
    ]
    assert (await served.json("GET", "/renders", status=200))["items"] == []


async def test_the_same_output_twice_in_a_batch_is_a_conflict(served: ServedFarm) -> None:
    tasks = [{"output": "out:a.png"}, {"output": "out:a.png"}]
    answer = await served.http.post("/renders/batch", json={"tasks": tasks})

    problem = assert_problem(answer, 409, "output-taken")
    assert problem["errors"][0]["pointer"] == "#/tasks/1/output"


class HugeBody:
    """100 MB in pieces; notes how much memory this process (client and farm) has meanwhile."""

    def __init__(self) -> None:
        self._process = psutil.Process()
        self._before = self._process.memory_info().rss
        self._most = self._before

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for _ in range(100):
            self._most = max(self._most, self._process.memory_info().rss)
            yield b" " * MIB

    @property
    def grown_mib(self) -> float:
        return (self._most - self._before) / MIB


@pytest.mark.parametrize("announced", [True, False])
@pytest.mark.parametrize("path", ["/renders", "/renders/batch"])
async def test_a_body_of_100_mb_is_refused_and_never_held_in_memory(
    served: ServedFarm, path: str, announced: bool
) -> None:
    body = HugeBody()
    headers = {**JSON, **({"content-length": str(100 * MIB)} if announced else {})}
    answer = await served.http.post(path, content=body, headers=headers)

    assert_problem(answer, 413, "body-too-large")
    assert body.grown_mib < 60
    assert (await served.http.get("/readyz")).status_code == 200


async def test_a_batch_may_be_larger_than_other_bodies_but_not_without_end(tmp_path: Path) -> None:
    async with serve(tmp_path, body_max_bytes=2000, batch_body_max_bytes=20_000) as served:
        small = {"tasks": [{"name": f"task {number:04}"} for number in range(200)]}
        large = {"tasks": [{"name": f"task {number:04}"} for number in range(2000)]}

        assert (await served.http.post("/renders/batch", json=small)).status_code == 201
        assert_problem(await served.http.post("/renders/batch", json=large), 413, "body-too-large")
        one = await served.http.post("/renders", json={"args": ["x" * 3000]})
        assert_problem(one, 413, "body-too-large")


async def test_what_nobody_foresaw_is_a_problem_too_and_tells_no_secrets(
    served: ServedFarm, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError("a secret")

    monkeypatch.setattr(served.parts.liveness, "rows", broken)
    answer = await served.http.get("/renders")

    problem = assert_problem(answer, 500, "internal-error")
    assert "secret" not in answer.text
    assert problem["incident"] in problem["detail"]


async def test_a_type_of_problem_can_be_read_where_it_points(served: ServedFarm) -> None:
    problem = (await served.http.get("/nowhere")).json()
    text = await served.http.get(problem["type"])

    assert (text.status_code, text.text.strip()) == (200, "There is no such thing.")


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "farm.attacker.example"},
        {"origin": "https://attacker.example"},
        {"origin": "null"},
    ],
)
async def test_pages_of_other_sites_may_not_use_a_farm_without_keys(
    served: ServedFarm, headers: dict[str, str]
) -> None:
    answer = await served.http.post("/renders", json={}, headers=headers)

    assert_problem(answer, 403, "forbidden")
    assert (await served.json("GET", "/renders", status=200))["items"] == []


async def test_its_own_pages_may(served: ServedFarm) -> None:
    answer = await served.http.post("/renders", json={}, headers={"origin": served.url})

    assert answer.status_code == 201
