"""Mitsuba 3, by our own driver in a process of its own (``mitsuba_driver``).

Task settings: ``width``, ``height``, ``spp``, ``seed`` (whole numbers; what is not given is the
scene's own), and ``parameters``: names that the scene declares (``<default name=…>``) to a number,
a text, or keyframes ``{"1": 0, "49": 360}``, between which a value lies on a straight line.
Same task, same bytes in every PNG; the variant is fixed to ``scalar_rgb`` for that.
"""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import structlog

from rushlight.errors import InvalidRequest, OutputInvalid, RenderFailed, SceneMissing, WorkerUnfit
from rushlight.settings import WorkerSettings
from rushlight_worker.renderers.lines import read_line
from rushlight_worker.renderers.pictures import check_picture
from rushlight_worker.renderers.port import Invocation, Progress, Work
from rushlight_worker.renderers.values import keyframes, value_at, whole

DRIVER = "rushlight_worker.renderers.mitsuba_driver"
SUFFIXES = (".png", ".exr")
# Smallest and largest value of each whole number among the settings.
LIMITS = {
    "width": (1, 32_768),
    "height": (1, 32_768),
    "spp": (1, 1_048_576),
    "seed": (0, 2**32 - 1),
}
PROBE_TIMEOUT_S = 60.0
Value = str | int | float | bool
_ERRORS: Mapping[str, type[RenderFailed | InvalidRequest]] = {
    "invalid-request": InvalidRequest,
    "scene-missing": SceneMissing,
    "output-invalid": OutputInvalid,
    "worker-unfit": WorkerUnfit,
}
_log = structlog.get_logger("rushlight.worker")


class MitsubaRenderer:
    """Renders PNG and EXR."""

    name = "mitsuba"

    def probe(self, settings: WorkerSettings) -> str | None:
        """Mitsuba's version, if it loads here: a wheel for another processor is found out now."""
        try:
            found = version("mitsuba")
        except PackageNotFoundError:
            return None
        tried = subprocess.run(
            [*_driver(), "--probe"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PROBE_TIMEOUT_S,
            check=False,
        )
        if tried.returncode != 0:
            _log.warning("renderer_does_not_work", renderer=self.name, said=tried.stderr[-500:])
            return None
        return found

    def prepare(self, work: Work) -> Sequence[Invocation]:
        """One process for all frames: Mitsuba is loaded once."""
        order = driver_order(work)
        path = work.scratch / "mitsuba.json"
        path.write_text(json.dumps(order, indent=1), encoding="utf-8")
        env = {}
        if "PYTHONPATH" in os.environ:
            env["PYTHONPATH"] = os.environ["PYTHONPATH"]
        return [Invocation((*_driver(), str(path)), work.outputs, env=env, cwd=work.scratch)]

    def read(self, line: str, work: Work) -> Progress | None:
        """The driver prints our own lines."""
        return read_line(line)

    def verify(self, path: Path, work: Work) -> None:
        """Every byte is looked at, and the size that the task asked for."""
        check_picture(path, (work.settings.get("width"), work.settings.get("height")))

    def explain(
        self, exit_code: int, last_lines: Sequence[str]
    ) -> RenderFailed | InvalidRequest | None:
        """The driver says ``ERROR code: text``."""
        for line in reversed(last_lines):
            said, _, text = line.partition(": ")
            code = said.removeprefix("ERROR ")
            if text and code != said:
                return _ERRORS.get(code, RenderFailed)(text)
        return None


def driver_order(work: Work) -> dict[str, Any]:
    """What the driver is told, as JSON; every value is checked here.

    Raises:
        InvalidRequest: a setting is unknown or of no use.
    """
    if work.scene is None:
        raise InvalidRequest('renderer mitsuba needs a scene, for example "scenes:orrery.xml"')
    if work.pattern.suffix.lower() not in SUFFIXES:
        raise InvalidRequest(
            f"renderer mitsuba writes {' and '.join(SUFFIXES)}, not {work.pattern.suffix!r}:"
            " correct the task's output"
        )
    if work.args:
        raise InvalidRequest("renderer mitsuba takes no args; use settings")
    unknown = sorted(work.settings.keys() - LIMITS.keys() - {"parameters"})
    if unknown:
        raise InvalidRequest(
            f"renderer mitsuba has no setting {', '.join(unknown)}; it has"
            f" {', '.join(sorted(LIMITS))} and parameters"
        )
    parameters = _parameters(work.settings.get("parameters", {}))
    return {
        "scene": str(work.scene),
        "threads": work.worker.threads,
        **{name: whole(name, work.settings.get(name), limits) for name, limits in LIMITS.items()},
        "frames": [
            {
                "frame": frame,
                "output": str(path),
                "parameters": {name: _text(_at(v, frame)) for name, v in parameters.items()},
            }
            for frame, path in work.outputs.items()
        ],
    }


def _driver() -> tuple[str, ...]:
    # -P: the working folder is no place to import from.
    return (sys.executable, "-P", "-m", DRIVER)


def _parameters(given: Any) -> dict[str, Value | list[tuple[int, float]]]:
    if not isinstance(given, Mapping):
        raise InvalidRequest('setting parameters is an object, for example {"angle": 7.5}')
    return {
        name: keyframes(f"parameter {name}", value)
        if isinstance(value, Mapping)
        else _plain(name, value)
        for name, value in given.items()
    }


def _plain(name: str, value: Any) -> Value:
    if isinstance(value, str | int | float):
        return value
    raise InvalidRequest(
        f"parameter {name} is a number, a text, or keyframes like"
        f' {{"1": 0, "49": 360}}, not {value!r}'
    )


def _at(value: Value | list[tuple[int, float]], frame: int | None) -> Value:
    return value_at(value, frame) if isinstance(value, list) else value


def _text(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:.9g}" if isinstance(value, float) else str(value)
