"""A Postman collection (v2.1) from the OpenAPI document and the story; the same on every run.

Each request tests its status. What later requests need goes into collection variables. Of scripts
there are two forms only, so that other programs can read them: ``status_test`` and ``keep_line``.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any
from uuid import UUID, uuid5

from rushlight_api.openapi.story import STORY, VARIABLES, Step

Json = dict[str, Any]
SCHEMA = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"
NAMESPACE = UUID("6f1d3f0a-5a0e-4c39-9f0d-2f8d3a7b5c11")
ABOUT = """{description}
Set `baseUrl` to a farm, and `key` to an admin's key if the farm has keys. The requests are in the
order of a story: run the collection from the top. It needs no renderer.
"""
_PARAMETER = re.compile(r"\{(\w+)\}")


def collection(document: Json) -> Json:
    """The collection of the document's operations.

    Raises:
        LookupError: the story has an operation that the document has not, or the other way round.
    """
    operations = dict(_operations(document))
    told = {step.operation_id for steps in STORY.values() for step in steps}
    astray = sorted(told ^ operations.keys())
    if astray:
        raise LookupError(f"story.py and the document do not agree on {', '.join(astray)}")
    info = document["info"]
    return {
        "info": {
            "_postman_id": str(uuid5(NAMESPACE, "collection")),
            "name": info["title"],
            "description": ABOUT.format(description=info["description"]),
            "schema": SCHEMA,
        },
        "item": [_folder(name, steps, operations) for name, steps in STORY.items()],
        "auth": _bearer("key"),
        "variable": [{"key": name, "value": value} for name, value in VARIABLES.items()],
    }


def status_test(status: int) -> str:
    """The test that a request was answered with that status."""
    return f'pm.test("answers {status}", function () {{ pm.response.to.have.status({status}); }});'


def keep_line(variable: str, place: str) -> str:
    """The line that keeps a part of the answer, ``items.0.taskId``, in a variable."""
    steps = "".join(f"[{one}]" if one.isdecimal() else f".{one}" for one in place.split("."))
    return f'pm.collectionVariables.set("{variable}", pm.response.json(){steps});'


def _operations(document: Json) -> Iterator[tuple[str, Json]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            found = {**operation, "path": path, "method": method.upper()}
            yield operation["operationId"], found


def _folder(name: str, steps: tuple[Step, ...], operations: Mapping[str, Json]) -> Json:
    items = [
        _item(f"{name} {number}", step, operations[step.operation_id])
        for number, step in enumerate(steps)
    ]
    return {"id": str(uuid5(NAMESPACE, name)), "name": name, "item": items}


def _item(place: str, step: Step, operation: Json) -> Json:
    lines = [status_test(step.status), *(keep_line(*one) for one in step.keep.items())]
    return {
        "id": str(uuid5(NAMESPACE, place)),
        "name": step.title or re.split("[;:]", operation["summary"])[0],
        "event": [{"listen": "test", "script": {"type": "text/javascript", "exec": lines}}],
        "request": _request(step, operation),
        "response": [],
    }


def _request(step: Step, operation: Json) -> Json:
    found: Json = {
        "method": operation["method"],
        "header": [{"key": name, "value": value} for name, value in step.headers.items()],
        "url": _url(step, operation),
        "description": f"{operation['summary']}.\n\n{operation['description']}",
    }
    if not operation["security"]:
        found["auth"] = {"type": "noauth"}
    elif step.key != "key":
        found["auth"] = _bearer(step.key)
    body = _example(operation) if step.body is None else step.body
    if body is not None:
        kind = next(iter(operation["requestBody"]["content"]))
        found["header"].append({"key": "Content-Type", "value": kind})
        raw = body if isinstance(body, str) else json.dumps(body, indent=2)
        found["body"] = {"mode": "raw", "raw": raw}
    return found


def _url(step: Step, operation: Json) -> Json:
    def named(found: re.Match[str]) -> str:
        name = found[1]
        return step.path.get(name, "{{" + re.sub(r"_(\w)", lambda one: one[1].upper(), name) + "}}")

    path = _PARAMETER.sub(named, operation["path"])
    query = [{"key": name, "value": value} for name, value in step.query.items()]
    asked = "&".join(f"{one['key']}={one['value']}" for one in query)
    found: Json = {
        "raw": f"{{{{baseUrl}}}}{path}" + (f"?{asked}" if asked else ""),
        "host": ["{{baseUrl}}"],
        "path": path.strip("/").split("/"),
    }
    return {**found, "query": query} if query else found


def _example(operation: Json) -> Any:
    content = operation.get("requestBody", {}).get("content", {})
    for media in content.values():
        for example in media.get("examples", {}).values():
            return example["value"]
    return None


def _bearer(variable: str) -> Json:
    return {
        "type": "bearer",
        "bearer": [{"key": "token", "value": f"{{{{{variable}}}}}", "type": "string"}],
    }
