"""Exit codes, and what a command that failed says."""

import json
import sys
from enum import IntEnum
from typing import Any, NoReturn

from rushlight.cli.output import safe
from rushlight.errors import (
    Forbidden,
    InvalidRequest,
    LogDamaged,
    LogError,
    NoAnswer,
    NotFound,
    RuleBroken,
    RushlightError,
    SettingsInvalid,
    Unauthenticated,
    Unavailable,
)


class Exit(IntEnum):
    """What a script may count on."""

    OK = 0
    WORK_FAILED = 1
    USAGE = 2
    NOT_FOUND = 3
    NOT_ALLOWED = 4
    CONFLICT = 5
    UNAVAILABLE = 6
    TIMED_OUT = 7
    AUDIT_MISMATCH = 8
    INTERRUPTED = 130
    PIPE_CLOSED = 141


# The first class that fits counts, so a kind stands before what it is a kind of.
_BY_KIND: tuple[tuple[type[RushlightError], Exit], ...] = (
    (NotFound, Exit.NOT_FOUND),
    (Unauthenticated, Exit.NOT_ALLOWED),
    (Forbidden, Exit.NOT_ALLOWED),
    (InvalidRequest, Exit.USAGE),
    (SettingsInvalid, Exit.USAGE),
    (NoAnswer, Exit.TIMED_OUT),
    (Unavailable, Exit.UNAVAILABLE),
    (RuleBroken, Exit.CONFLICT),
    (LogDamaged, Exit.AUDIT_MISMATCH),
    (LogError, Exit.CONFLICT),
)
# What the farm answered says more than the kind: its log's trouble is, from here, no farm.
_BY_STATUS = {401: Exit.NOT_ALLOWED, 403: Exit.NOT_ALLOWED, 503: Exit.UNAVAILABLE}


def exit_code_of(error: RushlightError) -> Exit:
    """The exit code that stands for an error."""
    status = error.facts.get("status")
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    for kind, code in _BY_KIND:
        if isinstance(error, kind):
            return code
    return Exit.WORK_FAILED


def say_error(error: RushlightError, *, as_json: bool = False) -> None:
    """Print an error on stderr: its text, or with ``as_json`` its problem."""
    if as_json:
        print(json.dumps(problem_of(error), ensure_ascii=False), file=sys.stderr)
        return
    # Some of it may be what others wrote, or whoever answers at that address.
    first, *more = safe(str(error)).splitlines() or [error.code]
    print(f"error: {first}", file=sys.stderr)
    for line in more:
        print(f"  {line}", file=sys.stderr)
    if isinstance(error, Unauthenticated) and "status" in error.facts:
        print("  give a key: --key-file FILE, RUSHLIGHT_KEY_FILE or RUSHLIGHT_KEY", file=sys.stderr)
    if isinstance(error, Unavailable) and "url" in error.facts:
        print("  start a farm with `rushlight up`, or name one with --url", file=sys.stderr)


def problem_of(error: RushlightError) -> dict[str, Any]:
    """The error as a problem: the farm's own where there is one."""
    problem: dict[str, Any] | None = error.facts.get("problem")
    return problem or {"type": error.code, "title": type(error).__name__, "detail": str(error)}


def fail(error: RushlightError, *, as_json: bool = False) -> NoReturn:
    """Say it and exit."""
    say_error(error, as_json=as_json)
    sys.exit(exit_code_of(error))
