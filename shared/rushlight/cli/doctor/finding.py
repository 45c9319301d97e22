"""One thing that was looked at, and what came out."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rushlight.settings import ServerSettings, WorkerSettings

Status = Literal["ok", "warn", "fail"]


@dataclass(frozen=True, slots=True)
class Finding:
    """``text`` says what is there; where something is wrong, also what to do."""

    about: str
    status: Status
    text: str


@dataclass(frozen=True, slots=True)
class Patient:
    """What is looked at; ``url`` is the farm's address, ``named`` whether somebody gave it."""

    data: Path
    url: str
    named: bool
    key_file: Path | None
    server: ServerSettings
    worker: WorkerSettings


Look = Callable[[Patient], Iterator[Finding]]


def ok(about: str, text: str) -> Finding:
    """It is as it should be."""
    return Finding(about, "ok", text)


def warn(about: str, text: str) -> Finding:
    """It works, or is not needed here; somebody may want to know."""
    return Finding(about, "warn", text)


def fail(about: str, text: str) -> Finding:
    """Something will not work."""
    return Finding(about, "fail", text)
