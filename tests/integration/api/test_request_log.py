"""Which requests get a line in the log, and what stands in it; and the id that ties it together."""

import io
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from tests.integration.api.conftest import ServedFarm, serve

from rushlight.logs import set_up_logs


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """What is logged, as programs read it."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    stream = io.StringIO()
    set_up_logs("api", stream=stream)
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def requests(stream: io.StringIO) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in stream.getvalue().splitlines()]
    return [one for one in found if one["event"] == "request"]


async def test_a_request_is_told_with_its_id_and_without_its_secrets(
    tmp_path: Path, lines: io.StringIO
) -> None:
    async with serve(tmp_path, log_requests="all") as served:
        headers = {"x-request-id": "mine-1", "authorization": "Bearer hush"}
        await served.http.get("/renders?jobId=secret", headers=headers)
    (line,) = requests(lines)

    assert (line["request_id"], line["route"], line["path"]) == ("mine-1", "/renders", "/renders")
    assert (line["method"], line["status"], line["level"]) == ("GET", 200, "info")
    assert line["ms"] > 0
    assert line["principal"] == "anonymous"
    assert "secret" not in lines.getvalue() and "hush" not in lines.getvalue()


@pytest.mark.parametrize(("logged", "statuses"), [("none", []), ("failed", [500])])
async def test_failures_are_told_and_who_wants_none_gets_none(
    logged: str,
    statuses: list[int],
    tmp_path: Path,
    lines: io.StringIO,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(*_: Any) -> Any:
        raise RuntimeError("a defect")

    async with serve(tmp_path, log_requests=logged) as served:
        monkeypatch.setattr(served.parts.log.views, "worker", broken)
        await served.http.get("/renders")
        await served.http.get("/no/such")
        answer = await served.http.get("/workers/w1")
        assert answer.status_code == 500

    assert [one["status"] for one in requests(lines)] == statuses
    trace = next(one for one in map(json.loads, lines.getvalue().splitlines()) if "incident" in one)
    assert trace["request_id"] == answer.json()["requestId"] == answer.headers["x-request-id"]


async def test_a_probe_that_hears_no_is_no_failure(tmp_path: Path, lines: io.StringIO) -> None:
    async with serve(tmp_path) as served:
        served.server.closing()
        assert (await served.http.get("/readyz")).status_code == 503

    assert requests(lines) == []


@pytest.mark.parametrize("given", ["", "a b", "x" * 65, "a\x7f", "{}"])
async def test_an_id_that_cannot_stand_in_a_log_is_replaced(served: ServedFarm, given: str) -> None:
    answer = await served.http.get("/healthz", headers={"x-request-id": given})

    assert answer.headers["x-request-id"] != given
    assert len(answer.headers["x-request-id"]) == 32


async def test_every_request_has_an_id_of_its_own(served: ServedFarm) -> None:
    ids = {(await served.http.get("/healthz")).headers["x-request-id"] for _ in range(3)}

    assert len(ids) == 3


async def test_what_a_path_says_to_a_terminal_is_not_said(
    tmp_path: Path, lines: io.StringIO
) -> None:
    async with serve(tmp_path, log_requests="all") as served:
        await served.http.get("/renders/%1b%5b31m" + "x" * 500)
    (line,) = requests(lines)

    assert line["path"].startswith("/renders/%1b%5b31m".lower())
    assert len(line["path"]) == 200


async def test_who_asked_is_told_by_name_and_not_by_key(tmp_path: Path, lines: io.StringIO) -> None:
    async with serve(tmp_path, log_requests="all") as served:
        key = served.parts.keys.create("ann", "admin", created_by="test")[1]
        await served.http.get("/renders", headers={"authorization": f"Bearer {key}"})
        await served.http.get("/renders")

    assert [(one["principal"], one["status"]) for one in requests(lines)] == [
        ("ann", 200),
        (None, 401),
    ]
    assert key not in lines.getvalue()
