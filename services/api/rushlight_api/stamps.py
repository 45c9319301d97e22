"""Who asks, and under which id: what makes a request sent twice one command.

With an ``Idempotency-Key`` the command's id, and the ids of tasks that it submits, follow from
(principal, method, path, key), so the log itself recognises a repetition, however late it comes.
"""

import hashlib
import re
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid5

import orjson
from pydantic import BaseModel
from uuid_utils.compat import uuid7

from rushlight_api.identity import caller_of
from rushlight_api.problems import Malformed
from rushlight_api.reading import Incoming

NAMESPACE = UUID("3c0a8f5e-2d44-4f0b-8c53-72757368ab1e")
_KEY = re.compile(r'"?([\x21\x23-\x7e](?:[\x20\x21\x23-\x7e]{0,253}[\x21\x23-\x7e])?)"?')


def principal_of(request: Incoming) -> str:
    """Who asks, by the name that events carry."""
    return caller_of(request).principal


@dataclass(frozen=True, slots=True)
class Stamp:
    """The identity of one request."""

    principal: str
    command_id: UUID
    digest: str | None
    keyed: bool

    @property
    def fields(self) -> dict[str, Any]:
        """What every command carries."""
        return {
            "command_id": self.command_id,
            "principal": self.principal,
            "digest": self.digest,
        }

    def turn(self, number: int) -> dict[str, Any]:
        """The same for the ``number``-th of several commands that one request makes."""
        if number == 0:
            return self.fields
        again = uuid5(self.command_id, f"turn {number}") if self.keyed else uuid7()
        return {**self.fields, "command_id": again}

    def task_ids(self, count: int) -> list[UUID]:
        """Ids for that many new tasks."""
        if self.keyed:
            return [uuid5(self.command_id, f"task {index}") for index in range(count)]
        return [uuid7() for _ in range(count)]


def stamp_of(request: Incoming, body: BaseModel | None = None) -> Stamp:
    """The identity of ``request`` with its (decoded) body.

    Raises:
        Malformed: the ``Idempotency-Key`` is none.
    """
    principal = principal_of(request)
    key = request.headers.get("idempotency-key")
    if key is None:
        return Stamp(principal, uuid7(), None, keyed=False)
    found = _KEY.fullmatch(key.strip())
    if found is None:
        raise Malformed("header Idempotency-Key: give 1 to 255 printable ASCII signs")
    path = request.scope["path"].rstrip("/")
    scope = "\n".join((principal, request.method, path, found[1]))
    return Stamp(principal, uuid5(NAMESPACE, scope), _digest(body), keyed=True)


def _digest(body: BaseModel | None) -> str:
    """Of the decoded body, so that spaces, the order of fields and given defaults do not matter."""
    plain = {} if body is None else body.model_dump(mode="json", by_alias=True)
    return hashlib.sha256(orjson.dumps(plain, option=orjson.OPT_SORT_KEYS)).hexdigest()
