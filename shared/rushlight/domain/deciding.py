"""Deciding commands in a round: reports and requests first, then timed ones, then placement."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from rushlight.domain.commands import Command, RequestTask, TimeoutWorker, is_timed
from rushlight.domain.decide import decide
from rushlight.domain.farm import Farm
from rushlight.domain.round import Result, Round
from rushlight.errors import RushlightError


def decide_round(farm: Farm, commands: Sequence[Command], now: datetime) -> Round:
    """Decide commands in one whole round.

    The farm has been changed when this returns; if the round cannot be written, throw it away.
    """
    current = Round(farm, now)
    decide_all(current, commands)
    current.close()
    return current


def decide_all(current: Round, commands: Iterable[Command]) -> None:
    """Decide commands, then place waiting tasks; the round stays open."""
    for command in sorted(commands, key=is_timed):
        current.results.append(decide_one(current, command))
    current.place()


def decide_one(current: Round, command: Command) -> Result:
    """Decide one command; a refusal leaves the farm as it was."""
    current.caused_by(command)
    try:
        result = decide(current, command)
    except RushlightError as error:
        return Result(command, error.code, str(error), error.facts, ok=False)
    if isinstance(command, RequestTask) and result.task_id is None:
        current.asking.setdefault(command.worker_id, []).append(result)
    if isinstance(command, TimeoutWorker) and command.last_heartbeat is not None:
        current.evidence.append(
            {
                "worker_id": command.worker_id,
                "instance": command.instance,
                "last_heartbeat": command.last_heartbeat.isoformat(),
                "sequence": command.sequence,
            }
        )
    return result
