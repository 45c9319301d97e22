"""What became of a command."""

from typing import Any, Literal
from uuid import UUID

from pydantic import Field

from rushlight.messages.base import Kinds, Message


class Outcome(Message):
    """dispatcher -> whoever asked.

    ``done``: it is on the log (or changed nothing, ``code`` "unchanged"). ``refused``: nothing
    changed, ``code`` and ``detail`` say why (codes of ``rushlight.errors``). ``task_ids`` are the
    tasks that it touched, ``task_id`` and ``attempt`` the answer of a ``RequestTask`` (None: no
    work). ``round`` and ``position`` say where on the log.
    """

    command_id: UUID
    status: Literal["done", "refused"]
    code: str = "done"
    detail: str = ""
    facts: dict[str, Any] = Field(default_factory=dict)
    task_ids: tuple[UUID, ...] = ()
    task_id: UUID | None = None
    attempt: int | None = None
    refused: int = 0
    round: int | None = None
    position: int | None = None


OUTCOME_KINDS = Kinds(Outcome)
