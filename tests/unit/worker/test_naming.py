"""Names of outputs."""

from pathlib import Path
from uuid import UUID

import pytest

from rushlight.errors import InvalidRequest
from rushlight_worker.naming import Mark, attempt_of, output_name, output_names, temporary_path

TASK = UUID("0199f6a0-0000-7000-8000-000000000001")


@pytest.mark.parametrize(
    ("pattern", "frame", "name"),
    [
        ("out:a.####.png", 7, "out:a.0007.png"),
        ("out:a.####.png", 12345, "out:a.12345.png"),
        ("out:a.####.png", -5, "out:a.-005.png"),
        ("out:a.#.png", 7, "out:a.7.png"),
        ("out:s#1/a_##.png", 7, "out:s#1/a_07.png"),
        ("out:a#b.####.png", 7, "out:a#b.0007.png"),
        ("out:a.png", 7, "out:a.png"),
        ("out:a.png", None, "out:a.png"),
        ("out:a.####.png", None, "out:a.png"),
        ("out:a_####.png", None, "out:a.png"),
        ("out:a-####.png", None, "out:a-.png"),
        ("out:####.png", None, "out:still.png"),
        ("out:s/####", None, "out:s/still"),
    ],
)
def test_the_frame_stands_where_the_pattern_says(
    pattern: str, frame: int | None, name: str
) -> None:
    assert output_name(pattern, frame) == name


def test_several_frames_need_a_place_for_their_number() -> None:
    with pytest.raises(InvalidRequest, match="put #### where the frame's number belongs"):
        output_names("out:a.png", (1, 2))


def test_the_temporary_name_keeps_folder_and_extension() -> None:
    found = temporary_path(Path("/o/s/a.0007.png"), Mark(TASK, 3, "cafe"))

    assert found == Path(f"/o/s/a.0007.part-{TASK}-3-cafe.png")


def test_a_name_that_would_be_too_long_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="too long"):
        temporary_path(Path("/o") / ("a" * 230 + ".png"), Mark(TASK, 3, "cafe"))


@pytest.mark.parametrize(
    ("name", "attempt"),
    [
        (f"a.0007.part-{TASK}-3-cafe.png", 3),
        (f"a.part-{TASK}-12-x_y-z", 12),
        (f"a.part-{TASK}.png", None),
        (f"a.part-{UUID(int=1)}-3-cafe.png", None),
        ("a.0007.png", None),
    ],
)
def test_a_temporary_name_tells_whose_it_is(name: str, attempt: int | None) -> None:
    assert attempt_of(Path("/o") / name, TASK) == attempt
