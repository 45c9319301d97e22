"""The timeline picture and the table of attempts, from the story that the demo tells."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from PIL import Image, ImageColor

from rushlight.cli.demo.ink import RESULT_COLOURS
from rushlight.cli.demo.records import AttemptRecord, by_time
from rushlight.cli.demo.table import as_json, as_text
from rushlight.cli.demo.timeline import Mark, write_timeline

START = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def attempt(
    task: str, number: int, worker_id: str, span_s: tuple[float, float | None], result: str
) -> AttemptRecord:
    start_s, end_s = span_s
    return AttemptRecord(
        task_id=task,
        task=task,
        priority="RUSH" if task == "still" else "LOW",
        frames=None if task == "still" else task,
        attempt=number,
        worker_id=worker_id,
        start=at(start_s),
        end=None if end_s is None else at(end_s),
        result=result,
        detail="for still" if result == "preempted" else None,
        frames_rendered="1-2" if result == "preempted" else None,
    )


STORY = [
    attempt("1-4", 1, "alpha", (0, 10), "preempted"),
    attempt("still", 1, "alpha", (10, 20), "completed"),
    attempt("5-8", 1, "beta", (0, 20), "lost"),
    attempt("5-8", 2, "gamma", (20, 40), "completed"),
    attempt("1-4", 2, "alpha", (20, 30), "failed"),
]


def colours_along(picture: Image.Image, row: int, *seconds: float) -> list[str]:
    """What became of the attempts at these moments in a worker's row, by the bars' colours."""
    results: dict[object, str] = {
        ImageColor.getrgb(colour): name for name, colour in RESULT_COLOURS.items()
    }
    span_s = 40 * 1.01
    y = 122 + row * 76 + 50
    found = []
    for second in seconds:
        pixel = picture.getpixel((round(170 + (1600 - 170 - 36) * second / span_s), y))
        assert isinstance(pixel, tuple)
        found.append(results.get(pixel, "nothing"))
    return found


@pytest.fixture
def picture(tmp_path: Path) -> Image.Image:
    target = tmp_path / "timeline.png"
    write_timeline(STORY, target, title="story", start=START, marks=[Mark(at(15), "kill", "beta")])
    with Image.open(target) as opened:
        return opened.convert("RGB")


def test_each_worker_has_a_row_with_its_attempts_in_the_colour_of_their_result(
    picture: Image.Image,
) -> None:
    assert colours_along(picture, 0, 3, 13, 23, 35) == [
        "preempted",
        "completed",
        "failed",
        "nothing",
    ]
    assert colours_along(picture, 1, 3, 18, 30) == ["lost", "lost", "nothing"]
    assert colours_along(picture, 2, 10, 30) == ["nothing", "completed"]


def test_an_attempt_that_still_renders_reaches_to_the_edge(tmp_path: Path) -> None:
    target = tmp_path / "timeline.png"
    story = [*STORY, attempt("9-12", 1, "beta", (30, None), "rendering")]
    write_timeline(story, target, title="story", start=START)
    with Image.open(target) as opened:
        assert colours_along(opened.convert("RGB"), 1, 32, 40) == ["rendering", "rendering"]


def test_the_table_says_who_when_and_what_became_of_it() -> None:
    lines = [line for line in as_text(STORY, START).splitlines() if line.startswith("│")]
    cells = [[cell.strip() for cell in line.strip("│").split("│")] for line in lines]
    assert cells[0] == [
        *("1-4", "LOW", "1", "alpha", "0.0", "10.0", "preempted", "1-2", "for still"),
    ]
    assert [row[6] for row in cells] == [record.result for record in STORY]


def test_the_json_gives_every_attempt_with_its_times() -> None:
    document = json.loads(as_json(STORY))
    assert [one["result"] for one in document] == [record.result for record in STORY]
    assert datetime.fromisoformat(document[3]["end"]) == at(40)


def test_attempts_are_listed_in_the_order_in_which_they_began() -> None:
    assert [record.start for record in by_time(reversed(STORY))] == sorted(
        record.start for record in STORY
    )
