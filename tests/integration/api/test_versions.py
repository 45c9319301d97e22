"""``ETag`` and ``If-Match``: a change that was decided on by an old view of the task is refused."""

from typing import Any

import pytest
from tests.integration.api.conftest import ServedFarm
from tests.integration.api.test_refusals import assert_problem

VERBS: list[tuple[str, str, Any]] = [
    ("PATCH", "", {"priority": "RUSH"}),
    ("POST", "/cancel", None),
    ("POST", "/pause", None),
    ("PUT", "/status", {"status": "cancelled"}),
]


@pytest.mark.parametrize(("method", "verb", "body"), VERBS)
async def test_a_task_that_has_changed_since_is_left_alone(
    served: ServedFarm, method: str, verb: str, body: Any
) -> None:
    path = f"/renders/{await served.submit()}"
    old = (await served.http.get(path)).headers["etag"]
    await served.json("PATCH", path, {"priority": "LOW"}, status=200)
    before = await served.json("GET", path, status=200)
    answer = await served.http.request(method, path + verb, json=body, headers={"If-Match": old})

    assert "read it again" in assert_problem(answer, 412, "version-moved")["detail"]
    assert await served.json("GET", path, status=200) == before


@pytest.mark.parametrize(("method", "verb", "body"), VERBS)
async def test_a_task_that_is_as_it_was_is_changed(
    served: ServedFarm, method: str, verb: str, body: Any
) -> None:
    path = f"/renders/{await served.submit()}"
    tag = (await served.http.get(path)).headers["etag"]
    answer = await served.http.request(method, path + verb, json=body, headers={"If-Match": tag})

    assert answer.status_code == 200, answer.text
    assert answer.headers["etag"] != tag


@pytest.mark.parametrize("tag", ["7", 'W/"7"', '"x"', '"1", "2"', ""])
async def test_what_is_no_tag_is_refused(served: ServedFarm, tag: str) -> None:
    path = f"/renders/{await served.submit()}/cancel"
    answer = await served.http.post(path, headers={"If-Match": tag})

    assert "If-Match" in assert_problem(answer, 400, "invalid-request")["detail"]


async def test_a_worker_has_its_version_too(served: ServedFarm) -> None:
    await served.json("PUT", "/workers/w/status", {"status": "ready"}, status=200)
    first = await served.http.get("/workers/w")
    drained = await served.http.post("/workers/w/drain")

    assert first.headers["etag"] == f'"{first.json()["version"]}"'
    assert drained.headers["etag"] != first.headers["etag"]


async def test_a_worker_that_has_changed_since_is_not_drained(served: ServedFarm) -> None:
    await served.json("PUT", "/workers/w/status", {"status": "ready"}, status=200)
    old = {"If-Match": (await served.http.get("/workers/w")).headers["etag"]}
    first = await served.http.post("/workers/w/drain", headers=old)
    second = await served.http.post("/workers/w/undrain", headers=old)

    assert first.status_code == 200
    assert_problem(second, 412, "version-moved")
    assert (await served.json("GET", "/workers/w", status=200))["status"] == "draining"


async def test_what_is_known_already_is_not_sent_again(served: ServedFarm) -> None:
    await served.json("PUT", "/workers/w/status", {"status": "ready"}, status=200)
    for path in (f"/renders/{await served.submit()}", "/workers/w"):
        tag = (await served.http.get(path)).headers["etag"]
        for known in (tag, f"W/{tag}", f'"x", {tag}', "*"):
            answer = await served.http.get(path, headers={"If-None-Match": known})
            assert (answer.status_code, answer.content) == (304, b""), (path, known)
            assert answer.headers["etag"] == tag


async def test_what_has_changed_is_sent(served: ServedFarm) -> None:
    path = f"/renders/{await served.submit()}"
    old = {"If-None-Match": (await served.http.get(path)).headers["etag"]}
    await served.json("PATCH", path, {"priority": "LOW"}, status=200)
    answer = await served.http.get(path, headers=old)

    assert (answer.status_code, answer.json()["priority"]) == (200, "LOW")


@pytest.mark.parametrize("tags", ["7", '"a" "b"', '"a', ""])
async def test_what_is_no_list_of_tags_is_refused(served: ServedFarm, tags: str) -> None:
    path = f"/renders/{await served.submit()}"
    answer = await served.http.get(path, headers={"If-None-Match": tags})

    assert "If-None-Match" in assert_problem(answer, 400, "invalid-request")["detail"]
