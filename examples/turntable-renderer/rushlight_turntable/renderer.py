"""The plug-in: what the agent asks of the renderer ``turntable``."""

import json
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from rushlight.errors import InvalidRequest, RenderFailed, SceneMissing
from rushlight.settings import WorkerSettings
from rushlight_worker.renderers.lines import read_line
from rushlight_worker.renderers.pictures import check_picture
from rushlight_worker.renderers.port import Invocation, Progress, Work

# What a task's settings may hold, and what they are if it does not say.
DEFAULTS: dict[str, int] = {"width": 640, "height": 480, "turn": 48}
LIMITS = {"width": 8192, "height": 8192, "turn": 10_000}


class TurntableRenderer:
    """Draws PNG; frame 1 looks from the front, and ``turn`` frames are one turn."""

    name = "turntable"

    def probe(self, settings: WorkerSettings) -> str | None:
        """Pillow is all it needs, and comes with Rushlight."""
        return version("rushlight-turntable-renderer")

    def prepare(self, work: Work) -> Sequence[Invocation]:
        """One process draws all frames: the model is read once."""
        if work.scene is None or work.args:
            raise InvalidRequest("renderer turntable needs a scene (.obj), and takes no args")
        if work.pattern.suffix.lower() != ".png":
            raise InvalidRequest(f"renderer turntable writes .png, not {work.pattern.suffix!r}")
        order = {
            "model": str(work.scene),
            **checked(work),
            "outputs": [[frame, str(path)] for frame, path in work.outputs.items()],
        }
        path = work.scratch / "turntable.json"
        path.write_text(json.dumps(order), encoding="utf-8")
        argv = (sys.executable, "-P", "-m", "rushlight_turntable.drawing_driver", str(path))
        return [Invocation(argv, work.outputs)]

    def read(self, line: str, work: Work) -> Progress | None:
        """The program prints Rushlight's own lines."""
        return read_line(line)

    def verify(self, path: Path, work: Work) -> None:
        """Exit code 0 is no proof: every byte is looked at, and the size."""
        settings = checked(work)
        check_picture(path, (settings["width"], settings["height"]))

    def explain(self, exit_code: int, last_lines: Sequence[str]) -> RenderFailed | None:
        """Exit code 3 is about the model; the last line says what."""
        return SceneMissing(last_lines[-1]) if exit_code == 3 and last_lines else None


def checked(work: Work) -> dict[str, int]:
    """The task's settings, with what it does not say filled in."""
    unknown = sorted(work.settings.keys() - DEFAULTS.keys())
    if unknown:
        raise InvalidRequest(
            f"renderer turntable has no setting {', '.join(unknown)}; it has"
            f" {', '.join(sorted(DEFAULTS))}"
        )
    settings = {**DEFAULTS, **work.settings}
    for name, value in settings.items():
        if type(value) is not int or not 1 <= value <= LIMITS[name]:
            raise InvalidRequest(
                f"setting {name} is a whole number from 1 to {LIMITS[name]}, not {value!r}"
            )
    return settings
