"""The rules of the farm, pure and synchronous: what a command does, what goes where, what is due.

Importing this registers all stored names in ``EVENTS``.
"""

from rushlight.domain import task_events, term, worker
from rushlight.domain.base import EVENTS, FarmEvent
from rushlight.domain.deciding import decide_round
from rushlight.domain.farm import Farm
from rushlight.domain.round import Result, Round

__all__ = [
    "EVENTS",
    "Farm",
    "FarmEvent",
    "Result",
    "Round",
    "decide_round",
    "task_events",
    "term",
    "worker",
]
