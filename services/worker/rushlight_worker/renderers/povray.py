"""POV-Ray 3.7: a process of its own for each frame.

Task settings: ``width`` and ``height`` (both or neither), ``quality``, ``antialias`` (the
threshold, 0: none), ``clock``, and ``declare``: names to numbers. The clock and declared values are
numbers, or keyframes as in ``values``. A task with frames must say what the clock is: POV-Ray's own
rule, from 0 to 1 over all frames, would begin anew in each task of a shot rendered in parts.

POV-Ray reads no file whose path has other than ASCII signs, writes a ``.pov-state`` beside its
output, and a build may be told to read and write below its folders only. So it works in the
attempt's scratch folder, where links lead to the scene's folder and to each output.
"""

import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import structlog

from rushlight.errors import InvalidRequest, RenderFailed, SceneMissing, WorkerUnfit
from rushlight.settings import WorkerSettings
from rushlight_worker.renderers.lines import fraction, read_line
from rushlight_worker.renderers.pictures import check_picture
from rushlight_worker.renderers.port import Invocation, Progress, Work
from rushlight_worker.renderers.pov_text import unsaid
from rushlight_worker.renderers.values import Keys, keyframes, value_at, whole

FORMATS = {".png": "+FN", ".exr": "+FE"}
# A scene has no size of its own; this one fits POV-Ray's own camera, which is 4:3.
SIZE = (640, 480)
SIDE_LIMITS = (1, 32_768)
QUALITY, QUALITY_LIMITS = 9, (0, 11)
ANTIALIAS, ANTIALIAS_MAX = 0.3, 2.99
THREADS_MAX = 512
NUMBER_MAX = 1e15
PROBE_TIMEOUT_S = 60.0
_SETTINGS = {"antialias", "clock", "declare", "height", "quality", "width"}
_VERSION = re.compile(r"POV-Ray (\d+(?:\.\d+)*)")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,39}")
_PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_PROGRESS = re.compile(r"Rendered \d+ of \d+ pixels \((\d{1,3})%\)")
# What the parser says, and what a disk makes POV-Ray say of the picture or its state file.
_PARSER_GAVE_UP = "Fatal error in parser: "
_PARSE_ERROR = re.compile(r"(?<!Possible )Parse Error: ")
_PLACED = re.compile(
    r"(?:File '(?P<file>.*?)' line (?P<line>\d+): )?(?:Possible )?Parse Error: (?P<what>.*?)"
    r"(?:, even after trying to append file type extension)?\.?"
)
_MISSING = re.compile(r"Cannot (?:find|open (?:input|include)) file")
_DISK = re.compile(
    r"Cannot (?:write PNG data|access data in file|create render state output file|open file)"
    r"|Error while writing EXR output"
)
_log = structlog.get_logger("rushlight.worker")


class PovrayRenderer:
    """Renders PNG and EXR."""

    name = "povray"

    def probe(self, settings: WorkerSettings) -> str | None:
        """POV-Ray's version, if the program is there and says one."""
        program = shutil.which(settings.povray_program)
        if program is None:
            return None
        tried = subprocess.run(
            [program, "--version"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=PROBE_TIMEOUT_S,
            check=False,
        )
        found = _VERSION.search(tried.stderr + tried.stdout)
        if tried.returncode != 0 or found is None:
            _log.warning("renderer_does_not_work", renderer=self.name, said=tried.stderr[-500:])
            return None
        return found[1]

    def prepare(self, work: Work) -> Sequence[Invocation]:
        """One process per frame: POV-Ray starts in no time."""
        program = shutil.which(work.worker.povray_program)
        if program is None:
            raise WorkerUnfit(
                f"program {work.worker.povray_program!r} is not there: install POV-Ray, or correct"
                " the setting povray_program"
            )
        options = _options(work)
        values = _values(work)
        scene = _linked_scene(work)
        return [
            Invocation(
                (
                    *(program, f"+I{scene}", "+Lscene"),
                    *options,
                    *_values_at(values, frame),
                    f"+O{_linked_output(work.scratch, path, values['clock'], frame)}",
                ),
                {frame: path},
                # Its own settings in a home folder would make workers differ.
                env={"HOME": str(work.scratch)},
                cwd=work.scratch,
            )
            for frame, path in work.outputs.items()
        ]

    def read(self, line: str, work: Work) -> Progress | None:
        """Its count of pixels; a scene's ``#debug`` may print our own lines."""
        found = _PROGRESS.search(line)
        return Progress(fraction=fraction(found[1])) if found else read_line(line)

    def verify(self, path: Path, work: Work) -> None:
        """Every byte is looked at, and the size."""
        check_picture(path, _size(work.settings))

    def explain(self, exit_code: int, last_lines: Sequence[str]) -> RenderFailed | None:
        """What the parser found, with file and line; or that the disk took no more."""
        said = unwrapped(last_lines)
        if any(_PARSER_GAVE_UP in line for line in said):
            return _scene_fault(said)
        full = next((line for line in said if _DISK.search(line)), None)
        if full is not None:
            return WorkerUnfit(f"cannot write the picture ({full}): is the disk full?")
        return None


def _scene_fault(said: Sequence[str]) -> RenderFailed:
    """The line that says why it does not parse; the very last one never does."""
    missing = [line for line in said if _MISSING.search(line)]
    errors = [line for line in said if _PARSE_ERROR.search(line)]
    possible = [line for line in said if "Parse Error: " in line]
    reason = (missing[:1] or errors[-1:] or possible[-1:] or said[-1:])[0]
    kind = SceneMissing if missing else RenderFailed
    return kind(f"the scene does not parse: {_shortened(reason)}")


def _shortened(line: str) -> str:
    """``scene/a.pov line 4: Cannot find file 'b.inc'``, of all that POV-Ray says of it."""
    found = _PLACED.fullmatch(line.strip())
    if found is None:
        return line
    where = f"{found['file']} line {found['line']}: " if found["file"] else ""
    return where + found["what"]


def unwrapped(lines: Sequence[str]) -> list[str]:
    """POV-Ray breaks its lines at 80 signs and goes on after a blank: those, made whole again."""
    whole_lines: list[str] = []
    for line in lines:
        if line.startswith(" ") and whole_lines:
            whole_lines[-1] += line
        else:
            whole_lines.append(line)
    return whole_lines


def _options(work: Work) -> tuple[str, ...]:
    """What is the same for every frame.

    Raises:
        InvalidRequest: a setting is unknown or of no use.
    """
    settings = work.settings
    suffix = work.pattern.suffix.lower()
    if suffix not in FORMATS:
        raise InvalidRequest(
            f"renderer povray writes {' and '.join(FORMATS)}, not {work.pattern.suffix!r}:"
            " correct the task's output"
        )
    if work.args:
        raise InvalidRequest("renderer povray takes no args; use settings")
    unknown = sorted(settings.keys() - _SETTINGS)
    if unknown:
        raise InvalidRequest(
            f"renderer povray has no setting {', '.join(unknown)}; it has"
            f" {', '.join(sorted(_SETTINGS))}"
        )
    width, height = _size(settings)
    quality = whole("quality", settings.get("quality"), QUALITY_LIMITS)
    threads = work.worker.threads
    return (
        *(f"+W{width}", f"+H{height}", FORMATS[suffix]),
        f"+Q{QUALITY if quality is None else quality}",
        # Without jitter the same frame has the same pixels every time.
        *_antialias(settings.get("antialias")),
        *(() if threads is None else (f"+WT{min(threads, THREADS_MAX)}",)),
        # No window; neither its options nor statistics on stderr.
        *("-D", "-GR", "-GS"),
    )


def _size(settings: Mapping[str, Any]) -> tuple[int, int]:
    width, height = (whole(name, settings.get(name), SIDE_LIMITS) for name in ("width", "height"))
    if width is None and height is None:
        return SIZE
    if width is None or height is None:
        raise InvalidRequest("renderer povray needs both settings width and height, or neither")
    return width, height


def _antialias(given: Any) -> tuple[str, ...]:
    threshold = ANTIALIAS if given is None else given
    if isinstance(threshold, bool) or not isinstance(threshold, int | float):
        threshold = -1
    if not 0 <= threshold <= ANTIALIAS_MAX:
        raise InvalidRequest(
            f"setting antialias is the difference in colour that is smoothed, from 0 (none) to"
            f" {ANTIALIAS_MAX}, say 0.3, not {given!r}"
        )
    return (f"+A{threshold:.4f}", "-J") if threshold else ("-A",)


def _values(work: Work) -> dict[str, Keys]:
    """The clock, and every declared name, as keyframes."""
    declared = work.settings.get("declare", {})
    if not isinstance(declared, Mapping):
        raise InvalidRequest('setting declare is an object, for example {"Speed": 2.5}')
    for name in declared:
        if _NAME.fullmatch(name) is None:
            raise InvalidRequest(
                f"setting declare: {name!r} is no name of POV-Ray's: a letter, then letters,"
                " digits and _, at most 40"
            )
    clock = work.settings.get("clock")
    if clock is None and work.frames:
        raise InvalidRequest(
            "renderer povray: a task with frames says what the scene's clock is: settings"
            ' {"clock": {"1": 0, "49": 1}} takes it from 0 at frame 1 to 1 at frame 49;'
            ' {"clock": 0} if the scene does not use it'
        )
    return {
        "clock": _keys("clock", 0 if clock is None else clock),
        **{f"Declare={name}": _keys(f"declare {name}", value) for name, value in declared.items()},
    }


def _keys(what: str, value: Any) -> Keys:
    keys: Keys
    if isinstance(value, Mapping):
        keys = keyframes(what, value)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        keys = [(0, float(value))]
    else:
        raise InvalidRequest(
            f'setting {what} is a number, or keyframes like {{"1": 0, "49": 1}}, not {value!r}'
        )
    if not all(abs(number) <= NUMBER_MAX for _, number in keys):
        raise InvalidRequest(f"setting {what}: a number is at most {NUMBER_MAX:g}")
    return keys


def _values_at(values: Mapping[str, Keys], frame: int | None) -> list[str]:
    """The clock and the declared values of a frame; ``frame_number`` too is what it should be."""
    found = [
        f"{name}={value_at(keys, frame):.9g}" for name, keys in values.items() if name != "clock"
    ]
    clock = f"{value_at(values['clock'], frame):.9g}"
    if frame is None or frame < 0:
        # POV-Ray knows no frames below 0.
        return [f"+K{clock}", *found]
    first, last = _range(values["clock"], frame)
    numbers = (f"+KFI{first}", f"+KFF{last}", f"+SF{frame}", f"+EF{frame}")
    return [f"+KI{clock}", f"+KF{clock}", *numbers, *found]


def _range(clock: Keys, frame: int) -> tuple[int, int]:
    """First and last frame of the animation: those of the clock's keys, and ``frame`` among them.

    They differ always: over one frame POV-Ray's clock is not a number.
    """
    first = max(0, min(clock[0][0], frame))
    return first, max(clock[-1][0], frame, first + 1)


def _linked_scene(work: Work) -> str:
    """Links to the scene's folder and, if its name is not plain, to the scene; what to read."""
    if work.scene is None:
        raise InvalidRequest('renderer povray needs a scene, for example "builtin:dahlia.pov"')
    unread = unsaid(work.scene, work.settings.get("declare", {}))
    if unread:
        raise InvalidRequest(
            f"setting declare: scene {work.scene.name} and what it includes nowhere say"
            f" {', '.join(unread)}"
        )
    (work.scratch / "scene").symlink_to(work.scene.parent)
    if _PLAIN.fullmatch(work.scene.name):
        return f"scene/{work.scene.name}"
    (work.scratch / "scene.pov").symlink_to(work.scene)
    return "scene.pov"


def _linked_output(scratch: Path, path: Path, clock: Keys, frame: int | None) -> str:
    """A link to an output under the name that POV-Ray will write; the name that it is told."""
    if frame is None or frame < 0:
        told = written = f"still{frame or ''}{path.suffix.lower()}"
    else:
        # It puts the frame's number before the suffix, as wide as the last frame's.
        digits = len(str(_range(clock, frame)[1]))
        told = f"frame-{path.suffix.lower()}"
        written = f"frame-{frame:0{digits}d}{path.suffix.lower()}"
    (scratch / written).symlink_to(path)
    return told
