"""What an operation takes beside its body: in the path, behind the question mark, in headers."""

import re
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any

from rushlight.messages.commands import WORKER_ID
from rushlight_api.operations import Media, Operation, contents_of

Json = dict[str, Any]
PATH_PARAMETERS: Mapping[str, Json] = {
    "task_id": {"type": "string", "format": "uuid"},
    "command_id": {"type": "string", "format": "uuid"},
    "key_id": {"type": "string", "examples": ["k7qd3hn2ab"]},
    "worker_id": {"type": "string", "pattern": WORKER_ID, "examples": ["alpha"]},
    "job_id": {"type": "string", "examples": ["shot-010"]},
    "attempt": {"type": "integer", "minimum": 1},
    "code": {"type": "string", "examples": ["not-found"]},
    "frame": {"type": "string", "pattern": "^(still|-?[0-9]{1,10})$", "examples": ["still"]},
}
KEY: Json = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "the same key makes the same change once",
    "schema": {"type": "string", "maxLength": 255, "pattern": "^[!#-~]([ !#-~]*[!#-~])?$"},
}
MATCH: Json = {
    "name": "If-Match",
    "in": "header",
    "description": "the `ETag` that it must still have; 412 if it has changed since",
    "schema": {"type": "string", "pattern": r'^(\*|"[0-9]{1,18}")$', "examples": ['"7"']},
}
NONE_MATCH: Json = {
    "name": "If-None-Match",
    "in": "header",
    "description": "the `ETag` of what is known already; 304 if it still has it",
    "schema": {"type": "string", "pattern": r'^(\*|(W/)?"[!#-~]*")$', "examples": ['"7"']},
}
PREFER: Json = {
    "name": "Prefer",
    "in": "header",
    "description": "`wait=10`: wait so many seconds for the answer at most",
    "schema": {"type": "string", "examples": ["wait=10"]},
}
PREFER_ASYNC: Json = {
    **PREFER,
    "description": "`respond-async`: answer 202 at once; `wait=3`: after so many seconds at most",
    "schema": {"type": "string", "examples": ["respond-async", "wait=3"]},
}
LAST_EVENT_ID: Json = {
    "name": "Last-Event-ID",
    "in": "header",
    "description": "go on after this position (streams only)",
    "schema": {"type": "string", "examples": ["4711"]},
}
SIGNIFICANT = re.compile(r"\{(\w+)(?::\w+)?\}")


def parameters_of(path: str, declared: Operation) -> list[Json]:
    """All parameters of the operation at a path."""
    return [*_in_path(path), *_in_query(declared), *_in_headers(declared)]


def _in_path(path: str) -> Iterator[Json]:
    for name in SIGNIFICANT.findall(path):
        yield {"name": name, "in": "path", "required": True, "schema": PATH_PARAMETERS[name]}


def _in_query(declared: Operation) -> Iterator[Json]:
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


def _in_headers(declared: Operation) -> Iterator[Json]:
    if declared.keyed or declared.commands:
        yield KEY
    if declared.conditional:
        yield MATCH
    if HTTPStatus.NOT_MODIFIED in declared.answers:
        yield NONE_MATCH
    if declared.prefers:
        yield PREFER_ASYNC if declared.commands else PREFER
    if any(Media("text/event-stream") in contents_of(one) for one in declared.answers.values()):
        yield LAST_EVENT_ID
