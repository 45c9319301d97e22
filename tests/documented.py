"""Answers held against the OpenAPI document: status, media type, headers and form of each."""

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

import httpx
import jsonschema_rs
from litestar import Litestar

from rushlight_api.main import LARGE, _handlers
from rushlight_api.openapi import document

# Any answer may have these; they speak of the message, not of what it says.
PLAIN_HEADERS = {
    "connection",
    "content-length",
    "content-type",
    "date",
    "transfer-encoding",
    "x-request-id",
}
BASE = "urn:rushlight"
# They know HEAD as well.
PROBES = ("/healthz", "/readyz")


@cache
def the_document() -> Any:
    """The document of this tree; no farm has to run."""
    return document(Litestar([*_handlers(), *LARGE], openapi_config=None))


def resolved(found: Any) -> Any:
    """What a reference leads to, or the thing itself."""
    while "$ref" in found:
        steps = found["$ref"].removeprefix("#/").split("/")
        found = the_document()
        for step in steps:
            found = found[step]
    return found


@cache
def _patterns() -> list[tuple[re.Pattern[str], Any]]:
    """Paths with the fewest parameters first: ``/renders/batch`` is no task."""
    paths = the_document()["paths"]
    ordered = sorted(paths, key=lambda path: path.count("{"))
    return [(re.compile(re.sub(r"\{\w+\}", "[^/]+", path)), paths[path]) for path in ordered]


def operation_at(method: str, path: str) -> Any:
    """The operation that a request goes to; None: there is none."""
    for pattern, item in _patterns():
        if pattern.fullmatch(path.rstrip("/") or "/"):
            probed = method == "HEAD" and path in PROBES
            return item.get("get" if probed else method.lower())
    return None


@cache
def validator(schema: str) -> jsonschema_rs.Validator:
    """Of one schema of the document, by its reference."""
    whole = {**the_document(), "$id": BASE}
    registry = jsonschema_rs.Registry([(BASE, whole)])
    return jsonschema_rs.validator_for({"$ref": f"{BASE}{schema}"}, registry=registry)


def faults_of(answer: httpx.Response) -> list[str]:
    """What the document does not know of an answer that was read; empty: all of it is there."""
    asked = answer.request
    operation = operation_at(asked.method, asked.url.path)
    if operation is None:
        return []
    where = f"{asked.method} {asked.url.path} {answer.status_code}"
    response = operation["responses"].get(str(answer.status_code))
    if response is None:
        return [f"{where}: this status is not documented, {answer.text[:300]}"]
    response = resolved(response)
    known = PLAIN_HEADERS | {name.lower() for name in response.get("headers", {})}
    faults = [
        f"{where}: header {name} is not documented" for name in answer.headers if name not in known
    ]
    if asked.method != "HEAD":
        faults += [f"{where}: {one}" for one in _faults_in_content(answer, response)]
    return faults


def _faults_in_content(answer: httpx.Response, response: Mapping[str, Any]) -> list[str]:
    content = response.get("content", {})
    kind = answer.headers.get("content-type", "").split(";")[0]
    if not content:
        return ["a body that is not documented"] if answer.content else []
    if kind not in content:
        return [f"media type {kind!r} is not documented, but {', '.join(content)}"]
    if not kind.endswith("json"):
        return []
    schema = content[kind]["schema"]
    names = [one["$ref"] for one in schema.get("anyOf", [schema])]
    body = answer.json()
    if any(validator(name).is_valid(body) for name in names):
        return []
    return [
        f"{error.message} at {error.instance_path}"
        for error in validator(names[0]).iter_errors(body)
    ]


async def check_answer(answer: httpx.Response) -> None:
    """For ``event_hooks`` of a client: a test that meets what is not documented fails."""
    streamed = answer.headers.get("content-type", "").startswith("text/event-stream")
    if not streamed:
        await answer.aread()
        faults = faults_of(answer)
        assert faults == [], "\n".join(faults)
