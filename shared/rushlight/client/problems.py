"""From a problem (RFC 9457) that the farm answered back to the error that it was."""

from typing import Any

import httpx

from rushlight.errors import (
    BY_CODE,
    Forbidden,
    InvalidRequest,
    NotFound,
    RateLimited,
    RuleBroken,
    RushlightError,
    Unauthenticated,
    Unavailable,
)

SHOWN_MAX = 200
_BY_STATUS: dict[int, type[RushlightError]] = {
    400: InvalidRequest,
    401: Unauthenticated,
    403: Forbidden,
    404: NotFound,
    405: InvalidRequest,
    409: RuleBroken,
    412: RuleBroken,
    413: InvalidRequest,
    415: InvalidRequest,
    422: InvalidRequest,
    429: RateLimited,
    503: Unavailable,
}


def error_in(answer: httpx.Response) -> RushlightError:
    """The error that an answer of 4xx or 5xx stands for.

    Its text is the farm's own, with every wrong field; ``facts`` hold ``status`` and ``problem``.
    """
    problem = _problem_in(answer)
    if problem is None:
        return RushlightError(
            f"what answers at {answer.request.url.copy_with(raw_path=b'/')} is no Rushlight farm"
            f" (it said {answer.status_code} {answer.reason_phrase}); give the farm's address",
            status=answer.status_code,
        )
    kind = BY_CODE.get(_code_of(problem)) or _BY_STATUS.get(answer.status_code, RushlightError)
    return kind(_text_of(problem), status=answer.status_code, problem=problem)


def code_and_detail(answer: httpx.Response) -> tuple[str, str]:
    """The stable code and the farm's own text; no code, and some of the answer, if it is another's.

    Lists of wrong fields are in the text.
    """
    problem = _problem_in(answer)
    if problem is None:
        return "", answer.text[:SHOWN_MAX]
    return _code_of(problem), _text_of(problem)


def retry_after_s(answer: httpx.Response) -> float | None:
    """How long the farm wants to be left alone; None: it does not say."""
    try:
        return max(0.0, float(answer.headers["retry-after"]))
    except (KeyError, ValueError):
        return None


def refusal(command: dict[str, Any]) -> RushlightError:
    """The error that a refused command (``GET /commands/{id}``) stands for."""
    kind = BY_CODE.get(command["code"], RuleBroken)
    return kind(command["detail"], command=command)


def _problem_in(answer: httpx.Response) -> dict[str, Any] | None:
    if "json" not in answer.headers.get("content-type", ""):
        return None
    try:
        found = answer.json()
    except ValueError:
        return None
    return found if isinstance(found, dict) and "type" in found else None


def _code_of(problem: dict[str, Any]) -> str:
    return str(problem["type"]).rsplit("/", 1)[-1]


def _text_of(problem: dict[str, Any]) -> str:
    text = str(problem.get("detail") or problem.get("title") or problem["type"])
    parts = problem.get("errors") or ()
    unsaid = [one for one in parts if not (one["pointer"] in text and one["detail"] in text)]
    return "\n".join([text, *(f"{one['pointer']} {one['detail']}" for one in unsaid)])
