"""The built-in renderer: real pictures, the same bytes each time, errors that say what to do."""

import re
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from tests.integration.worker.agents import paint
from tests.integration.worker.conftest import Standing, StartAgent
from tests.integration.worker.farm_double import FarmDouble

from rushlight.messages.commands import CompleteTask
from rushlight.messages.work import Assign
from rushlight_worker.renderers.exr import exr_size
from rushlight_worker.roots import builtin_scenes

SMALL = {"width": 32, "height": 18, "spp": 1}
TURN = {"angle": {"1": 0, "49": 360}}


def orrery(instance: str, frames: tuple[int, ...] | None = None, **change: Any) -> Assign:
    given = {
        "renderer": "mitsuba",
        "scene": "builtin:orrery.xml",
        "args": (),
        "settings": {**SMALL, "parameters": TURN},
        **change,
    }
    return paint(instance, frames=frames).model_copy(update=given)


@pytest.fixture
def instance(farm: FarmDouble, start_agent: StartAgent) -> str:
    start_agent(renderers=["mitsuba"])
    return farm.wait_for_join()


def test_frames_have_the_same_bytes_alone_and_together(
    farm: FarmDouble, instance: str, tmp_path: Path
) -> None:
    farm.send(orrery(instance, frames=(1, 2, 3)))
    together = farm.wait_for_report(CompleteTask).outputs or ()
    farm.send(orrery(instance, frames=(2,), output="out:alone.####.png", attempt=2))
    (alone,) = farm.wait_for_report(CompleteTask, attempt=2).outputs or ()

    assert alone.sha256 == together[1].sha256
    assert len({output.sha256 for output in together}) == 3
    assert all(output.render_s for output in together)
    with Image.open(tmp_path / "out" / "shot" / "a.0001.png") as picture:
        assert picture.size == (32, 18)


def test_an_exr_is_written_with_one_thread(farm: FarmDouble, instance: str, tmp_path: Path) -> None:
    """Mitsuba 3.9.1 hangs for ever at an EXR on a pool of one thread, unless stepped around."""
    farm.send(orrery(instance, output="out:a.exr"))

    farm.wait_for_report(CompleteTask)

    assert exr_size(tmp_path / "out" / "a.exr") == (32, 18)


def test_a_task_without_a_renderer_renders_the_default_scene(
    farm: FarmDouble, start_agent: StartAgent
) -> None:
    agent = start_agent(renderers=["mitsuba"], default_scene="builtin:orrery.xml")
    instance = farm.wait_for_join()
    farm.send(orrery(instance, renderer=None, scene=None, settings=SMALL))

    report = farm.wait_for_report(CompleteTask)

    capabilities = farm.ledger.joins[0].capabilities
    assert capabilities is not None
    assert capabilities.default_scene
    assert [output.path for output in report.outputs or ()] == ["out:shot/a.png"]
    assert (agent.out / "shot" / "a.png").is_file()


def test_a_scene_that_declares_no_size_is_rendered_in_the_size_asked_for(
    farm: FarmDouble, instance: str, tmp_path: Path
) -> None:
    text = (builtin_scenes() / "orrery.xml").read_text()
    for name, value in {"width": 320, "height": 180, "spp": 16, "seed": 7}.items():
        text = text.replace(f'<default name="{name}" value="{value}"/>', "")
        text = text.replace(f'"${name}"', f'"{value}"')
    write(tmp_path, "plain.xml", text)
    farm.send(orrery(instance, scene="scenes:plain.xml"))
    plain = farm.wait_for_report(CompleteTask).outputs or ()
    farm.send(orrery(instance, attempt=2))
    declared = farm.wait_for_report(CompleteTask, attempt=2).outputs or ()

    assert plain[0].sha256 == declared[0].sha256


def write(folder: Path, name: str, text: str) -> None:
    (folder / "scenes").mkdir(exist_ok=True)
    (folder / "scenes" / name).write_text(text)


ANGLE = '<default name="angle" value="0"/>'
BITMAP = '<texture type="bitmap"><string name="filename" value="wood/oak.png"/></texture>'


def cropped() -> str:
    """The packaged scene with a crop window on its film."""
    window = {"crop_offset_x": 4, "crop_offset_y": 2, "crop_width": 16, "crop_height": 9}
    lines = [f'<integer name="{name}" value="{value}"/>' for name, value in window.items()]
    text = (builtin_scenes() / "orrery.xml").read_text()
    return re.sub(r'(<film type="hdrfilm">)', r"\1" + "".join(lines), text)


def test_a_crop_window_of_the_scene_is_kept(
    farm: FarmDouble, instance: str, tmp_path: Path
) -> None:
    write(tmp_path, "crop.xml", cropped())
    farm.send(orrery(instance, scene="scenes:crop.xml", settings={"spp": 1}))

    farm.wait_for_report(CompleteTask)

    with Image.open(tmp_path / "out" / "shot" / "a.png") as picture:
        assert picture.size == (16, 9)


@pytest.mark.parametrize(
    ("change", "fault", "reason"),
    [
        ({"scene": "scenes:nope.xml"}, "render", "scene nope.xml is not in root scenes"),
        ({"scene": "scenes:cut.xml"}, "render", "scene cut.xml is not valid XML"),
        (
            {"scene": "scenes:oak.xml"},
            "render",
            "scene oak.xml needs wood/oak.png, not found beside it",
        ),
        ({"scene": "scenes:crop.xml"}, "task", "scene crop.xml renders a part of its film only"),
        ({"scene": "scenes:odd.xml"}, "render", "scene odd.xml does not load"),
        ({"settings": {"samples": 4}}, "task", "renderer mitsuba has no setting samples; it has"),
        ({"settings": {"spp": 0}}, "task", "setting spp is a whole number from 1 to"),
        (
            {"settings": {"parameters": {"angel": 3}}},
            "task",
            "declares no parameter angel; it has angle",
        ),
        (
            {"settings": {"parameters": {"angle": "north"}}},
            "render",
            'could not parse angle value "north"',
        ),
        ({"settings": {"parameters": {"angle": {}}}}, "task", "keyframes of parameter angle are"),
        (
            {"settings": {"parameters": {"angle": [1]}}},
            "task",
            "parameter angle is a number, a text",
        ),
        ({"settings": {"parameters": 3}}, "task", "setting parameters is an object"),
        ({"args": ("--fast",)}, "task", "renderer mitsuba takes no args"),
        ({"output": "out:a.jpg"}, "task", "renderer mitsuba writes .png and .exr, not '.jpg'"),
        ({"scene": None}, "task", "renderer mitsuba needs a scene"),
    ],
    ids=lambda value: value[:24] if isinstance(value, str) else "",
)
def test_what_mitsuba_cannot_render_says_why(
    standing: Standing, change: dict[str, Any], fault: str, reason: str
) -> None:
    write(standing.folder, "cut.xml", "<scene><shape></scene>")
    write(standing.folder, "oak.xml", f'<scene version="3.0.0">{ANGLE}{BITMAP}</scene>')
    dodo = f'<scene version="3.0.0">{ANGLE}<shape type="dodo"/></scene>'
    write(standing.folder, "odd.xml", dodo)
    write(standing.folder, "crop.xml", cropped())

    report = standing.failure_of(orrery(standing.instance, **change))

    assert reason in report.reason
    assert report.fault == fault
