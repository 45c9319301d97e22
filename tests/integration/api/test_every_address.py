"""Every address against every wrong way to call it: a problem, with the right status."""

import re
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from tests.documented import the_document
from tests.integration.api.conftest import JSON, ServedFarm, serve
from tests.integration.api.test_refusals import ANY, MIB, assert_problem

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "TRACE", "CONNECT", "FOO")
WITH_HEAD = {"/healthz", "/readyz"}
VALUES = {
    "task_id": ANY,
    "command_id": ANY,
    "worker_id": "alpha",
    "job_id": "shot-010",
    "attempt": "1",
    "code": "not-found",
    "frame": "still",
    "key_id": "abcdefghij",
}


@pytest.fixture(scope="module")
async def served(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ServedFarm]:
    """One farm for all: nothing that is sent here changes it."""
    async with serve(tmp_path_factory.mktemp("farm")) as running:
        yield running


def address(path: str) -> str:
    return re.sub(r"\{(\w+)\}", lambda found: VALUES[found[1]], path)


def addresses() -> list[str]:
    return sorted(the_document()["paths"])


def with_bodies(kind: str | None = None) -> list[tuple[str, str]]:
    """Method and path of every operation that takes a body (of that kind)."""
    return [
        (method.upper(), path)
        for path, item in sorted(the_document()["paths"].items())
        for method, operation in item.items()
        if "requestBody" in operation
        and (kind is None or kind in operation["requestBody"]["content"])
    ]


def methods_of(path: str) -> set[str]:
    known = {method.upper() for method in the_document()["paths"][path]}
    return known | ({"HEAD"} if path in WITH_HEAD else set())


@pytest.mark.parametrize("path", addresses())
async def test_a_method_that_an_address_does_not_know(served: ServedFarm, path: str) -> None:
    for method in METHODS:
        if method in methods_of(path):
            continue
        answer = await served.http.request(method, address(path))
        allowed = set(answer.headers["allow"].replace(" ", "").split(","))
        assert allowed - {"OPTIONS"} == methods_of(path), (method, path)
        if method == "HEAD":
            assert (answer.status_code, answer.content) == (405, b"")
        else:
            assert_problem(answer, 405, "method-not-allowed")


@pytest.mark.parametrize("path", addresses())
async def test_options_name_the_methods_of_an_address(served: ServedFarm, path: str) -> None:
    answer = await served.http.options(address(path))
    allowed = set(answer.headers["allow"].replace(" ", "").split(","))

    assert (answer.status_code, allowed - {"OPTIONS"}) == (204, methods_of(path))


@pytest.mark.parametrize(("method", "path"), with_bodies())
async def test_a_body_of_a_wrong_type(served: ServedFarm, method: str, path: str) -> None:
    for kind in ("application/xml", "application/x-www-form-urlencoded", "multipart/form-data"):
        headers = {"content-type": kind}
        answer = await served.http.request(method, address(path), content=b"a=b", headers=headers)
        assert_problem(answer, 415, "unsupported-media-type")


async def pieces(size: int) -> AsyncIterator[bytes]:
    for _ in range(size // MIB + 1):
        yield b" " * MIB


@pytest.mark.parametrize(("method", "path"), with_bodies())
async def test_a_body_that_is_too_large(served: ServedFarm, method: str, path: str) -> None:
    size = max(served.farm.settings.body_max_bytes, served.farm.settings.batch_body_max_bytes)
    for headers in ({"content-length": str(size + 2 * MIB)}, {}):
        answer = await served.http.request(
            method, address(path), content=pieces(size + MIB), headers={**JSON, **headers}
        )
        assert_problem(answer, 413, "body-too-large")


def wrong_json() -> Iterator[bytes]:
    yield from (b"{", b"\xff\xfe", b"nonsense", b"[]", b"null", b'"text"', b"17", b'{"a":1}')


@pytest.mark.parametrize(("method", "path"), with_bodies("application/json"))
async def test_a_body_that_is_not_as_documented(served: ServedFarm, method: str, path: str) -> None:
    for body in wrong_json():
        answer = await served.http.request(method, address(path), content=body, headers=JSON)
        assert_problem(answer, 400, "invalid-request")


@pytest.mark.parametrize("path", addresses())
async def test_a_parameter_that_nobody_knows(served: ServedFarm, path: str) -> None:
    for method in methods_of(path) - {"HEAD"}:
        answer: Any = await served.http.request(method, f"{address(path)}?colour=red")
        assert "colour" in assert_problem(answer, 400, "invalid-request")["detail"], (method, path)


@pytest.mark.parametrize("path", addresses())
async def test_what_lies_below_or_beside_an_address(served: ServedFarm, path: str) -> None:
    for wrong in (f"{address(path)}/x/y/z", f"/v9{address(path)}"):
        assert_problem(await served.http.get(wrong), 404, "not-found")
