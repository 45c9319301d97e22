"""Renders frames with Mitsuba, in a process of its own: ``python -m …mitsuba_driver ORDER.json``.

ORDER.json: {"scene", "threads", "width", "height", "spp", "seed" (each may be null), "frames":
[{"frame", "output", "parameters"}]}. It writes each output where it is told (a temporary name: the
agent verifies and renames) and prints whole lines: ``PROGRESS 40 frame=7``, ``SAVED frame=7
seconds=1.25``, and at a failure ``ERROR code: text``, with exit code 1.

Traps of Mitsuba 3.9.1 that are stepped around here: an EXR write on a pool of one thread hangs for
ever; progress is silent below log level Info; without a fixed variant it may choose LLVM and abort.
"""

import argparse
import errno
import json
import re
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

VARIANT = "scalar_rgb"
EXR_THREADS_MIN = 2
OVERRIDES = ("width", "height", "spp", "seed")
UNFIT = {
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EROFS,
    errno.EIO,
    errno.EFBIG,
    errno.ENOENT,
    errno.EACCES,
}
_NAME = re.compile(r"\$(\w+)")
_FILES = {"filename", "path"}


class Failed(Exception):
    """Ends the driver with a line ``ERROR code: text``."""

    def __init__(self, code: str, text: str) -> None:
        """``code`` as in ``rushlight.errors``."""
        super().__init__(text)
        self.code = code


class Scene:
    """What can be known of a scene file before Mitsuba loads it."""

    def __init__(self, path: Path) -> None:
        """Read the file.

        Raises:
            Failed: it is not there, or no XML.
        """
        self.path = path
        try:
            # Whoever may submit a scene may let Mitsuba read any: nothing is gained by more care.
            self._root = ElementTree.parse(path).getroot()  # noqa: S314
        except FileNotFoundError:
            raise Failed("scene-missing", f"scene {path} is not there") from None
        except ElementTree.ParseError as error:
            raise Failed("render-failed", f"scene {path.name} is not valid XML: {error}") from None
        self.declared = {
            str(one.get("name")): str(one.get("value")) for one in self._root.iter("default")
        }

    def check_names(self, names: set[str]) -> None:
        """Raise ``Failed`` for parameters that the scene does not declare."""
        unknown = sorted(names - self.declared.keys())
        if unknown:
            raise Failed(
                "invalid-request",
                f"scene {self.path.name} declares no parameter {', '.join(unknown)};"
                f" it has {', '.join(sorted(self.declared)) or 'none'}",
            )

    def check_files(self, parameters: dict[str, str]) -> None:
        """Raise ``Failed`` for files that the scene names and that are not there."""
        missing = sorted({name for name in self._files(parameters) if not self._found(name)})
        if missing:
            raise Failed(
                "scene-missing",
                f"scene {self.path.name} needs {', '.join(missing)}, not found beside it"
                f" in {self.path.parent}",
            )

    def _files(self, parameters: dict[str, str]) -> Iterator[str]:
        values = {**self.declared, **parameters}
        for one in self._root.iter():
            name = one.get("filename") if one.tag == "include" else None
            if one.tag == "string" and one.get("name") in _FILES:
                name = one.get("value")
            if name is not None:
                yield _NAME.sub(lambda found: values.get(found[1], found[0]), name)

    def _found(self, name: str) -> bool:
        return "$" in name or (self.path.parent / name).exists()


def load_mitsuba(threads: int | None) -> Any:
    """Import it with the variant fixed."""
    import mitsuba  # noqa: PLC0415

    mitsuba.set_variant(VARIANT)
    if threads:
        import drjit  # noqa: PLC0415

        drjit.set_thread_count(threads)
    return mitsuba


def report_progress(mi: Any, total: int) -> Any:
    """Send Mitsuba's log to our own lines; returns where to note which frame it is at."""

    class Lines(mi.Appender):  # type: ignore[misc]
        frame: int | None = None
        done = 0
        last = -1

        def append(self, level: Any, text: str) -> None:
            if level >= mi.LogLevel.Warn:
                print(text, file=sys.stderr, flush=True)

        def log_progress(self, progress: float, *_: Any) -> None:
            percent = int(100 * (self.done + progress) / total)
            if percent > self.last:
                self.last = percent
                where = "" if self.frame is None else f" frame={self.frame}"
                print(f"PROGRESS {percent}{where}", flush=True)

    lines = Lines()
    logger = mi.logger()
    logger.clear_appenders()
    logger.add_appender(lines)
    logger.set_log_level(mi.LogLevel.Info)
    return lines


def load_scene(mi: Any, scene: Scene, order: dict[str, Any], parameters: dict[str, str]) -> Any:
    """Load the scene with its parameters; width and height reach also one that declares neither."""
    given = {name: str(order[name]) for name in OVERRIDES if order[name] is not None}
    named = {name: value for name, value in given.items() if name in scene.declared}
    try:
        loaded = mi.load_file(str(scene.path), **{**named, **parameters})
    except RuntimeError as error:
        code = "scene-missing" if "No such file" in str(error) else "render-failed"
        text = " ".join(str(error).split())
        raise Failed(code, f"scene {scene.path.name} does not load: {text}") from None
    if order["width"] or order["height"]:
        check_whole_film(scene, loaded)
        set_size(mi, loaded, order["width"], order["height"])
    return loaded


def check_whole_film(scene: Scene, loaded: Any) -> None:
    """Raise ``Failed`` where the film has a crop window: the picture is as large as that."""
    film = loaded.sensors()[0].film()
    if [int(n) for n in film.crop_size()] != [int(n) for n in film.size()]:
        raise Failed(
            "invalid-request",
            f"scene {scene.path.name} renders a part of its film only (crop_width, crop_height):"
            " leave out the settings width and height, or take the crop window out of the scene",
        )


def set_size(mi: Any, loaded: Any, width: int | None, height: int | None) -> None:
    """Make the film as large as the task says, if the scene has not done so by itself."""
    found = loaded.sensors()[0].film().size()
    size = [width or int(found[0]), height or int(found[1])]
    if [int(found[0]), int(found[1])] == size:
        return
    parameters = mi.traverse(loaded)
    for key in [key for key in parameters.keys() if key.endswith(("film.size", "film.crop_size"))]:  # noqa: SIM118
        parameters[key] = size
    parameters.update()


def write(mi: Any, bitmap: Any, output: Path) -> None:
    """Write PNG or EXR, by the name."""
    if output.suffix.lower() == ".exr":
        import drjit  # noqa: PLC0415

        drjit.set_thread_count(max(EXR_THREADS_MIN, drjit.thread_count()))
    else:
        bitmap = bitmap.convert(mi.Bitmap.PixelFormat.RGB, mi.Struct.Type.UInt8, srgb_gamma=True)
    try:
        # Mitsuba's own message for a file that it cannot open does not say why.
        output.open("ab").close()
        bitmap.write(str(output))
    except (OSError, RuntimeError) as error:
        number = getattr(error, "errno", None)
        full = number in UNFIT or "No space" in str(error) or "I/O error" in str(error)
        code = "worker-unfit" if full else "render-failed"
        raise Failed(code, f"cannot write {output.name}: {' '.join(str(error).split())}") from None


def render(order: dict[str, Any]) -> None:
    """Render every frame of the order."""
    scene = Scene(Path(order["scene"]))
    frames = order["frames"]
    for one in frames:
        scene.check_names(set(one["parameters"]))
        scene.check_files(one["parameters"])
    mi = load_mitsuba(order["threads"])
    lines = report_progress(mi, len(frames))
    for done, one in enumerate(frames):
        lines.frame, lines.done = one["frame"], done
        started_s = time.perf_counter()
        loaded = load_scene(mi, scene, order, one["parameters"])
        picture = mi.render(loaded, spp=order["spp"] or 0, seed=order["seed"] or 0)
        write(mi, mi.Bitmap(picture), Path(one["output"]))
        where = "" if one["frame"] is None else f" frame={one['frame']}"
        print(f"SAVED{where} seconds={time.perf_counter() - started_s:.3f}", flush=True)


def main() -> int:
    """Read the order and follow it; the exit code."""
    parser = argparse.ArgumentParser(description="Renders frames with Mitsuba for Rushlight.")
    parser.add_argument("--probe", action="store_true", help="load Mitsuba, print its version, end")
    parser.add_argument("order", nargs="?", type=Path, help="JSON file that says what to render")
    arguments = parser.parse_args()
    # A render does not come back to Python before its end: die at once.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if arguments.probe:
        print(load_mitsuba(None).__version__)
        return 0
    if arguments.order is None:
        parser.error("which order?")
    try:
        render(json.loads(arguments.order.read_text(encoding="utf-8")))
    except Failed as failure:
        print(f"ERROR {failure.code}: {failure}", flush=True)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
