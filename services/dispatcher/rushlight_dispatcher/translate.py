"""Between what is said on the bus and the domain's own terms."""

from collections.abc import Iterable
from typing import Any

from rushlight.domain import commands as domain
from rushlight.domain.round import Result
from rushlight.messages import commands as messages
from rushlight.messages.outcomes import Outcome

_DOMAIN: dict[str, type[domain.Command]] = {
    cls.kind(): getattr(domain, cls.kind()) for cls in messages.COMMANDS
}


def to_domain(message: messages.Command) -> domain.Command:
    """The command that a message asks for."""
    fields = message.model_dump()
    fields.pop("digest")
    if isinstance(message, messages.SubmitTasks):
        fields["tasks"] = tuple(domain.TaskSpec(**task) for task in fields["tasks"])
    if fields.get("capabilities") is not None:
        fields["capabilities"] = domain.Capabilities(**fields["capabilities"])
    return _DOMAIN[message.kind()](**fields)


def to_outcome(result: Result, *, round_number: int | None, position: int | None) -> Outcome:
    """What is answered to whoever asked."""
    return Outcome(
        command_id=result.command.command_id,
        status="done" if result.ok else "refused",
        code=result.code,
        detail=result.detail,
        facts=result.facts,
        task_ids=result.task_ids,
        task_id=result.task_id,
        attempt=result.attempt,
        refused=result.refused,
        round=round_number,
        position=position,
    )


def tasks_named(message: messages.Command) -> Iterable[Any]:
    """Ids of the tasks that a command speaks of."""
    if isinstance(message, messages.SubmitTasks):
        return [task.task_id for task in message.tasks]
    return [
        task_id
        for name in ("task_id", "for_task_id")
        if (task_id := getattr(message, name, None)) is not None
    ]
