"""The OpenAPI document, from what the handlers declare and the models say.

Litestar's own generator documents its own error bodies and lax types; this one takes the schemas
from pydantic as they are. The document is the same on every run.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from http import HTTPStatus
from typing import Any

from litestar import Litestar
from litestar.routes import HTTPRoute
from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from rushlight import __version__
from rushlight.messages.base import Message
from rushlight.messages.commands import WORKER_ID
from rushlight.messages.resources import Problem
from rushlight_api.operations import Content, Media, Operation
from rushlight_api.problems import FRAMEWORK, PROBLEM_TYPE

Json = dict[str, Any]
REF = "#/components/schemas/{model}"
DESCRIPTION = """A render farm: submit tasks, watch them, and let workers take them.

Times are RFC 3339 in UTC, durations in seconds, sizes in bytes. Errors are problem details
(RFC 9457). A change sent with an `Idempotency-Key` takes effect once, however often it is sent.
"""
TAGS = {
    "renders": "Tasks to render",
    "attempts": "Logs of attempts",
    "jobs": "Tasks that share a job id",
    "workers": "Workers, and work for plain REST workers",
    "agents": "What push agents call",
    "farm": "Commands, health, problems",
}
PATH_PARAMETERS: Mapping[str, Json] = {
    "task_id": {"type": "string", "format": "uuid"},
    "command_id": {"type": "string", "format": "uuid"},
    "worker_id": {"type": "string", "pattern": WORKER_ID, "examples": ["alpha"]},
    "job_id": {"type": "string", "examples": ["shot-010"]},
    "attempt": {"type": "integer", "minimum": 1},
    "code": {"type": "string", "examples": ["not-found"]},
}
KEY_PARAMETER: Json = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "the same key makes the same change once",
    "schema": {"type": "string", "maxLength": 255, "pattern": "^[!#-~]([ !#-~]*[!#-~])?$"},
}
MATCH_PARAMETER: Json = {
    "name": "If-Match",
    "in": "header",
    "description": "the `ETag` that the task must still have; 412 if it has changed since",
    "schema": {"type": "string", "examples": ['"7"']},
}
_SIGNIFICANT = re.compile(r"\{(\w+)(?::\w+)?\}")


def document(app: Litestar) -> Json:
    """The OpenAPI 3.1 document of the app's declared operations."""
    declared = sorted(_declared(app), key=lambda one: one[:2])
    paths: Json = {}
    for path, method, handler in declared:
        paths.setdefault(path, {})[method] = _operation(path, handler)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Rushlight",
            "version": __version__,
            "description": DESCRIPTION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/", "description": "this farm"}],
        "tags": [{"name": name, "description": text} for name, text in TAGS.items()],
        "paths": paths,
        "components": {"schemas": _schemas(handler.opt["operation"] for *_, handler in declared)},
    }


def _declared(app: Litestar) -> Iterator[tuple[str, str, Any]]:
    for route in app.routes:
        if isinstance(route, HTTPRoute):
            path = _SIGNIFICANT.sub(r"{\1}", route.path_format) or "/"
            for method, (handler, _) in route.route_handler_map.items():
                if "operation" in handler.opt and method != "HEAD":
                    yield path, method.lower(), handler


def _operation(path: str, handler: Any) -> Json:
    declared: Operation = handler.opt["operation"]
    summary, _, more = (handler.fn.__doc__ or handler.summary or "").strip().partition("\n")
    found: Json = {
        "operationId": handler.operation_id,
        "tags": list(handler.tags),
        "summary": summary.rstrip("."),
        "responses": _responses(declared),
    }
    if more.strip():
        found["description"] = re.sub(r"\n +", "\n", more).strip()
    parameters = [*_path_parameters(path), *_query_parameters(declared)]
    if declared.keyed:
        parameters.append(KEY_PARAMETER)
    if declared.conditional:
        parameters.append(MATCH_PARAMETER)
    if parameters:
        found["parameters"] = parameters
    if declared.bodies:
        found["requestBody"] = _body(declared)
    return found


def _path_parameters(path: str) -> Iterator[Json]:
    for name in _SIGNIFICANT.findall(path):
        yield {"name": name, "in": "path", "required": True, "schema": PATH_PARAMETERS[name]}


def _query_parameters(declared: Operation) -> Iterator[Json]:
    if declared.query is None:
        return
    schema = declared.query.model_json_schema(by_alias=True)
    required = schema.get("required", ())
    for name, field in schema["properties"].items():
        rest = {key: value for key, value in field.items() if key not in {"description", "title"}}
        parameter: Json = {"name": name, "in": "query", "schema": rest}
        if "description" in field:
            parameter["description"] = field["description"]
        if name in required:
            parameter["required"] = True
        yield parameter


def _body(declared: Operation) -> Json:
    content = [_content(one) for one in declared.bodies]
    kind = next(iter(content[0]))
    schemas = [next(iter(one.values()))["schema"] for one in content]
    media: Json = {"schema": schemas[0] if len(schemas) == 1 else {"anyOf": schemas}}
    if declared.examples:
        media["examples"] = {
            re.sub(r"\W+", "-", name): {"summary": name, "value": value}
            for name, value in declared.examples.items()
        }
    return {"required": declared.body_required, "content": {kind: media}}


def _content(one: Content) -> Json:
    if isinstance(one, Media):
        return {one.type: {"schema": {"type": "string"}}}
    if one is None:
        return {}
    return {"application/json": {"schema": {"$ref": REF.format(model=one.__name__)}}}


def _responses(declared: Operation) -> Json:
    found: Json = {}
    for status, content in declared.answers.items():
        response: Json = {"description": HTTPStatus(status).phrase}
        if content is not None:
            response["content"] = _content(content)
        found[str(status)] = response
    first = str(min(declared.answers))
    if declared.headers:
        found[first]["headers"] = {
            name: {"description": text, "schema": {"type": "string"}}
            for name, text in declared.headers.items()
        }
    for status in sorted({*declared.problems, 500} - declared.answers.keys()):
        found[str(status)] = _problem(status)
    return dict(sorted(found.items()))


def _problem(status: int) -> Json:
    phrase = HTTPStatus(status).phrase
    code, title = FRAMEWORK.get(status, ("", ""))
    media: Json = {"schema": {"$ref": REF.format(model=Problem.__name__)}}
    if code:
        example = {"type": f"/problems/{code}", "title": title, "status": status, "detail": title}
        media["example"] = example
    return {"description": phrase, "content": {PROBLEM_TYPE: media}}


def _schemas(declared: Iterable[Operation]) -> Json:
    models: dict[type[BaseModel], JsonSchemaMode] = {Problem: "serialization"}
    for one in declared:
        models |= dict.fromkeys(_models(one.answers.values()), "serialization")
        models |= dict.fromkeys(_models(one.bodies), "validation")
    ordered = sorted(models.items(), key=lambda pair: pair[0].__name__)
    _, schema = models_json_schema(ordered, by_alias=True, ref_template=REF)
    found = schema["$defs"]
    for model in models:
        if issubclass(model, Message):
            _name_kind(found[model.__name__], model)
    return dict(sorted(found.items()))


def _name_kind(schema: Json, message: type[Message]) -> None:
    """Messages carry their kind and version on the wire."""
    named = {"kind": {"const": message.kind()}, "version": {"const": message.version}}
    schema["properties"] = {**named, **schema["properties"]}
    schema["required"] = [*named, *schema.get("required", ())]


def _models(contents: Iterable[Content]) -> list[type[BaseModel]]:
    return [one for one in contents if isinstance(one, type)]
