"""The OpenAPI document, from what the handlers declare and the models say.

Litestar's own generator documents its own error bodies and lax types; this one takes the schemas
from pydantic as they are. The document is the same on every run.
"""

import re
from collections.abc import Iterator
from typing import Any

from litestar import Litestar
from litestar.routes import HTTPRoute

from rushlight import __version__
from rushlight_api.access import PUBLIC
from rushlight_api.openapi.answers import HEADERS, problem_responses, responses_of
from rushlight_api.openapi.contents import content_of, schemas_of
from rushlight_api.openapi.parameters import SIGNIFICANT, parameters_of
from rushlight_api.operations import Operation

Json = dict[str, Any]
DESCRIPTION = """A render farm: submit tasks, watch them, and let workers take them.

Times are RFC 3339 in UTC, durations in seconds, sizes in bytes. Errors are problem details
(RFC 9457). A change sent with an `Idempotency-Key` takes effect once, however often it is sent.

On a farm with keys every call needs one, but for health and these pages.
"""
TAGS = {
    "renders": "Tasks to render",
    "attempts": "Logs of attempts",
    "jobs": "Tasks that share a job id",
    "workers": "Workers, and work for plain REST workers",
    "agents": "What push agents call",
    "keys": "Keys and enrolment",
    "audit": "The farm as it was",
    "farm": "Commands, events, health, metrics, problems",
}
KEYS: Json = {
    "type": "http",
    "scheme": "bearer",
    "bearerFormat": "rlk_…",
    "description": "A key of the farm. A farm without keys serves its own machine only.",
}


def document(app: Litestar) -> Json:
    """The OpenAPI 3.1 document of the app's declared operations."""
    declared = sorted(declared_in(app), key=lambda one: one[:2])
    paths: Json = {}
    for path, method, handler in declared:
        paths.setdefault(path, {})[method] = _operation(path, handler)
    tags = {one for *_, handler in declared for one in handler.tags}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Rushlight",
            "version": __version__,
            "description": DESCRIPTION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/", "description": "this farm"}],
        "tags": [
            {"name": name, "description": text} for name, text in TAGS.items() if name in tags
        ],
        "paths": paths,
        "components": {
            "securitySchemes": {"key": KEYS},
            "headers": dict(HEADERS),
            "responses": problem_responses(),
            "schemas": schemas_of(handler.opt["operation"] for *_, handler in declared),
        },
    }


def declared_in(app: Litestar) -> Iterator[tuple[str, str, Any]]:
    """Path, method and handler of every operation."""
    for route in app.routes:
        if isinstance(route, HTTPRoute):
            path = SIGNIFICANT.sub(r"{\1}", route.path_format) or "/"
            for method, (handler, _) in route.route_handler_map.items():
                if "operation" in handler.opt and method != "HEAD":
                    yield path, method.lower(), handler


def _operation(path: str, handler: Any) -> Json:
    declared: Operation = handler.opt["operation"]
    summary, _, more = (handler.fn.__doc__ or handler.summary or "").strip().partition("\n")
    said = re.sub(r"\n +", "\n", more).strip()
    found: Json = {
        "operationId": handler.operation_id,
        "tags": list(handler.tags),
        "summary": summary.rstrip("."),
        "description": "\n\n".join(one for one in (said, _who_may(declared)) if one),
        "x-roles": sorted(declared.allowed - PUBLIC),
        "security": [] if declared.allowed is PUBLIC else [{"key": []}],
        "responses": responses_of(handler.operation_id, declared),
    }
    parameters = parameters_of(path, declared)
    if parameters:
        found["parameters"] = parameters
    if declared.bodies:
        found["requestBody"] = _body(declared)
    return found


def _who_may(declared: Operation) -> str:
    if declared.allowed is PUBLIC:
        return "Asks for no key."
    return f"For keys of the roles {', '.join(sorted(declared.allowed))}."


def _body(declared: Operation) -> Json:
    content = content_of(*declared.bodies)
    if declared.examples:
        content[next(iter(content))]["examples"] = {
            re.sub(r"\W+", "-", name): {"summary": name, "value": value}
            for name, value in declared.examples.items()
        }
    return {"required": declared.body_required, "content": content}
