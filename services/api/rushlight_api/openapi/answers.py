"""Every answer that an operation can give: its own, and those that stand before all of them."""

from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any

from rushlight.errors import BY_CODE
from rushlight.messages.resources import Problem
from rushlight_api.access import PUBLIC
from rushlight_api.openapi.contents import REF, content_of
from rushlight_api.openapi.links import links_of
from rushlight_api.operations import Operation, contents_of
from rushlight_api.problems import FRAMEWORK, PROBLEM_TYPE, status_of, title_of
from rushlight_api.showing import VERSIONED

Json = dict[str, Any]
# Of any request, at any address.
ALWAYS = (400, 403, 500, 503)
WITH_KEYS = (401, 429)
WITH_BODY = (408, 413, 415)
TEXT: Json = {"type": "string"}
HEADERS: Mapping[str, Json] = {
    "X-Request-Id": {"description": "finds the request in the farm's log", "schema": TEXT},
    "ETag": {"description": "the version of the task or worker", "schema": TEXT},
    "Link": {"description": "`rel=monitor`: where the outcome will be", "schema": TEXT},
    "Location": {"description": "where the thing will be", "schema": TEXT},
    "Preference-Applied": {"description": "what was honoured of `Prefer`", "schema": TEXT},
    "Retry-After": {
        "description": "seconds to wait before the same request may do better",
        "schema": {"type": "integer", "minimum": 0},
    },
    "Vary": {"description": "the request headers that the answer depends on", "schema": TEXT},
    "WWW-Authenticate": {"description": "how to say who asks: with a key", "schema": TEXT},
}


def responses_of(operation_id: str, declared: Operation) -> Json:
    """The responses of one operation, by status."""
    found: Json = {
        str(status): {"$ref": f"#/components/responses/{_name(status)}"}
        for status in problems_of(declared)
    }
    for status, answered in declared.answers.items():
        response: Json = {"description": HTTPStatus(status).phrase}
        headers = dict(_headers(declared, status))
        if headers:
            response["headers"] = headers
        content = content_of(*contents_of(answered))
        if content:
            response["content"] = content
        links = links_of(operation_id, status, declared)
        if links:
            response["links"] = links
        found[str(status)] = response
    return dict(sorted(found.items()))


def problems_of(declared: Operation) -> set[int]:
    """The statuses of the problems that an operation can end with."""
    found = {*ALWAYS, *declared.problems}
    if declared.allowed is not PUBLIC:
        found.update(WITH_KEYS)
    if declared.bodies:
        found.update(WITH_BODY)
    listed = declared.query is not None and "cursor" in declared.query.model_fields
    if declared.bodies or listed:
        found.add(HTTPStatus.UNPROCESSABLE_ENTITY)
    return found - declared.answers.keys()


def _headers(declared: Operation, status: int) -> Iterator[tuple[str, Json]]:
    names = ["X-Request-Id"]
    if status == HTTPStatus.ACCEPTED:
        names += ["Link", "Location"]
    models = contents_of(declared.answers[status])
    if status == HTTPStatus.NOT_MODIFIED or any(
        isinstance(one, type) and issubclass(one, VERSIONED) for one in models
    ):
        names.append("ETag")
    if declared.prefers:
        names += ["Preference-Applied", "Vary"]
    if len(models) > 1:
        names.append("Vary")
    yield from ((name, {"$ref": f"#/components/headers/{name}"}) for name in sorted(names))
    if status == min(declared.answers):
        for name, text in declared.headers.items():
            yield name, {"description": text, "schema": TEXT}


def problem_responses() -> Json:
    """A response for every status that a problem has."""
    return {_name(status): _problem(status) for status in sorted({*FRAMEWORK, *_deliberate()})}


def _deliberate() -> dict[int, dict[str, str]]:
    """Code and title of every deliberate error, by status."""
    found: dict[int, dict[str, str]] = {}
    for code, kind in BY_CODE.items():
        found.setdefault(int(status_of(kind(code))), {})[code] = title_of(kind)
    # What nobody foresaw has one code for all.
    del found[HTTPStatus.INTERNAL_SERVER_ERROR]
    return found


def _name(status: int) -> str:
    return f"Problem{status}"


def _problem(status: int) -> Json:
    titles = dict([FRAMEWORK[status]] if status in FRAMEWORK else ())
    titles |= _deliberate().get(status, {})
    code, title = next(iter(titles.items()))
    names = ["Preference-Applied", "Vary", "X-Request-Id", *_problem_headers(status)]
    return {
        "description": "; ".join(f"`{code}`: {title}" for code, title in titles.items()),
        "headers": {name: {"$ref": f"#/components/headers/{name}"} for name in names},
        "content": {
            PROBLEM_TYPE: {
                "schema": {"$ref": REF.format(model=Problem.__name__)},
                "example": {
                    "type": f"/problems/{code}",
                    "title": title,
                    "status": status,
                    "detail": title,
                },
            }
        },
    }


def _problem_headers(status: int) -> list[str]:
    match status:
        case HTTPStatus.UNAUTHORIZED:
            return ["WWW-Authenticate"]
        case 404 | 409 | 429 | 503:
            return ["Retry-After"]
        case _:
            return []
