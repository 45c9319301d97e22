"""What POV-Ray is told, and what its words mean."""

import sys
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from rushlight.errors import InvalidRequest, OutputInvalid, RenderFailed, SceneMissing, WorkerUnfit
from rushlight.settings import WorkerSettings
from rushlight_worker.renderers.port import Progress, Work
from rushlight_worker.renderers.pov_text import FILE_BYTES_MAX
from rushlight_worker.renderers.povray import PovrayRenderer, unwrapped

LOOP = {"clock": {"1": 0, "49": 1}}
# What is run is not what is tested here; any program stands for POV-Ray.
PROGRAM = sys.executable


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    folder = tmp_path / "scratch"
    folder.mkdir()
    return folder


def work(scratch: Path, frames: tuple[int | None, ...] = (None,), **change: Any) -> Work:
    given: dict[str, Any] = {
        "task_id": UUID(int=1),
        "attempt": 1,
        "scene": scratch.parent / "shot.pov",
        "outputs": {frame: scratch.parent / f"{frame}.part-1.png" for frame in frames},
        "pattern": scratch.parent / "####.part-1.png",
        "scratch": scratch,
        "worker": WorkerSettings(povray_program=PROGRAM),
        **change,
    }
    return Work(**given)


@pytest.fixture(autouse=True)
def scene(tmp_path: Path) -> Path:
    path = tmp_path / "shot.pov"
    path.write_text('#include "colors.inc"\n#include "more/parts.inc"\nsphere { 0, Speed + A }\n')
    return path


def argv(scratch: Path, *frames: int | None, **change: Any) -> list[str]:
    """What the last of the frames is rendered with."""
    return list(PovrayRenderer().prepare(work(scratch, frames or (None,), **change))[-1].argv)


def test_a_still_has_a_size_smooth_edges_and_clock_0(scratch: Path) -> None:
    assert argv(scratch) == [
        *(PROGRAM, "+Iscene/shot.pov", "+Lscene", "+W640", "+H480", "+FN", "+Q9"),
        *("+A0.3000", "-J", "-D", "-GR", "-GS", "+K0", "+Ostill.png"),
    ]


def test_settings_become_switches(scratch: Path) -> None:
    settings = {"width": 64, "height": 36, "quality": 3, "antialias": 0}
    worker = WorkerSettings(povray_program=PROGRAM, threads=2)

    found = argv(scratch, settings=settings, worker=worker)

    assert {"+W64", "+H36", "+Q3", "-A", "+WT2"} <= set(found)


def test_each_frame_is_a_process_with_its_own_output(scratch: Path) -> None:
    wanted = work(scratch, (7, 8), settings=LOOP)
    invocations = PovrayRenderer().prepare(wanted)

    assert [list(one.outputs.items()) for one in invocations] == [
        [item] for item in wanted.outputs.items()
    ]


@pytest.mark.parametrize(
    ("frame", "clock", "switches"),
    [
        (13, LOOP["clock"], ["+KI0.25", "+KF0.25", "+KFI1", "+KFF49", "+SF13", "+EF13"]),
        (60, LOOP["clock"], ["+KI1", "+KF1", "+KFI1", "+KFF60", "+SF60", "+EF60"]),
        (7, 0.5, ["+KI0.5", "+KF0.5", "+KFI0", "+KFF7", "+SF7", "+EF7"]),
        (0, 0.5, ["+KI0.5", "+KF0.5", "+KFI0", "+KFF1", "+SF0", "+EF0"]),
        (3, {"3": 2}, ["+KI2", "+KF2", "+KFI3", "+KFF4", "+SF3", "+EF3"]),
        (-3, 0.5, ["+K0.5"]),
    ],
    ids=str,
)
def test_a_frame_has_its_clock_and_its_number(
    scratch: Path, frame: int, clock: Any, switches: list[str]
) -> None:
    assert argv(scratch, frame, settings={"clock": clock})[12:-1] == switches


def test_declared_values_follow_the_frame(scratch: Path) -> None:
    settings = {"clock": 0, "declare": {"Speed": -2.5, "A": {"0": 0, "10": 360}}}

    assert argv(scratch, 5, settings=settings)[-3:-1] == ["Declare=Speed=-2.5", "Declare=A=180"]


def test_a_name_may_stand_in_what_the_scene_includes(scratch: Path, scene: Path) -> None:
    (scene.parent / "more").mkdir()
    (scene.parent / "more" / "parts.inc").write_text("#declare X = Turns * 2;\n")

    assert "Declare=Turns=3" in argv(scratch, settings={"declare": {"Turns": 3}})


def test_a_name_that_nobody_reads_is_refused(scratch: Path) -> None:
    with pytest.raises(
        InvalidRequest, match=r"scene shot.pov and what it includes nowhere say Sped"
    ):
        argv(scratch, settings={"declare": {"Speed": 1, "Sped": 2}})


def test_where_there_is_too_much_to_read_nothing_is_refused(scratch: Path, scene: Path) -> None:
    scene.write_text("//" * FILE_BYTES_MAX)

    assert "Declare=Sped=2" in argv(scratch, settings={"declare": {"Sped": 2}})


@pytest.mark.parametrize(
    ("frame", "told", "written"),
    [
        (None, "+Ostill.png", "still.png"),
        (-3, "+Ostill-3.png", "still-3.png"),
        (7, "+Oframe-.png", "frame-07.png"),
        (123, "+Oframe-.png", "frame-123.png"),
    ],
)
def test_what_it_writes_is_a_link_to_the_output(
    scratch: Path, frame: int | None, told: str, written: str
) -> None:
    found = argv(scratch, frame, settings=LOOP)

    assert found[-1] == told
    assert (scratch / written).readlink() == scratch.parent / f"{frame}.part-1.png"


def test_a_scene_whose_name_povray_cannot_read_gets_another(scratch: Path) -> None:
    scene = scratch.parent / "été 'A'.pov"
    scene.touch()

    assert argv(scratch, scene=scene)[1:3] == ["+Iscene.pov", "+Lscene"]
    assert (scratch / "scene.pov").readlink() == scene


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"settings": {"samples": 4}}, "no setting samples; it has antialias, clock, declare"),
        ({"settings": {"width": 64}}, "needs both settings width and height"),
        ({"settings": {"width": 0, "height": 9}}, "width is a whole number from 1"),
        ({"settings": {"quality": 12}}, "quality is a whole number from 0 to 11"),
        ({"settings": {"antialias": 3}}, "antialias is the difference in colour"),
        ({"settings": {"antialias": True}}, "antialias is the difference in colour"),
        ({"settings": {"clock": "noon"}}, "setting clock is a number, or keyframes"),
        ({"settings": {"clock": {}}}, "keyframes of clock are frame numbers"),
        ({"settings": {"clock": 1e300}}, "setting clock: a number is at most"),
        ({"settings": {"declare": 3}}, "setting declare is an object"),
        ({"settings": {"declare": {"a b": 3}}}, "'a b' is no name of POV-Ray's"),
        ({"settings": {"declare": {"A": True}}}, "setting declare A is a number, or keyframes"),
        ({"frames": (1, 2)}, "says what the scene's clock is"),
        ({"args": ("+Q0",)}, "takes no args"),
        ({"scene": None}, "needs a scene"),
        ({"pattern": Path("/o/a.jpg")}, "writes .png and .exr, not '.jpg'"),
    ],
    ids=str,
)
def test_what_makes_no_sense_is_refused(scratch: Path, change: dict[str, Any], match: str) -> None:
    frames = change.pop("frames", (None,))
    with pytest.raises(InvalidRequest, match=match):
        argv(scratch, *frames, **change)


def test_without_the_program_the_worker_is_unfit(scratch: Path) -> None:
    worker = WorkerSettings(povray_program="no-such-povray")

    with pytest.raises(WorkerUnfit, match="correct the setting povray_program"):
        argv(scratch, worker=worker)
    assert PovrayRenderer().probe(worker) is None


def test_a_program_that_is_not_povray_is_not_offered() -> None:
    assert PovrayRenderer().probe(WorkerSettings(povray_program=PROGRAM)) is None


@pytest.mark.parametrize(
    ("line", "progress"),
    [
        ("Rendered 1024 of 2304 pixels (44%)", Progress(fraction=0.44)),
        ("PROGRESS 12", Progress(fraction=0.12)),
        ("Parse Time: 0 hours", None),
    ],
)
def test_lines_say_how_far_it_is(scratch: Path, line: str, progress: Progress | None) -> None:
    assert PovrayRenderer().read(line, work(scratch)) == progress


SYNTAX = [
    "==== [Parsing...] ====",
    "Possible Parse Error: assumed_gamma not specified in this POV-Ray 3.7 or later",
    " scene.",
    "File 'scene/bad.pov' line 2: Parse Error: Expected '>', End of File",
    " found instead",
    "Fatal error in parser: Cannot parse input.",
    "Render failed",
]
MISSING = [
    "File 'scene/a.pov' line 4: Possible Parse Error: Cannot find file",
    " 'tex/none.png', even after trying to append file type extension.",
    "File 'scene/a.pov' line 4: Possible Parse Error: Cannot find image",
    " file.",
    "Fatal error in parser: Cannot open file.",
]


@pytest.mark.parametrize(
    ("lines", "kind", "text"),
    [
        (
            SYNTAX,
            RenderFailed,
            "parse: scene/bad.pov line 2: Expected '>', End of File found instead",
        ),
        (MISSING, SceneMissing, "parse: scene/a.pov line 4: Cannot find file 'tex/none.png'"),
        (
            ["Parse Error: Cannot open input file.", *SYNTAX[-2:]],
            SceneMissing,
            "parse: Cannot open",
        ),
        (SYNTAX[-2:], RenderFailed, "the scene does not parse: Render failed"),
        (["Cannot write PNG data", "Render failed"], WorkerUnfit, "(Cannot write PNG data)"),
        (["  what():  Cannot access data in file."], WorkerUnfit, "is the disk full?"),
    ],
)
def test_why_it_failed(lines: list[str], kind: type[Exception], text: str) -> None:
    found = PovrayRenderer().explain(1, lines)

    assert type(found) is kind
    assert text in str(found)


def test_of_other_ends_it_knows_nothing() -> None:
    assert PovrayRenderer().explain(2, ["Render cancelled by user"]) is None


def test_broken_lines_are_made_whole() -> None:
    assert unwrapped([" a", "b", " c", " d", "e"]) == [" a", "b c d", "e"]


def test_a_picture_has_to_have_the_size_that_was_asked_for(scratch: Path) -> None:
    with pytest.raises(OutputInvalid, match="was not written"):
        PovrayRenderer().verify(scratch / "a.png", work(scratch))
