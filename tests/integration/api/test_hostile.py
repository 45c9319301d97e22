"""What is sent to break the farm: it is refused in words, and nothing of the server breaks."""

import asyncio
from urllib.parse import urlsplit

import pytest
from tests.integration.api.conftest import JSON, ServedFarm
from tests.integration.api.test_refusals import assert_problem

from rushlight_api.routes.keys import TOKEN_BODY_MAX_BYTES

NOT_WAITING = {"prefer": "respond-async"}


async def status_line(served: ServedFarm, *lines: str) -> bytes:
    """What a request of these lines is answered, by a client that checks nothing."""
    place = urlsplit(served.url)
    reader, writer = await asyncio.open_connection(place.hostname, place.port)
    writer.write("\r\n".join((*lines, "Connection: close", "", "")).encode())
    try:
        return (await asyncio.wait_for(reader.read(), 10)).split(b"\r\n", 1)[0]
    finally:
        writer.close()


@pytest.mark.parametrize("host", ["[::1", "a[b]", "[]", "evil.example@", "@evil.example"])
async def test_a_host_that_is_none_is_not_this_machine(served: ServedFarm, host: str) -> None:
    assert b" 403 " in await status_line(served, "GET /whoami HTTP/1.1", f"Host: {host}")


@pytest.mark.parametrize("origin", ["http://[x", "http://a[b]", "null", "", "://", "file://"])
async def test_an_origin_that_is_none_is_not_this_machine(served: ServedFarm, origin: str) -> None:
    answer = await served.http.post("/renders", json={}, headers={"origin": origin})

    assert_problem(answer, 403, "forbidden")


@pytest.mark.parametrize("mode", ["no-cors", "cors", "same-origin", "websocket"])
async def test_what_a_page_of_another_site_shows_is_not_from_here(
    served: ServedFarm, mode: str
) -> None:
    headers = {"sec-fetch-site": "cross-site", "sec-fetch-mode": mode}

    assert_problem(await served.http.get("/renders", headers=headers), 403, "forbidden")


@pytest.mark.parametrize("site", ["same-origin", "same-site", "none", "cross-site"])
async def test_a_link_to_the_farm_can_be_followed(served: ServedFarm, site: str) -> None:
    headers = {"sec-fetch-site": site, "sec-fetch-mode": "navigate"}

    assert (await served.http.get("/api-docs", headers=headers)).status_code == 200


async def test_a_page_of_another_site_does_not_learn_what_addresses_there_are(
    served: ServedFarm,
) -> None:
    answer = await served.http.get("/nowhere", headers={"host": "evil.example"})

    assert_problem(answer, 403, "forbidden")


@pytest.mark.parametrize(
    ("job", "address"),
    [
        ("a%0D%0AX-Evil:%201", "/jobs/a%0D%0AX-Evil%3A%201"),
        ("%E6%97%A5", "/jobs/%E6%97%A5"),
        ("shot%20010", "/jobs/shot%20010"),
        ("a%3Fb%23c", "/jobs/a%3Fb%23c"),
        ("%1B%5B2J", "/jobs/%1B%5B2J"),
    ],
)
async def test_a_jobs_address_fits_into_a_header(
    served: ServedFarm, job: str, address: str
) -> None:
    answer = await served.http.post(f"/jobs/{job}/pause", headers=NOT_WAITING)

    assert answer.status_code == 202
    assert answer.headers["location"] == address
    assert "x-evil" not in answer.headers


async def test_a_batch_says_where_its_job_is(served: ServedFarm) -> None:
    answer = await served.http.post("/renders/batch", json={"jobId": "shot 010", "tasks": [{}]})

    assert answer.headers["location"] == "/jobs/shot%20010"
    assert (await served.http.get(answer.headers["location"])).json()["jobId"] == "shot 010"


@pytest.mark.parametrize("attempt", ["9" * 5000, "%D9%A3", "0x1", "-1", "1e1"])
async def test_what_is_no_number_is_no_attempt(served: ServedFarm, attempt: str) -> None:
    task = await served.submit()
    answer = await served.http.get(f"/renders/{task}/attempts/{attempt}/log")

    assert_problem(answer, 404, "not-found")


async def test_who_is_unknown_cannot_have_much_kept(served: ServedFarm) -> None:
    body = b'{"token": "' + b"x" * TOKEN_BODY_MAX_BYTES + b'"}'
    answer = await served.http.post("/workers/alpha/key", content=body, headers=JSON)

    assert_problem(answer, 413, "body-too-large")


@pytest.mark.parametrize("number", ["1e400", "-1E+400", "9" * 400 + ".0"])
async def test_a_number_that_nobody_can_keep_is_refused(served: ServedFarm, number: str) -> None:
    body = b'{"settings": {"a": [%s]}}' % number.encode()
    answer = await served.http.post("/renders", content=body, headers=JSON)

    [part] = assert_problem(answer, 422, "invalid-request")["errors"]
    assert part == {"pointer": "#/settings/a/0", "detail": "is a number beyond 64 bits"}


@pytest.mark.parametrize("name", ["%00", "a" * 5000, "..", "..%2f..%2fkeys.sqlite3", "%ff", "a/b"])
async def test_what_no_page_is_called_is_not_looked_for(served: ServedFarm, name: str) -> None:
    line = f"GET /api-docs/assets/{name} HTTP/1.1"

    assert b" 404 " in await status_line(served, line, "Host: 127.0.0.1")


@pytest.mark.parametrize(
    "time", ["2030-01-01", "2030-01-01T00:00:00", 10_000_000_000, "1e10", True, "soon", ""]
)
async def test_a_key_ends_at_a_time_that_is_written_out(served: ServedFarm, time: object) -> None:
    body = {"name": "ann", "role": "admin", "expiresAt": time}

    assert_problem(await served.http.post("/keys", json=body), 400, "invalid-request")


async def test_a_key_may_end_when_the_calendar_does(served: ServedFarm) -> None:
    body = {"name": "ann", "role": "admin", "expiresAt": "9999-12-31T23:59:59-14:00"}

    made = await served.json("POST", "/keys", body, status=201)
    assert made["expiresAt"].startswith("9999-01-01")
