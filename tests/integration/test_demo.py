"""The demo on a real farm, smaller: promises, pictures, and the same bytes without chaos."""

import json
import os
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from PIL import Image
from PIL.GifImagePlugin import GifImageFile

FRAMES = 16
SIZE = (96, 54)
SMALL = ("--frames", FRAMES, "--width", SIZE[0], "--height", SIZE[1], "--samples", 160)
WITHIN_S = 240

# One group: the two runs are made once, not once in each process of pytest-xdist.
pytestmark = [pytest.mark.timeout(2 * WITHIN_S), pytest.mark.xdist_group("demo")]


@dataclass(frozen=True)
class Demo:
    """What a run of the demo left behind."""

    folder: Path
    exit_code: int
    said: str
    said_aside: str

    @property
    def frames(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in sorted(self.folder.glob("frames/*"))}

    @property
    def results(self) -> Counter[str]:
        attempts = json.loads((self.folder / "attempts.json").read_text())
        return Counter(one["result"] for one in attempts)


def run(folder: Path, *arguments: object) -> Demo:
    done = subprocess.run(
        [sys.executable, "-m", "rushlight.cli", "demo", str(folder), *map(str, arguments)],
        check=False,
        capture_output=True,
        text=True,
        timeout=WITHIN_S,
        # Meant for another farm, and none of the demo's business.
        env={**os.environ, "RUSHLIGHT_KEY": "rlk_of_another", "RUSHLIGHT_KEY_FILE": "/nowhere"},
    )
    return Demo(folder, done.returncode, done.stdout, done.stderr)


@pytest.fixture(scope="module")
def disturbed(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    return run(tmp_path_factory.mktemp("disturbed"), *SMALL)


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    return run(tmp_path_factory.mktemp("calm"), *SMALL, "--no-chaos", "--json")


def test_the_demo_keeps_its_promises(disturbed: Demo) -> None:
    assert disturbed.exit_code == 0, disturbed.said + disturbed.said_aside
    assert "with SIGKILL" in disturbed.said


def test_a_calm_demo_keeps_them_too(calm: Demo) -> None:
    assert calm.exit_code == 0, calm.said_aside
    assert calm.results == {"completed": 4}


def test_with_json_there_is_nothing_but_json(calm: Demo) -> None:
    assert json.loads(calm.said) == json.loads((calm.folder / "attempts.json").read_text())
    assert "rushlight audit verify" in calm.said_aside


def test_preemption_and_a_killed_worker_change_no_byte_of_any_frame(
    disturbed: Demo, calm: Demo
) -> None:
    assert len(calm.frames) == FRAMES
    assert disturbed.frames == calm.frames


def test_the_attempts_say_who_was_preempted_and_who_was_lost(disturbed: Demo) -> None:
    assert disturbed.results["preempted"] >= 1
    assert disturbed.results["lost"] >= 1
    table = (disturbed.folder / "attempts.txt").read_text()
    assert table in disturbed.said
    assert table.count("│ preempted ") == disturbed.results["preempted"]


def test_the_pictures_are_whole(disturbed: Demo) -> None:
    with Image.open(disturbed.folder / "orrery.gif") as animation:
        assert isinstance(animation, GifImageFile)
        assert (animation.size, animation.n_frames) == (SIZE, FRAMES)
    for name in ("contact-sheet.png", "timeline.png"):
        with Image.open(disturbed.folder / name) as picture:
            picture.load()
            assert picture.width > SIZE[0]


def test_nothing_of_the_farm_is_left_running(disturbed: Demo, calm: Demo) -> None:
    folders = {str(disturbed.folder), str(calm.folder)}
    left = [
        process.info["cmdline"]
        for process in psutil.process_iter(["cmdline"])
        if any(folder in " ".join(process.info["cmdline"] or ()) for folder in folders)
    ]
    assert left == []


def test_a_folder_that_no_demo_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    refused = run(tmp_path, *SMALL)
    assert (refused.exit_code, [path.name for path in tmp_path.iterdir()]) == (2, ["thesis.txt"])
    assert "not the output of an earlier demo" in refused.said_aside
