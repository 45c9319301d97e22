"""How a program's argv is made."""

from pathlib import Path
from typing import Any

import pytest
from tests.unit.worker.test_mitsuba import work

from rushlight.errors import InvalidRequest, WorkerUnfit
from rushlight.settings import WorkerSettings
from rushlight_worker.renderers.command import CommandRenderer
from rushlight_worker.renderers.port import Invocation, Progress

SETTINGS = WorkerSettings(
    programs={"echo": ["/bin/echo", "-n"], "per": ["/bin/echo", "{frame}"], "gone": ["/nope"]},
    threads=3,
)


def runs(
    *args: str, frames: tuple[int | None, ...] = (None,), program: str = "echo", **change: Any
) -> list[Invocation]:
    given = {"worker": SETTINGS, "settings": {"program": program}, "args": args, **change}
    return list(CommandRenderer().prepare(work(frames, **given)))


def test_without_frame_or_output_it_runs_once_for_all() -> None:
    (run,) = runs("{first}-{last}", "{threads}", "{scene}", frames=(1, 2, 5))

    assert run.argv == ("/bin/echo", "-n", "1-5", "3", "/s/a.xml")
    assert list(run.outputs) == [1, 2, 5]
    assert run.env["RUSHLIGHT_OUTPUT_PATTERN"] == "/o/a.png"


@pytest.mark.parametrize("place", ["{frame}", "{output}", "--out={output}"])
def test_with_frame_or_output_it_runs_once_per_frame(place: str) -> None:
    first, second = runs(place, frames=(1, 2))

    assert list(first.outputs) == [1]
    assert second.env["RUSHLIGHT_FRAME"] == "2"
    assert second.env["RUSHLIGHT_OUTPUT"] == "/o/2.a.png"


def test_places_in_the_workers_own_argv_count_too() -> None:
    assert [run.argv for run in runs(frames=(3, 4), program="per")] == [
        ("/bin/echo", "3"),
        ("/bin/echo", "4"),
    ]


def test_a_still_runs_once_with_its_output() -> None:
    (run,) = runs("{output}")

    assert run.argv[-1] == "/o/None.a.png"


def test_other_braces_are_left_alone() -> None:
    (run,) = runs('{"a": {b}}')

    assert run.argv[-1] == '{"a": {b}}'


@pytest.mark.parametrize(
    ("args", "change", "error", "match"),
    [
        (("{frame}",), {}, InvalidRequest, "the task has no frames"),
        (("{scene}",), {"scene": None}, InvalidRequest, "the task has no scene"),
        ((), {"settings": {}}, InvalidRequest, "needs the name of a program"),
        ((), {"settings": {"program": "nuke"}}, WorkerUnfit, "they name: echo, gone, per"),
        ((), {"settings": {"program": "gone"}}, WorkerUnfit, "program 'gone' is not there"),
        ((), {"settings": {"program": "echo", "x": 1}}, InvalidRequest, "no setting x"),
        ((), {"settings": {"program": "echo", "width": "1"}}, InvalidRequest, "width is a whole"),
        ((), {"settings": {"program": "echo", "progress": "("}}, InvalidRequest, "regular expr"),
        ((), {"settings": {"program": "echo", "progress": "x"}}, InvalidRequest, "one group"),
    ],
)
def test_what_makes_no_sense_is_refused(
    args: tuple[str, ...], change: dict[str, Any], error: type[Exception], match: str
) -> None:
    with pytest.raises(error, match=match):
        runs(*args, **change)


@pytest.mark.parametrize(
    ("expression", "line", "said"),
    [
        (r"(\d+)%", "now 40% of it", Progress(fraction=0.4)),
        (r"(?P<done>\d+)/(?P<total>\d+)", "at 3/4", Progress(fraction=0.75)),
        (r"(?P<done>\d+)/(?P<total>\d+)", "at 0/0", None),
        (r"(\w+)%", "much%", None),
        (r"(\d+)%", "nothing here", None),
        (r"(\d+)%", "SAVED frame=1", Progress(frame=1, saved=True)),
    ],
)
def test_the_tasks_expression_finds_progress(
    expression: str, line: str, said: Progress | None
) -> None:
    renderer = CommandRenderer()

    found = renderer.read(line, work(settings={"program": "echo", "progress": expression}))

    assert found == said


@pytest.mark.parametrize(
    ("programs", "version"),
    [({}, None), ({"gone": ["/nope"]}, None), ({"empty": []}, None), ({"echo": ["echo"]}, "1")],
)
def test_it_is_offered_if_a_program_is_there(
    programs: dict[str, list[str]], version: str | None
) -> None:
    assert CommandRenderer().probe(WorkerSettings(programs=programs)) == version


def test_a_file_that_is_no_picture_only_has_to_be_there(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(b"x")

    CommandRenderer().verify(path, work(name="a.mp4"))
