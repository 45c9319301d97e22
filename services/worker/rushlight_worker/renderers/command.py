"""Any program that the worker's settings name (``programs``: name to argv); never a shell.

Task settings: ``program`` (a name), optionally ``progress`` (a regular expression with a group for
percent, or the groups ``done`` and ``total``), ``width`` and ``height`` (checked if the output is a
picture). Task args follow the program's argv. In both, ``{frame} {first} {last} {output} {scene}
{threads}`` are filled in; with ``{frame}`` or ``{output}`` the program runs once per frame, else
once for all. The same stands in the environment, as ``RUSHLIGHT_FRAME`` and so on; a program that
runs once finds the pattern of its outputs in ``RUSHLIGHT_OUTPUT_PATTERN``.
"""

import os
import re
import shutil
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from rushlight.errors import InvalidRequest, RenderFailed, WorkerUnfit
from rushlight.settings import WorkerSettings
from rushlight_worker.renderers.lines import fraction, read_line
from rushlight_worker.renderers.pictures import check_file, check_picture, is_picture
from rushlight_worker.renderers.port import Invocation, Progress, Work

VERSION = "1"
_SETTINGS = {"program", "progress", "width", "height"}
_PLACE = re.compile(r"\{(frame|first|last|output|scene|threads)\}")
_PER_FRAME = re.compile(r"\{(frame|output)\}")
PATTERN_MAX = 200
# A task's own expression meets no more of a line: it cannot take long over it.
LINE_MAX = 500


class CommandRenderer:
    """Runs programs that this worker's settings name."""

    name = "command"

    def probe(self, settings: WorkerSettings) -> str | None:
        """Offered if at least one of the programs is there."""
        found = any(_executable(argv) for argv in settings.programs.values())
        return VERSION if found else None

    def prepare(self, work: Work) -> Sequence[Invocation]:
        """One run per frame, or one for all, as the argv says."""
        argv = (*_program(work), *work.args)
        _check_settings(work.settings)
        if not work.frames or not any(_PER_FRAME.search(part) for part in argv):
            return [_invocation(argv, work, work.outputs)]
        return [_invocation(argv, work, {frame: path}) for frame, path in work.outputs.items()]

    def read(self, line: str, work: Work) -> Progress | None:
        """Our own lines, OpenJD's, or what the task's expression finds."""
        expression = work.settings.get("progress")
        return read_line(line) or (_found(str(expression), line) if expression else None)

    def verify(self, path: Path, work: Work) -> None:
        """A picture must be whole and of the size that the task asks for; else: not empty."""
        if is_picture(path):
            check_picture(path, (work.settings.get("width"), work.settings.get("height")))
        else:
            check_file(path)

    def explain(self, exit_code: int, last_lines: Sequence[str]) -> RenderFailed | None:
        """Nothing is known of a program's exit codes."""
        return None


def _executable(argv: Sequence[str]) -> str | None:
    return shutil.which(argv[0]) if argv else None


def _program(work: Work) -> tuple[str, ...]:
    programs = work.worker.programs
    name = work.settings.get("program")
    if not isinstance(name, str):
        raise InvalidRequest(
            'renderer command needs the name of a program: settings {"program": "…"}'
        )
    if name not in programs:
        known = ", ".join(sorted(programs)) or "none"
        raise WorkerUnfit(
            f"this worker's settings name no program {name!r} (they name: {known}); add it to"
            " RUSHLIGHT_PROGRAMS"
        )
    found = _executable(programs[name])
    if found is None:
        raise WorkerUnfit(f"program {name!r} is not there: {' '.join(programs[name][:1])!r}")
    return (found, *programs[name][1:])


def _check_settings(settings: Mapping[str, Any]) -> None:
    unknown = sorted(settings.keys() - _SETTINGS)
    if unknown:
        raise InvalidRequest(
            f"renderer command has no setting {', '.join(unknown)}; it has"
            f" {', '.join(sorted(_SETTINGS))}"
        )
    for name in ("width", "height"):
        value = settings.get(name)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
            raise InvalidRequest(f"setting {name} is a whole number, not {value!r}")
    if settings.get("progress") is not None:
        _expression(str(settings["progress"]))


@lru_cache(maxsize=16)
def _expression(text: str) -> re.Pattern[str]:
    try:
        found = re.compile(text) if len(text) <= PATTERN_MAX else None
    except re.error:
        found = None
    named = {"done", "total"}
    if found is None or not (found.groupindex.keys() >= named or found.groups == 1):
        raise InvalidRequest(
            f"setting progress is a regular expression of at most {PATTERN_MAX} characters with one"
            f" group for percent, or with groups done and total, not {text[:80]!r}"
        )
    return found


def _found(text: str, line: str) -> Progress | None:
    found = _expression(text).search(line[:LINE_MAX])
    if found is None:
        return None
    try:
        if "total" in found.re.groupindex:
            done, total = float(found["done"]), float(found["total"])
            return Progress(fraction=fraction(str(100 * done / total))) if total > 0 else None
        return Progress(fraction=fraction(found[1]))
    except (TypeError, ValueError):
        return None


def _invocation(argv: Sequence[str], work: Work, outputs: Mapping[int | None, Path]) -> Invocation:
    frames = [frame for frame in outputs if frame is not None]
    places: dict[str, str | None] = {
        "frame": str(frames[0]) if len(frames) == 1 else None,
        "first": str(frames[0]) if frames else None,
        "last": str(frames[-1]) if frames else None,
        "output": str(next(iter(outputs.values()))) if len(outputs) == 1 else None,
        "scene": None if work.scene is None else str(work.scene),
        "threads": str(work.worker.threads or os.cpu_count() or 1),
    }
    env = {
        f"RUSHLIGHT_{name.upper()}": value for name, value in places.items() if value is not None
    }
    env["RUSHLIGHT_OUTPUT_PATTERN"] = str(work.pattern)
    return Invocation(
        tuple(_filled(part, places) for part in argv), outputs, env=env, cwd=work.scratch
    )


def _filled(part: str, places: Mapping[str, str | None]) -> str:
    def value(found: re.Match[str]) -> str:
        text = places[found[1]]
        if text is None:
            lacks = "scene" if found[1] == "scene" else "frames"
            raise InvalidRequest(f"{part!r} has {found[0]}, and the task has no {lacks}")
        return text

    return _PLACE.sub(value, part)
