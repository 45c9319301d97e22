"""The documentation: complete, true, and without a word from elsewhere."""

import re
from typing import Any

import pytest
from litestar.routes import HTTPRoute
from tests.integration.api.conftest import ServedFarm

UNDOCUMENTED = {"/", "/api-docs", "/api-docs/start.js", "/api-docs/openapi.json"}


@pytest.fixture
async def document(served: ServedFarm) -> Any:
    return await served.json("GET", "/api-docs/openapi.json", status=200)


def operations(document: Any) -> list[tuple[str, str, Any]]:
    return [
        (path, method, operation)
        for path, item in document["paths"].items()
        for method, operation in item.items()
    ]


async def test_every_address_is_documented(served: ServedFarm, document: Any) -> None:
    served_paths = {
        (re.sub(r":\w+}", "}", route.path_format) or "/", method.lower())
        for route in served.parts.app.routes
        if isinstance(route, HTTPRoute)
        for method in route.methods
        if method not in ("OPTIONS", "HEAD") and not route.path.startswith("/api-docs/assets")
    }

    documented = {(path, method) for path, method, _ in operations(document)}
    assert {one for one in served_paths if one[0] not in UNDOCUMENTED} == documented


async def test_every_operation_says_what_it_is_and_what_it_answers(document: Any) -> None:
    ids = [operation["operationId"] for _, _, operation in operations(document)]

    assert len(set(ids)) == len(ids)
    for path, method, operation in operations(document):
        where = (path, method)
        assert operation["summary"], where
        assert operation["tags"], where
        assert any(status.startswith("2") for status in operation["responses"]), where
        assert "500" in operation["responses"], where


async def test_what_is_changed_with_a_body_comes_with_an_example(document: Any) -> None:
    for path, method, operation in operations(document):
        body = operation.get("requestBody", {}).get("content", {}).get("application/json")
        if body is not None and body["schema"].get("$ref", "").rsplit("/", 1)[-1] not in (
            "NoBody",
            "ReportsBody",
        ):
            assert body["examples"], (path, method)


async def test_every_example_of_a_body_is_taken(served: ServedFarm, document: Any) -> None:
    await served.submit()
    for name in ("/renders", "/renders/batch"):
        content = document["paths"][name]["post"]["requestBody"]["content"]
        for example in content["application/json"]["examples"].values():
            await served.json("POST", name, example["value"], status=201)


async def test_every_reference_leads_somewhere(document: Any) -> None:
    def references(value: Any) -> list[str]:
        if isinstance(value, dict):
            found = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
            return found + [one for inner in value.values() for one in references(inner)]
        if isinstance(value, list):
            return [one for inner in value for one in references(inner)]
        return []

    parts = document["components"]
    there = {f"#/components/{kind}/{name}" for kind, named in parts.items() for name in named}
    assert set(references(document)) <= there


async def test_the_names_on_the_wire_are_those_of_the_document(document: Any) -> None:
    task = document["components"]["schemas"]["TaskResource"]["properties"]

    assert {"taskId", "creationTime", "estimatedRenderTime", "retryAt"} <= set(task)
    assert not [name for name in task if "_" in name]


async def test_the_page_and_all_that_it_loads_come_from_the_farm(served: ServedFarm) -> None:
    page = await served.http.get("/api-docs/")
    links = re.findall(r'(?:src|href)="([^"]+)"', page.text)

    assert page.status_code == 200
    assert "://" not in page.text
    assert "default-src 'self'" in page.headers["content-security-policy"]
    for link in links:
        if not link.startswith("data:"):
            assert (await served.http.get(link)).status_code == 200, link


async def test_the_bare_address_leads_to_the_documentation(served: ServedFarm) -> None:
    answer = await served.http.get("/")

    assert answer.headers["location"] == "/api-docs/"


async def test_every_answer_is_of_its_documented_form(served: ServedFarm, document: Any) -> None:
    """The fields that are answered are exactly those of the schema that the document names."""
    task_id = await served.submit()
    await served.json("PUT", "/workers/w/status", {"status": "ready"}, status=200)
    paths = {
        "/renders/{task_id}": f"/renders/{task_id}",
        "/renders": "/renders",
        "/renders/{task_id}/why": f"/renders/{task_id}/why",
        "/renders/{task_id}/events": f"/renders/{task_id}/events",
        "/workers/{worker_id}": "/workers/w",
        "/workers/{worker_id}/why": "/workers/w/why",
        "/readyz": "/readyz",
    }
    for path, address in paths.items():
        content = document["paths"][path]["get"]["responses"]["200"]["content"]
        name = content["application/json"]["schema"]["$ref"].rsplit("/", 1)[-1]
        found = await served.json("GET", address, status=200)
        assert set(found) == set(document["components"]["schemas"][name]["properties"]), path
