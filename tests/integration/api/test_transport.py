"""What comes over a socket and is no proper request: answered as a problem, or closed in time."""

import asyncio
import json
import resource
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import anyio
import pytest
from tests.integration.api.conftest import ServedFarm, serve

HOST = b"Host: 127.0.0.1\r\n"
POST = b"POST /renders HTTP/1.1\r\n" + HOST + b"Content-Type: application/json\r\n"
DEADLINE_S = 20


@asynccontextmanager
async def connected(
    served: ServedFarm,
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A bare connection to the farm."""
    port = urlsplit(served.url).port
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield reader, writer
    finally:
        writer.close()


async def said(served: ServedFarm, *pieces: bytes) -> tuple[int, dict[str, str], bytes]:
    """What the farm answers to these bytes until it closes: status, headers, body."""
    async with connected(served) as (reader, writer):
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
        with anyio.fail_after(DEADLINE_S):
            whole = await reader.read()
    head, _, body = whole.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = {
        name.lower(): value.strip() for name, _, value in (one.partition(":") for one in lines)
    }
    return int(first.split(" ")[1]), headers, body


async def assert_problem(served: ServedFarm, status: int, code: str, *pieces: bytes) -> Any:
    found, headers, body = await said(served, *pieces)
    assert (found, headers["content-type"]) == (status, "application/problem+json"), body
    problem = json.loads(body)
    assert (problem["type"], problem["status"]) == (f"/problems/{code}", status)
    assert problem["detail"]
    assert headers["connection"] == "close"
    assert (await served.http.get("/readyz")).status_code == 200
    return problem


@pytest.mark.parametrize(
    "bytes_sent",
    [
        b"nonsense\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET /renders HTTP/1.1\r\n\r\n",
        b"GET /renders HTTP/1.1\r\n" + HOST + HOST + b"\r\n",
        b"GET /ren ders HTTP/1.1\r\n" + HOST + b"\r\n",
        b"GET /renders HTTP/1.1\r\n" + HOST + b"A: b\x00c\r\n\r\n",
        POST + b"Content-Length: -1\r\n\r\n",
        POST + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
        POST + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n{}\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}nothing",
    ],
)
async def test_what_is_no_http_is_told_so(served: ServedFarm, bytes_sent: bytes) -> None:
    await assert_problem(served, 400, "invalid-request", bytes_sent)


async def test_a_head_beyond_all_reason_is_refused(served: ServedFarm) -> None:
    large = b"X-Large: " + b"x" * 100_000
    await assert_problem(served, 431, "head-too-large", b"GET /renders HTTP/1.1\r\n" + HOST + large)


async def test_a_way_to_send_that_the_server_does_not_know_is_told(served: ServedFarm) -> None:
    gzip = POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"
    await assert_problem(served, 501, "not-implemented", gzip)


async def test_chunks_that_break_after_the_answer_just_end_the_connection(
    served: ServedFarm, capfd: pytest.CaptureFixture[str]
) -> None:
    sent = b"POST /nowhere HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}"
    async with connected(served) as (reader, writer):
        writer.write(sent)
        with anyio.fail_after(DEADLINE_S):
            head = await reader.readuntil(b"\r\n\r\n")
            writer.write(b"broken")
            await reader.read()

    assert head.startswith(b"HTTP/1.1 404")
    assert "Traceback" not in "".join(capfd.readouterr())


async def test_a_body_that_is_cut_leaves_no_trace(
    served: ServedFarm, capfd: pytest.CaptureFixture[str]
) -> None:
    async with connected(served) as (_, writer):
        writer.write(POST + b'Content-Length: 100\r\n\r\n{"name": ')
        await writer.drain()
    await served.submit()

    assert "Traceback" not in "".join(capfd.readouterr())
    assert len((await served.json("GET", "/renders", status=200))["items"]) == 1


async def test_a_wish_for_another_protocol_is_passed_over(served: ServedFarm) -> None:
    upgrade = b"Connection: Upgrade, close\r\nUpgrade: websocket\r\n\r\n"
    status, _, _ = await said(served, b"GET /healthz HTTP/1.1\r\n" + HOST + upgrade)

    assert status == 200


async def test_a_body_that_drips_is_ended(tmp_path: Path) -> None:
    async with serve(tmp_path, body_timeout_s=0.3) as served:
        slow = POST + b"Content-Length: 100\r\n\r\n{"
        problem = await assert_problem(served, 408, "request-timeout", slow)

    assert "0.3 s" in problem["detail"]


async def test_a_head_that_drips_is_ended(tmp_path: Path) -> None:
    async with serve(tmp_path, head_timeout_s=0.3) as served:
        problem = await assert_problem(served, 408, "request-timeout", b"GET /renders HTT")

    assert "0.3 s" in problem["detail"]


async def test_a_connection_that_says_nothing_is_closed(tmp_path: Path) -> None:
    async with serve(tmp_path, head_timeout_s=0.3) as served, connected(served) as (reader, _):
        with anyio.fail_after(DEADLINE_S):
            assert await reader.read() == b""


async def test_a_second_head_that_drips_is_ended_too(tmp_path: Path) -> None:
    async with serve(tmp_path, head_timeout_s=0.3) as served:
        whole = b"GET /healthz HTTP/1.1\r\n" + HOST + b"\r\n"
        status, _, rest = await said(served, whole, b"GET /hea")

    assert status == 200
    assert b"408" in rest


async def test_who_takes_nothing_of_an_answer_does_not_hold_a_place_for_ever(
    tmp_path: Path,
) -> None:
    async with serve(tmp_path, body_timeout_s=0.3, events_stall_s=0.3) as served:
        port = urlsplit(served.url).port
        large = b"GET /api-docs/assets/swagger-ui-bundle.js HTTP/1.1\r\n" + HOST + b"\r\n"
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1)
        writer.write(large * 20)
        await reader.readexactly(1)
        with anyio.fail_after(DEADLINE_S):
            while served.server.server_state.connections:
                await asyncio.sleep(0.01)
        writer.close()

        assert (await served.http.get("/healthz")).status_code == 200


async def test_a_held_request_is_not_slow(tmp_path: Path) -> None:
    async with serve(tmp_path, head_timeout_s=0.1, body_timeout_s=0.1) as served:
        await served.json("PUT", "/workers/w/status", {"status": "ready"}, status=200)
        answer = await served.http.post("/workers/w/request-task?wait=1")

    assert answer.status_code == 204


async def test_connections_above_the_limit_are_told_so(tmp_path: Path) -> None:
    async with serve(tmp_path, connections_max=3) as served:
        async with connected(served), connected(served), connected(served):
            status, headers, body = await said(
                served, b"GET /renders HTTP/1.1\r\n" + HOST + b"\r\n"
            )
            assert (status, headers["retry-after"]) == (503, "1")
            assert json.loads(body)["type"] == "/problems/unavailable"
        with anyio.fail_after(DEADLINE_S):
            while (await served.http.get("/renders")).status_code == 503:
                await anyio.sleep(0.01)


async def test_the_process_may_have_a_file_for_each_connection(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, 256), hard))
    try:
        async with serve(tmp_path, connections_max=300):
            assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] >= min(300, hard)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def test_a_stream_that_is_left_before_it_begins_breaks_nothing(
    served: ServedFarm, capfd: pytest.CaptureFixture[str]
) -> None:
    asked = b"GET /events HTTP/1.1\r\n" + HOST + b"Accept: text/event-stream\r\n\r\n"
    for _ in range(20):
        async with connected(served) as (_, writer):
            writer.write(asked)
            await writer.drain()
            writer.transport.abort()
    await served.submit()

    assert "Traceback" not in "".join(capfd.readouterr())


async def test_a_held_request_whose_body_never_comes_leaves_no_trace(
    served: ServedFarm, capfd: pytest.CaptureFixture[str]
) -> None:
    await served.json("PUT", "/workers/w/status", {"status": "ready"}, status=200)
    path = await started(served)
    asked = f"GET {path}/attempts/1/log?wait=5 HTTP/1.1\r\n".encode() + HOST
    async with connected(served) as (_, writer):
        writer.write(asked + b"Content-Length: 100\r\n\r\n{")
        await writer.drain()
    await served.submit()

    assert "Traceback" not in "".join(capfd.readouterr())


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_request_that_is_left_at_once_leaves_no_trace(
    served: ServedFarm, capfd: pytest.CaptureFixture[str], method: str
) -> None:
    await served.json("PUT", "/workers/w/status", {"status": "ready"}, status=200)
    path = await started(served)
    target = f"{path}/attempts/1/log?wait=5" if method == "GET" else f"{path}/cancel"
    for _ in range(20):
        async with connected(served) as (_, writer):
            writer.write(f"{method} {target} HTTP/1.1\r\n".encode() + HOST + b"\r\n")
            await writer.drain()
            writer.transport.abort()
    await served.submit()

    assert "Traceback" not in "".join(capfd.readouterr())


async def started(served: ServedFarm) -> str:
    """A task that renders, by its address."""
    task_id = await served.submit()
    await served.json("POST", "/workers/w/request-task", status=200)
    return f"/renders/{task_id}"
