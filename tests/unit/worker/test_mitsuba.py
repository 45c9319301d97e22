"""What the driver is told."""

from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from rushlight.errors import InvalidRequest, OutputInvalid, SceneMissing, WorkerUnfit
from rushlight.settings import WorkerSettings
from rushlight_worker.renderers.mitsuba import MitsubaRenderer, driver_order
from rushlight_worker.renderers.port import Work


def work(frames: tuple[int | None, ...] = (None,), name: str = "a.png", **change: Any) -> Work:
    given: dict[str, Any] = {
        "task_id": UUID(int=1),
        "attempt": 1,
        "scene": Path("/s/a.xml"),
        "outputs": {frame: Path(f"/o/{frame}.{name}") for frame in frames},
        "pattern": Path("/o") / name,
        "scratch": Path("/tmp"),
        "worker": WorkerSettings(threads=2),
        **change,
    }
    return Work(**given)


def values(frames: tuple[int | None, ...], given: Any) -> list[str]:
    order = driver_order(work(frames, settings={"parameters": {"angle": given}}))
    return [frame["parameters"]["angle"] for frame in order["frames"]]


@pytest.mark.parametrize(
    ("given", "text"),
    [(7, "7"), (7.5, "7.5"), ("north", "north"), (True, "true"), (1e-7, "1e-07")],
)
def test_a_plain_value_holds_for_every_frame(given: Any, text: str) -> None:
    assert values((1, 2), given) == [text, text]


def test_between_keyframes_a_value_lies_on_a_straight_line() -> None:
    assert values((1, 7, 25, 49), {"49": 360, "1": 0}) == ["0", "45", "180", "360"]


def test_before_the_first_and_after_the_last_key_it_is_held() -> None:
    assert values((-5, 1, 60), {"1": 10, "49": 360}) == ["10", "10", "360"]


def test_a_still_has_the_first_key() -> None:
    assert values((None,), {"1": 10, "49": 360}) == ["10"]


def test_several_keys_are_several_lines() -> None:
    assert values((5, 15), {"0": 0, "10": 10, "20": 0}) == ["5", "5"]


def test_what_is_not_given_is_the_scenes_own() -> None:
    order = driver_order(work(settings={"width": 64}))

    assert (order["width"], order["height"], order["spp"], order["seed"]) == (64, None, None, None)
    assert order["threads"] == 2


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"settings": {"samples": 4}}, "no setting samples; it has height, seed, spp, width"),
        ({"settings": {"spp": 0}}, "spp is a whole number from 1"),
        ({"settings": {"spp": 1.5}}, "spp is a whole number"),
        ({"settings": {"width": True}}, "width is a whole number"),
        ({"settings": {"width": "64"}}, "width is a whole number"),
        ({"settings": {"seed": 2**32}}, "seed is a whole number"),
        ({"settings": {"parameters": [1]}}, "parameters is an object"),
        ({"settings": {"parameters": {"angle": None}}}, "parameter angle is a number"),
        ({"settings": {"parameters": {"angle": {}}}}, "keyframes of parameter angle"),
        ({"settings": {"parameters": {"angle": {"x": 1}}}}, "keyframes of parameter angle"),
        ({"settings": {"parameters": {"angle": {"1": "x"}}}}, "keyframes of parameter angle"),
        ({"args": ("-v",)}, "takes no args"),
        ({"scene": None}, "needs a scene"),
        ({"pattern": Path("/o/a.jpg")}, "writes .png and .exr"),
    ],
)
def test_settings_that_make_no_sense_are_refused(change: dict[str, Any], match: str) -> None:
    with pytest.raises(InvalidRequest, match=match):
        driver_order(work(**change))


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("ERROR scene-missing: scene a.xml needs b.png", SceneMissing),
        ("ERROR worker-unfit: cannot write a.png: No space left on device", WorkerUnfit),
        ("ERROR output-invalid: a.png is empty", OutputInvalid),
    ],
)
def test_the_driver_says_whose_fault_it_was(line: str, kind: type[Exception]) -> None:
    found = MitsubaRenderer().explain(1, ["PROGRESS 1", line, "bye: all"])

    assert type(found) is kind
    assert str(found) == line.partition(": ")[2]


def test_an_exit_without_an_error_line_has_no_meaning_of_its_own() -> None:
    assert MitsubaRenderer().explain(139, ["ERROR", "Segmentation fault"]) is None
