"""The term: one dispatcher's time as the only writer, and the chain of rounds.

Every round ends with one event of the one ``Term`` stream, at the next version: two dispatchers
that both believe they are active collide there, and the loser's round is rolled back whole.
"""

import hashlib
from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from rushlight.domain.base import NAMESPACE, NEVER, FarmAggregate, FarmEvent

TERM_STREAM = uuid5(NAMESPACE, "term")
CHAIN_START = "0" * 64


class Term(FarmAggregate):
    """Where the chain of rounds stands."""

    def start(self) -> None:
        """Before the first ``taken_over``."""
        self.rounds = 0
        self.owner = ""
        self.now = NEVER
        self.settings: dict[str, Any] = {}
        self.digest = CHAIN_START


class TermEvent(FarmEvent):
    """Something about the writer."""


class TakenOver(TermEvent):
    """A dispatcher became the writer, with these settings."""

    TOPIC = "rushlight.term.taken_over"
    owner: str
    settings: dict[str, Any]

    def apply(self, term: Term) -> None:
        """Its term begins."""
        term.owner = self.owner
        term.settings = self.settings


class SettingsChanged(TermEvent):
    """The settings that decisions read have changed."""

    TOPIC = "rushlight.term.settings_changed"
    settings: dict[str, Any]

    def apply(self, term: Term) -> None:
        """From here on they hold."""
        term.settings = self.settings


class RoundClosed(TermEvent):
    """A round ended: what re-deciding it needs beside its events.

    ``events``: how many it has before this one. ``refused``: commands without effect, each as
    ``{command_id, command, principal, task_id, worker_id, attempt, code, detail}``. ``evidence``:
    what timeouts rest on.
    ``asked``: pull workers that asked and got nothing. ``previous`` and ``digest``: the chain.
    """

    TOPIC = "rushlight.term.round_closed"
    number: int
    now: datetime
    events: int
    planner: int
    refused: tuple[dict[str, Any], ...]
    evidence: tuple[dict[str, Any], ...]
    asked: tuple[str, ...]
    previous: str
    digest: str

    def apply(self, term: Term) -> None:
        """The chain is one longer."""
        term.rounds = self.number
        term.now = self.now
        term.digest = self.digest


Stored = tuple[str, UUID, int, bytes]


def chain(previous: str, events: Iterable[Stored], closing: bytes) -> str:
    """SHA-256 over the digest before, each stored event, and the closing event without its own."""
    digest = hashlib.sha256(previous.encode())
    for topic, stream, version, state in events:
        digest.update(b"%s %s %d %d\n" % (topic.encode(), stream.bytes, version, len(state)))
        digest.update(state)
    digest.update(closing)
    return digest.hexdigest()


def closing_bytes(event: RoundClosed) -> bytes:
    """What of the closing event goes into its own digest."""
    return event.model_copy(update={"digest": ""}).encode()
