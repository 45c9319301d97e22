"""The farm's state as one document, to start from without folding the whole log.

Taken between rounds. It names the round and the chain's digest that it was taken at; whoever loads
it compares them with the log, and folds everything if they differ.
"""

from typing import Any

from rushlight.domain.base import EVENTS
from rushlight.domain.farm import Farm
from rushlight.domain.task import Task
from rushlight.domain.term import TERM_STREAM, RoundClosed, TakenOver, Term
from rushlight.domain.worker import Worker

# 2: tasks know who submitted them.
FORMAT = 2

Document = dict[str, Any]


def save(farm: Farm) -> Document:
    """The state after a round; JSON values only."""
    idle = [worker_id for workers in farm.idle.values() for worker_id in workers]
    others = [worker_id for worker_id, worker in farm.workers.items() if not worker.idle]
    return {
        "format": FORMAT,
        "events": sorted(f"{topic} {event.VERSION}" for topic, event in EVENTS.items()),
        "term": {
            "version": farm.term.version,
            "rounds": farm.term.rounds,
            "owner": farm.term.owner,
            "now": farm.term.now.isoformat(),
            "settings": farm.term.settings,
            "digest": farm.term.digest,
        },
        "submitted": farm.submitted,
        "tasks": [task.row() for task in farm.tasks.values()],
        # In the order in which they became idle: the index keeps it.
        "workers": [farm.workers[worker_id].row() for worker_id in others + idle],
    }


def restore(document: Document, closed: RoundClosed) -> Farm | None:
    """The farm as it was after the round ``closed``; None: not made at this round, or otherwise.

    The state's form goes with the events that this program knows; a document of another program is
    not trusted.
    """
    known = sorted(f"{topic} {event.VERSION}" for topic, event in EVENTS.items())
    if document.get("format") != FORMAT or document.get("events") != known:
        return None
    term = document["term"]
    if (term["version"], term["digest"]) != (closed.originator_version, closed.digest):
        return None
    farm = Farm()
    owner = _taken_over(term, closed)
    farm.apply(owner)
    farm.term = _term(term, closed)
    farm.submitted = document["submitted"]
    for row in document["tasks"]:
        farm.admit(Task.load(row))
    for row in document["workers"]:
        farm.admit_worker(Worker.load(row))
    return farm


def _taken_over(term: Document, closed: RoundClosed) -> TakenOver:
    """Puts the settings in force, as the log's own event would."""
    return TakenOver(
        originator_id=TERM_STREAM,
        originator_version=1,
        timestamp=closed.timestamp,
        principal=closed.principal,
        command=closed.command,
        owner=term["owner"],
        settings=term["settings"],
    )


def _term(document: Document, closed: RoundClosed) -> Term:
    term = Term.blank(TERM_STREAM)
    term.version = document["version"]
    term.rounds = document["rounds"]
    term.owner = document["owner"]
    term.now = closed.now
    term.settings = document["settings"]
    term.digest = document["digest"]
    return term
