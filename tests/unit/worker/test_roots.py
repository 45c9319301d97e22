"""No name leads out of its root."""

from pathlib import Path

import pytest

from rushlight.errors import InvalidRequest, SceneMissing, WorkerUnfit
from rushlight_worker.roots import Roots, builtin_scenes


@pytest.fixture
def roots(tmp_path: Path) -> Roots:
    for name in ("out", "other"):
        (tmp_path / name).mkdir()
    (tmp_path / "out" / "a.xml").touch()
    (tmp_path / "other" / "b.xml").touch()
    (tmp_path / "out" / "inside").symlink_to(tmp_path / "out" / "a.xml")
    (tmp_path / "out" / "outside").symlink_to(tmp_path / "other")
    (tmp_path / "out" / "loop").symlink_to(tmp_path / "out" / "loop")
    return Roots({"out": tmp_path / "out", "gone": tmp_path / "gone"})


@pytest.mark.parametrize(
    "name",
    [
        "a.xml",
        ":a.xml",
        "out:",
        "out:.",
        "out:/etc/passwd",
        "out:../other/b.xml",
        "out:x/../../other/b.xml",
        "out:..",
        "out:a\0b",
        "out:outside/b.xml",
        "out:loop/b.xml",
    ],
)
def test_a_name_that_leaves_its_root_is_refused(roots: Roots, name: str) -> None:
    for find in (roots.scene, roots.output):
        with pytest.raises(InvalidRequest):
            find(name)


def test_a_link_within_the_root_is_followed(roots: Roots, tmp_path: Path) -> None:
    assert roots.scene("out:inside") == tmp_path / "out" / "a.xml"


def test_a_missing_scene_is_named_with_its_root(roots: Roots) -> None:
    with pytest.raises(SceneMissing, match=r"scene s/nope\.xml is not in root out \("):
        roots.scene("out:s/nope.xml")


def test_an_unknown_root_says_how_to_add_it(roots: Roots) -> None:
    with pytest.raises(WorkerUnfit, match="RUSHLIGHT_ROOTS"):
        roots.scene("mnt:a.xml")


def test_a_root_that_is_not_mounted_is_the_workers_fault(roots: Roots) -> None:
    with pytest.raises(WorkerUnfit, match="is it mounted"):
        roots.output("gone:a.png")


def test_folders_of_an_output_are_made(roots: Roots, tmp_path: Path) -> None:
    found = roots.output("out:s/t/a.png")

    assert found == tmp_path / "out" / "s" / "t" / "a.png"
    assert found.parent.is_dir()


def test_an_output_below_a_file_is_refused(roots: Roots) -> None:
    with pytest.raises(InvalidRequest, match="is a file"):
        roots.output("out:a.xml/b.png")


def test_an_output_that_is_a_link_is_replaced_not_followed(roots: Roots, tmp_path: Path) -> None:
    assert roots.output("out:outside") == tmp_path / "out" / "outside"


def test_the_packaged_scenes_are_always_there() -> None:
    assert Roots({}).scene("builtin:orrery.xml") == builtin_scenes() / "orrery.xml"


def test_nothing_is_written_to_the_packaged_scenes() -> None:
    with pytest.raises(InvalidRequest, match="read only"):
        Roots({}).output("builtin:a.png")
