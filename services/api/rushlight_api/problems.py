"""Errors as RFC 9457 problem details: the only place that knows which status an error has.

Every error that leaves the API passes here, also those of the framework (unknown route, body too
large) and those that nobody foresaw. ``type`` is ``/problems/<code>``, which the API serves itself.
"""

import math
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any
from uuid import UUID, uuid4

import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException
from pydantic.alias_generators import to_camel

from rushlight.errors import (
    BY_CODE,
    Forbidden,
    InvalidRequest,
    LogError,
    NoAnswer,
    NotFound,
    RateLimited,
    RuleBroken,
    RushlightError,
    Unauthenticated,
    Unavailable,
    VersionMoved,
)
from rushlight.messages.resources import AcceptedResource, ErrorPart, Problem
from rushlight_api.observing import observation

PROBLEM_TYPE = "application/problem+json"
RETRY_AFTER_S = "1"
_log = structlog.get_logger("rushlight.api")

# The first class that the error is one of. The form of a request is ``Malformed``: 400.
STATUSES: tuple[tuple[type[RushlightError], HTTPStatus], ...] = (
    (NotFound, HTTPStatus.NOT_FOUND),
    (Unauthenticated, HTTPStatus.UNAUTHORIZED),
    (Forbidden, HTTPStatus.FORBIDDEN),
    (InvalidRequest, HTTPStatus.UNPROCESSABLE_ENTITY),
    (VersionMoved, HTTPStatus.PRECONDITION_FAILED),
    (RuleBroken, HTTPStatus.CONFLICT),
    (RateLimited, HTTPStatus.TOO_MANY_REQUESTS),
    (Unavailable, HTTPStatus.SERVICE_UNAVAILABLE),
    (LogError, HTTPStatus.SERVICE_UNAVAILABLE),
    (RushlightError, HTTPStatus.INTERNAL_SERVER_ERROR),
)


def title_of(kind: type[RushlightError]) -> str:
    """The first clause of the class's docstring: constant per type, as RFC 9457 asks."""
    return (kind.__doc__ or "").strip().split("\n")[0].split(";")[0].rstrip(".")


# What the framework refuses: status to code and title.
FRAMEWORK: Mapping[int, tuple[str, str]] = {
    400: (InvalidRequest.code, title_of(InvalidRequest)),
    403: (Forbidden.code, title_of(Forbidden)),
    404: (NotFound.code, title_of(NotFound)),
    405: ("method-not-allowed", "This address does not know the method"),
    408: ("request-timeout", "The request came too slowly"),
    413: ("body-too-large", "The body is larger than the server takes"),
    415: ("unsupported-media-type", "The body is not of the type that this address takes"),
    431: ("head-too-large", "The head of the request is larger than the server takes"),
    501: ("not-implemented", "The server does not know this way to send a request"),
    503: (Unavailable.code, title_of(Unavailable)),
    500: ("internal-error", "The server has failed, and the request may be right"),
}


class Malformed(Exception):
    """The form of a request is wrong: not JSON, a wrong type, an unknown field or parameter."""

    def __init__(self, detail: str, parts: Sequence[ErrorPart] = ()) -> None:
        """Say what is wrong, and where: one part per wrong place."""
        super().__init__(detail)
        self.parts = tuple(parts)


class BodyTypeUnknown(HTTPException):
    """The body is of another type than the address takes."""

    status_code = 415


class BodyTooSlow(HTTPException):
    """The body was not there in time."""

    status_code = 408


def status_of(error: RushlightError) -> HTTPStatus:
    """The status that goes with an error."""
    return next(status for kind, status in STATUSES if isinstance(error, kind))


def problem(
    status: int,
    code: str,
    title: str,
    detail: str,
    *,
    parts: Sequence[ErrorPart] = (),
    headers: Mapping[str, str] | None = None,
    facts: Mapping[str, Any] | None = None,
) -> Response[bytes]:
    """One problem as a response."""
    others = {to_camel(name): fact for name, fact in (facts or {}).items()}
    seen = observation()
    if seen is not None:
        seen.problem = code
        others["requestId"] = seen.request_id
    others = {name: fact for name, fact in others.items() if name not in Problem.model_fields}
    body = Problem(
        type=f"/problems/{code}",
        title=title,
        status=status,
        detail=detail,
        errors=list(parts) or None,
        **others,
    )
    return Response(
        body.model_dump_json(by_alias=True, exclude_none=True, fallback=str).encode(),
        status_code=status,
        media_type=PROBLEM_TYPE,
        headers=dict(headers or {}),
    )


def framework_problem(
    status: int, detail: str, headers: Mapping[str, str] | None = None
) -> Response[bytes]:
    """A problem that stands before all rules of the farm: in HTTP itself."""
    code, title = FRAMEWORK[status if status in FRAMEWORK else HTTPStatus.BAD_REQUEST]
    again = {"Retry-After": RETRY_AFTER_S} if status == HTTPStatus.SERVICE_UNAVAILABLE else {}
    return problem(status, code, title, detail, headers={**again, **(headers or {})})


def _on_deliberate(request: Request[Any, Any, Any], error: RushlightError) -> Response[bytes]:
    if isinstance(error, NoAnswer) and "command_id" in error.facts:
        return accepted(error.facts["command_id"], error.facts["task_ids"], error.facts["location"])
    status = status_of(error)
    headers = {"Retry-After": RETRY_AFTER_S} if status == HTTPStatus.SERVICE_UNAVAILABLE else {}
    if status == HTTPStatus.INTERNAL_SERVER_ERROR:
        return _on_anything(request, error)
    facts = dict(error.facts)
    if "retry_after_s" in facts:
        headers["Retry-After"] = str(math.ceil(facts.pop("retry_after_s")))
    if "challenge" in facts:
        headers["WWW-Authenticate"] = facts.pop("challenge")
    return problem(
        status,
        error.code,
        title_of(type(error)),
        str(error),
        parts=facts.pop("parts", ()),
        headers=headers,
        facts=facts,
    )


def accepted(command_id: UUID, task_ids: Sequence[UUID], location: str) -> Response[bytes]:
    """202: the farm has the command, and its outcome is not known yet."""
    body = AcceptedResource(command_id=command_id, task_ids=list(task_ids), status="accepted")
    return Response(
        body.model_dump_json(by_alias=True).encode(),
        status_code=HTTPStatus.ACCEPTED,
        media_type="application/json",
        headers={"Location": location, "Link": f'</commands/{command_id}>; rel="monitor"'},
    )


def _on_malformed(_: Request[Any, Any, Any], error: Malformed) -> Response[bytes]:
    code, title = FRAMEWORK[HTTPStatus.BAD_REQUEST]
    return problem(HTTPStatus.BAD_REQUEST, code, title, str(error), parts=error.parts)


def _on_framework(request: Request[Any, Any, Any], error: HTTPException) -> Response[bytes]:
    if error.status_code not in FRAMEWORK or error.status_code == HTTPStatus.INTERNAL_SERVER_ERROR:
        return _on_anything(request, error)
    return framework_problem(error.status_code, _words(request, error), error.headers)


def _words(request: Request[Any, Any, Any], error: HTTPException) -> str:
    """What the framework says in one word, as a sentence that helps."""
    path, method = request.scope["path"], request.method
    match error.status_code:
        case 404:
            return f"There is no {path}: /api-docs/ lists what there is"
        case 405:
            return f"{path} does not know {method}, but {(error.headers or {}).get('allow', '')}"
        case 413:
            return "The body is too large: send less, or split it over several requests"
        case _:
            return error.detail


def _on_anything(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """What nobody foresaw: the log has the whole of it, the client its number."""
    incident = str(uuid4())
    _log.error(
        "request_failed",
        incident=incident,
        method=request.method,
        path=request.scope["path"],
        exc_info=error,
    )
    code, title = FRAMEWORK[HTTPStatus.INTERNAL_SERVER_ERROR]
    return problem(
        HTTPStatus.INTERNAL_SERVER_ERROR,
        code,
        title,
        f"The server failed; its log has the reason under {incident}",
        facts={"incident": incident},
    )


def refusal(code: str, detail: str, facts: Mapping[str, Any]) -> RushlightError:
    """The error that a refused command ends with, from its outcome."""
    kind = BY_CODE.get(code, RuleBroken)
    return kind(detail, **{name: value for name, value in facts.items() if name != "message"})


def text_of(code: str) -> str:
    """What ``/problems/<code>`` says.

    Raises:
        NotFound: there is no such code.
    """
    if code in BY_CODE:
        return (BY_CODE[code].__doc__ or "").strip()
    for known, title in FRAMEWORK.values():
        if known == code:
            return title
    raise NotFound(f"no problem is called {code}")


HANDLERS: dict[int | type[Exception], Any] = {
    RushlightError: _on_deliberate,
    Malformed: _on_malformed,
    HTTPException: _on_framework,
    Exception: _on_anything,
}
