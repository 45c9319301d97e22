"""The real POV-Ray under a real agent: pictures, kept frames, and words that say what to do."""

import hashlib
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from tests.integration.worker.agents import gone, paint, wait_until
from tests.integration.worker.conftest import Standing, StartAgent
from tests.integration.worker.farm_double import FarmDouble
from tests.programs import needs

from rushlight.messages.commands import AttemptStopped, CompleteTask, FailAttempt, Output
from rushlight.messages.work import Assign, Stop
from rushlight_worker.renderers.exr import exr_size

pytestmark = needs("povray")

SMALL = {"width": 64, "height": 36}
LOOP = {"clock": {"1": 0, "5": 1}}
# Turns in the parser for as long as it is told.
SLOW = """#version 3.7;
global_settings { assumed_gamma 1 }
#declare Turn = 0;
#while (Turn < Turns) #declare Turn = Turn + 1; #end
camera { location -3*z }
sphere { 0, 1 pigment { rgb x } finish { ambient 1 } }
"""
# What a scene may ask of the files around it.
AROUND = """#version 3.7;
global_settings { assumed_gamma 1 }
#include "colors.inc"
#include "beside.inc"
#include "../above/colour.inc"
camera { location -3*z }
plane { -z, 0 pigment { rgb Ours } finish { ambient 1 diffuse 0 } }
"""


def dahlia(instance: str, frames: tuple[int, ...] | None = None, **change: Any) -> Assign:
    given = {
        "renderer": "povray",
        "scene": "builtin:dahlia.pov",
        "args": (),
        "settings": {**SMALL, **LOOP},
        **change,
    }
    return paint(instance, frames=frames).model_copy(update=given)


def write(folder: Path, name: str, text: str) -> None:
    path = folder / "scenes" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def pixels(path: Path) -> str:
    with Image.open(path) as picture:
        return hashlib.sha256(picture.tobytes()).hexdigest()


def finished(folder: Path, frame: int) -> Output:
    """A frame as its report named it."""
    name = f"a.{frame:04d}.png"
    size = (folder / name).stat().st_size
    return Output(frame=frame, path=f"out:{folder.name}/{name}", bytes=size)


@pytest.fixture
def instance(farm: FarmDouble, start_agent: StartAgent) -> str:
    start_agent(renderers=["povray"])
    return farm.wait_for_join()


def test_frames_come_out_each_with_its_clock(
    farm: FarmDouble, instance: str, tmp_path: Path
) -> None:
    farm.send(dahlia(instance, frames=(1, 2, 5)))
    outputs = farm.wait_for_report(CompleteTask).outputs or ()
    shot = tmp_path / "out" / "shot"
    seen = {frame: pixels(shot / f"a.000{frame}.png") for frame in (1, 2, 5)}

    assert [output.path for output in outputs] == [f"out:shot/a.000{n}.png" for n in (1, 2, 5)]
    assert all(output.render_s for output in outputs)
    # The scene loops: clock 1 looks as clock 0 does.
    assert seen[1] == seen[5] != seen[2]
    assert sorted(path.name for path in shot.iterdir()) == [f"a.000{n}.png" for n in (1, 2, 5)]


def test_a_frame_has_the_same_pixels_again_though_not_the_same_bytes(
    farm: FarmDouble, instance: str, tmp_path: Path
) -> None:
    for attempt in (1, 2):
        output = f"out:run-{attempt}.png"
        farm.send(dahlia(instance, attempt=attempt, output=output))
        farm.wait_for_report(CompleteTask, attempt=attempt)

    assert pixels(tmp_path / "out" / "run-1.png") == pixels(tmp_path / "out" / "run-2.png")


def test_an_exr_is_written(farm: FarmDouble, instance: str, tmp_path: Path) -> None:
    farm.send(dahlia(instance, output="out:a.exr"))

    farm.wait_for_report(CompleteTask)

    assert exr_size(tmp_path / "out" / "a.exr") == (64, 36)


def test_a_scene_finds_what_lies_around_it_also_under_names_that_povray_cannot_read(
    farm: FarmDouble, instance: str, tmp_path: Path
) -> None:
    write(tmp_path, "Été 'n°1'/shot/la scène.pov", AROUND)
    write(tmp_path, "Été 'n°1'/shot/beside.inc", "#declare Half = 0.5;")
    write(tmp_path, "Été 'n°1'/above/colour.inc", "#declare Ours = Red * Half;")
    farm.send(dahlia(instance, scene="scenes:Été 'n°1'/shot/la scène.pov", output="out:é.png"))

    farm.wait_for_report(CompleteTask)

    with Image.open(tmp_path / "out" / "é.png") as picture:
        red, green, _ = picture.convert("RGB").getpixel((32, 18))  # type: ignore[misc]
    assert red > 100 > green
    # Clearing away the scratch folder has not followed the link into it.
    assert (tmp_path / "scenes" / "Été 'n°1'" / "shot" / "beside.inc").is_file()


def test_an_agent_that_is_killed_takes_povray_along_and_the_next_one_renders_only_the_rest(
    farm: FarmDouble, start_agent: StartAgent, tmp_path: Path
) -> None:
    write(tmp_path, "slow.pov", SLOW)
    stuck = {"clock": 0, "declare": {"Turns": {"1": 1, "2": 1, "3": 1e12}}}
    first = start_agent(renderers=["povray"])
    assign = dahlia(
        farm.wait_for_join(),
        frames=(1, 2, 3),
        scene="scenes:slow.pov",
        settings={**SMALL, **stuck},
    )
    farm.send(assign)
    shot = tmp_path / "out" / "shot"
    wait_until((shot / "a.0002.png").exists, "two frames are in place")
    wait_until(lambda: len(first.renderers()) > 1, "the third is being rendered")
    pids = [process.pid for process in first.renderers()]
    kept = tuple(finished(shot, frame) for frame in (1, 2))
    before = (shot / "a.0001.png").stat().st_mtime_ns
    first.signal(signal.SIGKILL)
    wait_until(lambda: all(map(gone, pids)), "POV-Ray went with its agent")
    start_agent(renderers=["povray"])
    again = {"settings": {**SMALL, "clock": 0, "declare": {"Turns": 1}}, "attempt": 2}
    instance = farm.wait_for_join(2)
    farm.send(assign.model_copy(update={**again, "instance": instance, "kept": kept}))

    outputs = farm.wait_for_report(CompleteTask, attempt=2).outputs or ()

    assert [output.frame for output in outputs] == [1, 2, 3]
    assert (shot / "a.0001.png").stat().st_mtime_ns == before
    assert sorted(path.name for path in shot.iterdir()) == [f"a.000{n}.png" for n in (1, 2, 3)]


def test_a_stopped_attempt_keeps_what_is_finished(
    farm: FarmDouble, instance: str, tmp_path: Path
) -> None:
    write(tmp_path, "slow.pov", SLOW)
    settings = {**SMALL, "clock": 0, "declare": {"Turns": {"1": 1, "2": 1e12}}}
    assign = dahlia(instance, frames=(1, 2), scene="scenes:slow.pov", settings=settings)
    farm.send(assign)
    wait_until((tmp_path / "out" / "shot" / "a.0001.png").exists, "a frame is in place")
    ids = {"task_id": assign.task_id, "attempt": assign.attempt}
    farm.send(Stop.model_validate({**ids, "reason": "preempted"}))

    report = farm.wait_for_report(AttemptStopped)

    assert [output.frame for output in report.outputs] == [1]


def test_a_picture_that_was_cut_is_not_put_into_place(
    farm: FarmDouble, start_agent: StartAgent, tmp_path: Path
) -> None:
    program = tmp_path / "cutting-povray"
    program.write_text(
        '#!/bin/sh\npovray "$@" && { [ ! -L still.png ] || truncate -s 900 still.png; }\n'
    )
    program.chmod(0o755)
    start_agent(renderers=["povray"], povray_program=str(program))
    farm.send(dahlia(farm.wait_for_join()))

    report = farm.wait_for_report(FailAttempt)

    assert "the still: a.png is no complete picture" in report.reason
    assert list((tmp_path / "out" / "shot").iterdir()) == []


@pytest.fixture(scope="module")
def scenes(povray_standing: Standing) -> Path:
    folder = povray_standing.folder
    write(folder, "cut.pov", "#version 3.7;\nsphere { <0,0\n")
    write(folder, "alone.pov", '#version 3.7;\n#include "gone.inc"\n')
    picture = 'box { 0, 1 pigment { image_map { png "wood/oak.png" } } }\n'
    write(folder, "oak.pov", f"#version 3.7;\n{picture}")
    write(folder, "typo.pov", "#version 3.7;\nsphere { 0, Size }\n")
    write(folder, "stop.pov", '#version 3.7;\n#error "wrong year"\n')
    shutil.copy("/bin/sh", folder / "scenes" / "program.pov")
    return folder


@pytest.fixture(scope="module")
def povray_standing(standing_with: Callable[..., Standing]) -> Standing:
    return standing_with("povray")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"scene": "scenes:cut.pov"}, "scene does not parse: scene/cut.pov line 2: Expected '>'"),
        ({"scene": "scenes:alone.pov"}, "scene/alone.pov line 2: Cannot find file 'gone.inc'"),
        ({"scene": "scenes:oak.pov"}, "scene/oak.pov line 2: Cannot find file 'wood/oak.png'"),
        ({"scene": "scenes:typo.pov"}, "undeclared identifier 'Size' found instead"),
        ({"scene": "scenes:stop.pov"}, "Parse halted by #error directive: wrong year"),
        (
            {"scene": "scenes:program.pov"},
            "the scene does not parse: Illegal character in input file",
        ),
        ({"scene": "scenes:nope.pov"}, "scene nope.pov is not in root scenes"),
        ({"settings": {"samples": 4}}, "renderer povray has no setting samples"),
        ({"frames": (1,), "settings": {}}, "says what the scene's clock is"),
        ({"output": "out:a.tif"}, "renderer povray writes .png and .exr"),
    ],
    ids=lambda value: value[:24] if isinstance(value, str) else "",
)
def test_what_povray_cannot_render_says_why(
    povray_standing: Standing, scenes: Path, change: dict[str, Any], reason: str
) -> None:
    report = povray_standing.failure_of(dahlia(povray_standing.instance, **change))

    assert reason in report.reason
    # What is asked wrongly would be wrong again; a scene may be put right meanwhile.
    assert report.fault == ("render" if "scene" in change else "task")
