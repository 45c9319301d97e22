"""Requests as models: strict JSON bodies, query parameters, headers; every wrong place is named.

Litestar's own decoding takes ``"50"`` for a number and stops at the first error, so handlers read
through here. Sizes are limited by the routes (``request_max_body_size``) while bytes come in.
"""

import asyncio
import re
from collections.abc import Iterator, Sequence
from math import isinf
from typing import Any, TypeVar, get_args
from uuid import UUID

from litestar import Request
from litestar.exceptions import InternalServerException
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel
from pydantic_core import ErrorDetails, from_json

from rushlight.errors import InvalidRequest, NotFound
from rushlight.messages.commands import WORKER_ID
from rushlight.messages.resources import Body, ErrorPart
from rushlight_api.problems import BodyTooSlow, BodyTypeUnknown, Malformed

SIGNS_OF_BODY = frozenset({"content-length", "transfer-encoding"})
INTEGER_MAX = 2**63 - 1
SHOWN_MAX = 60
Incoming = Request[Any, Any, Any]
B = TypeVar("B", bound=BaseModel)
Q = TypeVar("Q", bound="Query")
# Only a text that holds one of these is looked through for numbers and signs that nobody can keep.
_SUSPECT = re.compile(rb"\d{19}|[eE]\+?\d{3}|\\u0000")


class NoBody(Body):
    """Nothing, or an empty object."""


class Query(BaseModel):
    """What stands behind the question mark; names are camelCase there."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True
    )


async def receive_body(request: Incoming, within_s: float) -> None:
    """Wait for the whole body, if there is one; handlers find it read.

    Raises:
        BodyTooSlow: it has not come within ``within_s``.
        Malformed: the client has gone in the middle; nobody will read this.
        HTTPException: it is too large (413).
    """
    if not SIGNS_OF_BODY & request.headers.keys():
        return
    try:
        async with asyncio.timeout(within_s):
            await whole_body(request)
    except TimeoutError:
        detail = f"the body was not complete within {within_s:g} s"
        raise BodyTooSlow(detail, headers={"Connection": "close"}) from None


async def whole_body(request: Incoming) -> bytes:
    """The body, once it is there.

    Raises:
        Malformed: the client has gone before its end; nobody will read this.
        HTTPException: it is too large (413).
    """
    try:
        return await request.body()
    except InternalServerException as error:
        raise Malformed(f"the request ended early: {error.detail}") from None


async def read_json(request: Incoming) -> Any:
    """The body as JSON values; an empty object where there is none.

    Raises:
        BodyTypeUnknown: it says to be something else than JSON.
        Malformed: it is not JSON.
        InvalidRequest: it holds numbers or signs that nobody can keep.
    """
    raw = await whole_body(request)
    if not raw:
        return {}
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if kind != "application/json":
        raise BodyTypeUnknown(f"send Content-Type: application/json, not {kind or 'none'}")
    try:
        value = from_json(raw, allow_inf_nan=False)
    except ValueError as error:
        raise Malformed(f"the body is not JSON: {error}") from None
    if _SUSPECT.search(raw):
        parts = list(_unfit(value, "#"))
        if parts:
            raise InvalidRequest(_sentence(parts), parts=parts)
    return value


async def read_body(request: Incoming, model: type[B]) -> B:
    """The body as ``model``; no body is an empty object.

    Raises:
        Malformed: with a part for every wrong field.
    """
    return parse(model, await read_json(request))


def parse(model: type[B], value: Any) -> B:
    """JSON values as ``model``.

    Raises:
        Malformed: with a part for every wrong field.
    """
    try:
        return model.model_validate(value)
    except ValidationError as error:
        parts = [_part(fault, model) for fault in error.errors()]
        raise Malformed(_sentence(parts), parts) from None


def _sentence(parts: Sequence[ErrorPart]) -> str:
    shown = "; ".join(f"{part.pointer} {part.detail}" for part in parts[:3])
    more = f"; and {len(parts) - 3} more" if len(parts) > 3 else ""  # noqa: PLR2004
    return shown + more


def _part(fault: ErrorDetails, model: type[BaseModel]) -> ErrorPart:
    path = [part for part in fault["loc"] if part != "[key]"]
    return ErrorPart(pointer=pointer(*path), detail=_what(fault, model))


def senseless(at: str, detail: str) -> InvalidRequest:
    """The form is right, and what stands at the pointer ``at`` makes no sense there."""
    return InvalidRequest(f"{at} {detail}", parts=[ErrorPart(pointer=at, detail=detail)])


def pointer(*path: str | int) -> str:
    """A JSON pointer (RFC 6901) in its URI form."""
    return "#" + "".join(f"/{str(one).replace('~', '~0').replace('/', '~1')}" for one in path)


def _what(fault: ErrorDetails, model: type[BaseModel]) -> str:
    match fault["type"]:
        case "missing":
            return "is required"
        case "extra_forbidden":
            known = ", ".join(_fields_at(model, fault["loc"][:-1]))
            return f"is not known here; known: {known or 'nothing'}"
        case "model_type" | "model_attributes_type":
            return "should be a JSON object"
        case _:
            return f"{_lower(fault['msg'])}, not {_shown(fault['input'])}"


def _lower(text: str) -> str:
    text = text.removeprefix("Value error, ").removeprefix("Input ")
    return text[:1].lower() + text[1:]


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= SHOWN_MAX else text[: SHOWN_MAX - 3] + "..."


def _fields_at(model: type[BaseModel], path: Sequence[str | int]) -> list[str]:
    """The fields that the object at ``path`` may have, by their names on the wire."""
    for name in path:
        if isinstance(name, str):
            inner = next((f for f in model.model_fields.values() if f.alias == name), None)
            found = None if inner is None else _model_in(inner.annotation)
            if found is None:
                return []
            model = found
    return [field.alias or name for name, field in model.model_fields.items()]


def _model_in(annotation: Any) -> type[BaseModel] | None:
    inner = get_args(annotation)
    if not inner and isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for one in inner if (found := _model_in(one))), None)


def _unfit(value: Any, at: str) -> Iterator[ErrorPart]:
    """Numbers beyond 64 bits and the sign NUL: no database keeps them."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _unfit(name, at)
            yield from _unfit(inner, at + pointer(name)[1:])
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _unfit(inner, f"{at}/{index}")
    elif isinstance(value, int) and abs(value) > INTEGER_MAX:
        yield ErrorPart(pointer=at, detail="is an integer beyond 64 bits")
    elif isinstance(value, float) and isinf(value):
        yield ErrorPart(pointer=at, detail="is a number beyond 64 bits")
    elif isinstance(value, str) and "\x00" in value:
        yield ErrorPart(pointer=at, detail="holds the sign NUL (\\u0000)")


def read_query(request: Incoming, model: type[Q]) -> Q:
    """The query parameters as ``model``.

    Raises:
        Malformed: unknown names, wrong values, or a name twice.
    """
    given = request.query_params
    twice = sorted({name for name in given if len(given.getall(name)) > 1})
    if twice:
        raise Malformed(f"query parameter {', '.join(twice)}: given twice")
    try:
        return model.model_validate(dict(given.items()))
    except ValidationError as error:
        lines = [f"query parameter {f['loc'][0]} {_what(f, model)}" for f in error.errors()]
        raise Malformed("; ".join(lines)) from None


def task_id_of(text: str) -> UUID:
    """A task id from a path; what is no UUID cannot be a task's.

    Raises:
        NotFound: it is no UUID.
    """
    return uuid_of(text, "Task not found")


def uuid_of(text: str, otherwise: str) -> UUID:
    """A UUID from a path.

    Raises:
        NotFound: it is none; ``otherwise`` is what to say.
    """
    try:
        return UUID(text)
    except ValueError:
        raise NotFound(otherwise) from None


def worker_id_of(text: str) -> str:
    """A worker's id from a path.

    Raises:
        Malformed: no worker can have that name.
    """
    if re.fullmatch(WORKER_ID, text) is None:
        raise Malformed(
            f"worker id {_shown(text)}: take 1 to 64 letters, digits, hyphens or underscores"
        )
    return text
