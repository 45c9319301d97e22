"""What the agent asks of a renderer: argv, how to read its lines, whether an output is whole.

A renderer is found by the entry point group ``rushlight.renderers``: a class without arguments. It
starts nothing and renames nothing: the agent runs the argv, and moves verified outputs into place.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol
from uuid import UUID

from rushlight.errors import InvalidRequest, RenderFailed
from rushlight.settings import WorkerSettings


@dataclass(frozen=True)
class Work:
    """What is to be rendered, with real paths.

    ``outputs`` has the temporary path of each frame to render (None: the still); ``pattern`` is the
    same path with ``#`` where the frame's number belongs.
    """

    task_id: UUID
    attempt: int
    scene: Path | None
    outputs: Mapping[int | None, Path]
    pattern: Path
    scratch: Path
    worker: WorkerSettings
    settings: Mapping[str, Any] = field(default_factory=dict)
    args: tuple[str, ...] = ()

    @property
    def frames(self) -> tuple[int, ...]:
        """The frames to render, in order; none for a still."""
        return tuple(frame for frame in self.outputs if frame is not None)


@dataclass(frozen=True)
class Invocation:
    """One start of a program; ``outputs`` are those that it has to have written at exit 0."""

    argv: tuple[str, ...]
    outputs: Mapping[int | None, Path]
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: Path | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """What a line says.

    ``fraction`` (0 to 1) is of this invocation; ``saved``: the output of ``frame`` is written and
    may be put into place; it took ``render_s``.
    """

    fraction: float | None = None
    frame: int | None = None
    saved: bool = False
    render_s: float | None = None


class Renderer(Protocol):
    """The port; errors are ``RenderFailed`` (the task's or the worker's) or ``InvalidRequest``."""

    name: str

    def probe(self, settings: WorkerSettings) -> str | None:
        """Its version if it works on this node; may take seconds."""
        ...

    def prepare(self, work: Work) -> Sequence[Invocation]:
        """What to run, one after the other.

        Raises:
            InvalidRequest: the task's settings or args make no sense to this renderer.
            WorkerUnfit: this node lacks something.
        """
        ...

    def read(self, line: str, work: Work) -> Progress | None:
        """What a line of its output says, if anything."""
        ...

    def verify(self, path: Path, work: Work) -> None:
        """Look at one written output.

        Raises:
            OutputInvalid: missing, cut short, or of the wrong size.
        """
        ...

    def explain(
        self, exit_code: int, last_lines: Sequence[str]
    ) -> RenderFailed | InvalidRequest | None:
        """What an exit code other than 0, or minus a signal, means if it means something here."""
        ...
