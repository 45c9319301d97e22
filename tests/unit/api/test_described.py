"""The files that describe the API: as the code makes them, and true to their own schemas."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from litestar import Litestar
from tests.documented import BASE, the_document, validator
from tests.postman_runner import read

from rushlight_api.main import all_handlers
from rushlight_api.openapi.files import files
from rushlight_api.openapi.story import STORY

DOCS = Path(__file__).resolve().parents[3] / "docs"


@cache
def made() -> Any:
    return files(Litestar(all_handlers(), openapi_config=None))


@pytest.mark.parametrize("name", ["openapi.json", "postman.json"])
def test_the_file_is_as_the_code_makes_it(name: str) -> None:
    same = (DOCS / name).read_bytes() == made()[name]

    assert same, f"docs/{name} is not what the code says: run `make api-docs`"


def test_the_story_has_every_operation() -> None:
    told = {step.operation_id for steps in STORY.values() for step in steps}

    assert told == {operation["operationId"] for _, _, operation in operations()}


def test_every_request_of_the_collection_tests_its_status() -> None:
    for folder in read()["item"]:
        for item in folder["item"]:
            [event] = item["event"]
            assert "to.have.status" in event["script"]["exec"][0], item["name"]


def operations() -> Iterator[tuple[str, str, Any]]:
    for path, item in the_document()["paths"].items():
        for method, operation in item.items():
            yield path, method, operation


def test_every_example_of_a_body_is_valid() -> None:
    for path, _, operation in operations():
        content = operation.get("requestBody", {}).get("content", {})
        for media in content.values():
            for example in media.get("examples", {}).values():
                names = [one["$ref"] for one in media["schema"].get("anyOf", [media["schema"]])]
                assert any(validator(name).is_valid(example["value"]) for name in names), path


def test_every_example_of_a_parameter_is_valid() -> None:
    for path, _, operation in operations():
        for parameter in operation.get("parameters", ()):
            for example in parameter["schema"].get("examples", ()):
                assert jsonschema_rs.is_valid(parameter["schema"], example), (path, example)


def test_every_example_of_a_problem_is_valid() -> None:
    for response in the_document()["components"]["responses"].values():
        [media] = response["content"].values()
        validator(media["schema"]["$ref"]).validate(media["example"])


def examples_in(schema: Any) -> Iterator[tuple[Any, Any]]:
    """Every example with the schema that it stands in."""
    inner = schema if isinstance(schema, list) else []
    if isinstance(schema, dict):
        inner = list(schema.values())
        if isinstance(schema.get("examples"), list):
            yield from ((schema, one) for one in schema["examples"])
    for one in inner:
        yield from examples_in(one)


def test_every_example_in_a_schema_is_valid() -> None:
    registry = jsonschema_rs.Registry([(BASE, {**the_document(), "$id": BASE})])
    found = list(examples_in(the_document()["components"]["schemas"]))
    for schema, example in found:
        if "$ref" not in str(schema):
            jsonschema_rs.validator_for(schema, registry=registry).validate(example)
    assert found


def test_every_link_leads_to_an_operation_with_its_parameters() -> None:
    known = {operation["operationId"]: (path, operation) for path, _, operation in operations()}
    links = [
        link
        for _, _, operation in operations()
        for response in operation["responses"].values()
        for link in response.get("links", {}).values()
    ]
    for link in links:
        path, _ = known[link["operationId"]]
        assert all(f"{{{name}}}" in path for name in link["parameters"]), link
    assert len(links) > 30


def test_every_operation_says_who_may_call_it() -> None:
    for path, method, operation in operations():
        where = (path, method)
        assert bool(operation["x-roles"]) == bool(operation["security"]), where
        assert "401" in operation["responses"] or not operation["security"], where
