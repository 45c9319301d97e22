"""What each address takes and answers: handlers carry it, the OpenAPI document shows it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel

from rushlight.messages.base import Message
from rushlight_api.access import Allowed
from rushlight_api.reading import Query


@dataclass(frozen=True, slots=True)
class Media:
    """An answer, or a body, that is not JSON."""

    type: str


Content = type[BaseModel] | Media | None
# Several forms of one answer: the client says which it accepts.
Answer = Content | tuple[Content, ...]


@dataclass(frozen=True, slots=True)
class Operation:
    """The declaration of one operation; several ``bodies`` are alternatives."""

    answers: Mapping[int, Answer]
    allowed: Allowed
    bodies: tuple[type[BaseModel] | Media, ...] = ()
    body_required: bool = False
    query: type[Query] | None = None
    problems: tuple[int, ...] = ()
    keyed: bool = False
    conditional: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)
    examples: Mapping[str, Any] = field(default_factory=dict)
    # Fields of the body that are lists of messages, and what messages.
    messages: Mapping[str, tuple[type[Message], ...]] = field(default_factory=dict)

    @property
    def commands(self) -> bool:
        """It has something decided, and may answer before that is known."""
        return HTTPStatus.ACCEPTED in self.answers

    @property
    def holds(self) -> bool:
        """It can be held until there is something to answer."""
        return self.query is not None and "wait" in self.query.model_fields

    @property
    def prefers(self) -> bool:
        """It looks at the header ``Prefer``."""
        return self.commands or self.holds


def contents_of(answer: Answer) -> tuple[Content, ...]:
    """The forms of an answer."""
    return answer if isinstance(answer, tuple) else (answer,)


def operation(
    operation_id: str,
    tag: str,
    answers: Mapping[int, Answer],
    *,
    allowed: Allowed,
    **declared: Any,
) -> dict[str, Any]:
    """The arguments of a route decorator for that operation; ``allowed`` says who may call it."""
    return {
        "operation_id": operation_id,
        "tags": [tag],
        "opt": {"operation": Operation(answers, allowed, **declared)},
        "status_code": min(answers),
    }
