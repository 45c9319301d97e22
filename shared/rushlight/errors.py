"""Every deliberate error of Rushlight.

RushlightError
├── NotFound                 no such task, worker, job, command, attempt
│   └── NotHere              there is such an output, but not where the farm's API can see it
├── InvalidRequest           what was asked for makes no sense
│   └── KeyReused            the same Idempotency-Key with another body
├── Unauthenticated          no key that counts came with it
├── Forbidden                whoever asks may not do that
├── RuleBroken               the farm's state forbids it
│   ├── IllegalTransition    a task or worker in this state cannot do that
│   ├── VersionMoved         the task or worker has changed since the version that was expected
│   ├── StaleReport          speaks for an attempt or instance that is not the current one
│   ├── WrongWorker          another worker holds the attempt
│   ├── OutputTaken          a live task already writes that path
│   ├── WorkerNotReady       the worker cannot take a task now
│   ├── WorkerIdTaken        another instance of the worker id may still be alive
│   ├── AdminKeyNeeded       it would leave a farm with keys and without an admin
│   ├── TokenSpent           an enrolment token that was used, or has run out
│   └── NotDue               a timed rule does not (or no longer) hold
├── Unavailable              try again later: nothing was decided
│   ├── BusFull              a queue is at its limit
│   ├── BusClosed            the bus is shutting down
│   ├── Unroutable           nobody has that queue
│   ├── RateLimited          more requests than one principal may send
│   ├── KeysUnavailable      the file of keys cannot be used
│   └── NoAnswer             no outcome within the time
├── LogError                 the event log cannot be used
│   ├── LogInUse             another process has it open
│   ├── LogDamaged           it does not read back as it was written
│   ├── LogConflict          another writer was first: this one's term is over
│   └── LogUnavailable       it does not answer (disk full, gone)
├── SettingsInvalid          a setting is missing or breaks a rule
└── RenderFailed             an attempt did not produce its frames
    ├── SceneMissing         the scene, or a file it needs, is not there
    ├── OutputInvalid        an output is missing, cut short or of the wrong size
    └── WorkerUnfit          this worker cannot render it (no program, disk full, no root)

Each class has a stable ``code``; only the API's ``problems.py`` knows HTTP statuses.
"""

from collections.abc import Mapping
from typing import Any


class RushlightError(Exception):
    """Base of all; the message says what to do."""

    code = "error"

    def __init__(self, message: str, **facts: Any) -> None:
        """Keep the message for people and the facts for programs."""
        super().__init__(message)
        self.facts = facts


class NotFound(RushlightError):
    """There is no such thing."""

    code = "not-found"


class NotHere(NotFound):
    """The output is not where the farm's API can see it; fetch it from its root."""

    code = "not-here"


class InvalidRequest(RushlightError):
    """What was asked for makes no sense; the message names the field and a form that works."""

    code = "invalid-request"


class KeyReused(InvalidRequest):
    """The same ``Idempotency-Key`` came with another body."""

    code = "key-reused"


class Unauthenticated(RushlightError):
    """The farm asks for a key, and none that counts came with the request."""

    code = "unauthenticated"


class Forbidden(RushlightError):
    """Whoever asks may not do that; the message says who may."""

    code = "forbidden"


class RuleBroken(RushlightError):
    """The state of the farm forbids it."""

    code = "rule-broken"


class IllegalTransition(RuleBroken):
    """A task or worker in this state cannot do that."""

    code = "illegal-transition"


class VersionMoved(RuleBroken):
    """It has changed since that version; read it again before you decide."""

    code = "version-moved"


class StaleReport(RuleBroken):
    """It speaks for an attempt or an instance that is not the current one; nothing changed."""

    code = "stale"


class WrongWorker(RuleBroken):
    """Another worker holds the attempt."""

    code = "wrong-worker"


class OutputTaken(RuleBroken):
    """A live task already writes that path."""

    code = "output-taken"


class WorkerNotReady(RuleBroken):
    """The worker cannot take a task now."""

    code = "worker-not-ready"


class WorkerIdTaken(RuleBroken):
    """Another instance of that worker id may still be alive."""

    code = "worker-id-taken"


class NotDue(RuleBroken):
    """A timed rule does not hold, or no longer."""

    code = "not-due"


class AdminKeyNeeded(RuleBroken):
    """It would leave a farm that asks for keys without a key that can manage them."""

    code = "admin-key-needed"


class TokenSpent(RuleBroken):
    """The enrolment token was used already, has run out, or is for another worker."""

    code = "token-spent"


class Unavailable(RushlightError):
    """Nothing was decided; the same request may be tried again."""

    code = "unavailable"


class BusFull(Unavailable):
    """A queue is at its limit."""

    code = "bus-full"


class BusClosed(Unavailable):
    """The bus is shutting down."""

    code = "bus-closed"


class Unroutable(Unavailable):
    """Nobody has the queue that a message was for."""

    code = "unroutable"


class RateLimited(Unavailable):
    """More requests came than one principal may send; wait for ``Retry-After``."""

    code = "rate-limited"


class KeysUnavailable(Unavailable):
    """The file of the farm's keys does not answer, so nobody can be let in."""

    code = "keys-unavailable"


class NoAnswer(Unavailable):
    """No outcome came within the time; the command may still take effect."""

    code = "no-answer"


class LogError(RushlightError):
    """The event log cannot be used."""

    code = "log-error"


class LogInUse(LogError):
    """Another process has the log open."""

    code = "log-in-use"


class LogDamaged(LogError):
    """The log does not read back as it was written."""

    code = "log-damaged"


class LogConflict(LogError):
    """Another writer was first; this one's term is over."""

    code = "log-conflict"


class LogUnavailable(LogError):
    """The log does not answer: disk full, file gone, server away."""

    code = "log-unavailable"


class SettingsInvalid(RushlightError):
    """A setting is missing or breaks a rule."""

    code = "settings-invalid"


class RenderFailed(RushlightError):
    """An attempt did not produce its frames."""

    code = "render-failed"


class SceneMissing(RenderFailed):
    """The scene, or a file that it needs, is not there."""

    code = "scene-missing"


class OutputInvalid(RenderFailed):
    """An output is missing, cut short, or of the wrong size."""

    code = "output-invalid"


class WorkerUnfit(RenderFailed):
    """The failure is this worker's: no such program, disk full, no such root."""

    code = "worker-unfit"


def _kinds(error: type[RushlightError]) -> list[type[RushlightError]]:
    return [error, *(kind for child in error.__subclasses__() for kind in _kinds(child))]


# All of them, each before those that are a kind of it.
BY_CODE: Mapping[str, type[RushlightError]] = {kind.code: kind for kind in _kinds(RushlightError)}
