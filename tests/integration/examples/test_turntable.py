"""The example of a renderer: built, installed beside Rushlight, and used by a real farm."""

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image
from tests.environments import Environment, beside_this_one
from tests.integration.farm.node import until
from tests.integration.farm.process import FarmProcess

EXAMPLE = Path(__file__).resolve().parents[3] / "examples" / "turntable-renderer"
SMALL = {"width": 64, "height": 48, "turn": 4}
ENDED = {"completed", "failed", "cancelled"}


def run(*argv: object, cwd: Path) -> str:
    """Run a program that has to succeed."""
    done = subprocess.run(
        [str(one) for one in argv], cwd=cwd, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """With the example's wheel in it."""
    folder = tmp_path_factory.mktemp("turntable")
    source = shutil.copytree(EXAMPLE, folder / "source")
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder, cwd=source)
    (wheel,) = folder.glob("*.whl")
    environment = beside_this_one(folder / "venv")
    pip = (sys.executable, "-m", "pip", "--python", environment.python)
    quiet = ("--quiet", "--disable-pip-version-check", "--no-index", "--no-deps")
    run(*pip, "install", *quiet, wheel, cwd=folder)
    return environment


@pytest.fixture(scope="module")
def farm(fresh: Environment, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FarmProcess]:
    folder = tmp_path_factory.mktemp("farm")
    shutil.copy(EXAMPLE / "models" / "candle.obj", folder)
    (folder / "broken.obj").write_text("v 0 0 0\nf 1 2 3\n")
    running = FarmProcess(
        folder / "data",
        workers=1,
        python=str(fresh.python),
        sweep_s=0.5,
        max_retries=0,
        provisioned_workers_max=1,
    )
    running.start()
    yield running
    assert running.stop() == 0


@pytest.fixture
def ended(farm: FarmProcess) -> Callable[..., dict[str, Any]]:
    """Submits a task and waits for its end."""

    def submit(scene: str = "candle.obj", **body: Any) -> dict[str, Any]:
        given = {"renderer": "turntable", "scene": f"scenes:{scene}", "settings": SMALL, **body}
        answer = httpx.post(f"{farm.url}/renders", json=given)
        assert answer.status_code in (201, 202), answer.text
        address = f"{farm.url}/renders/{answer.json()['taskId']}"
        until(lambda: httpx.get(address).json()["status"] in ENDED, "the task ends", 40)
        return dict(httpx.get(address).json())

    return submit


def pictures(farm: FarmProcess, job: str) -> list[Path]:
    return sorted((farm.data / "out" / job).iterdir())


def test_a_worker_offers_it_with_its_version(farm: FarmProcess) -> None:
    def offered() -> Any:
        workers = httpx.get(f"{farm.url}/workers").json()["items"]
        return workers and workers[0]["renderers"].get("turntable")

    until(offered, "a worker has joined", 40)

    assert offered() == "1.0.0"


def test_frames_come_out_and_differ(farm: FarmProcess, ended: Callable[..., Any]) -> None:
    task = ended(frames="1-5", jobId="turn")
    found = [Image.open(path).convert("RGB") for path in pictures(farm, "turn")]

    assert task["status"] == "completed"
    assert [picture.size for picture in found] == [(64, 48)] * 5
    assert found[0].tobytes() != found[1].tobytes()
    # Four frames are one turn.
    assert found[0].tobytes() == found[4].tobytes()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"scene": "broken.obj"}, "broken.obj is no model: it has faces with corners that are"),
        ({"settings": {"hight": 3}}, "renderer turntable has no setting hight; it has height"),
        ({"settings": {"turn": 0}}, "setting turn is a whole number from 1 to 10000, not 0"),
        ({"output": "out:a.jpg"}, "renderer turntable writes .png, not '.jpg'"),
    ],
    ids=str,
)
def test_what_it_cannot_draw_says_why(
    ended: Callable[..., Any], change: dict[str, Any], reason: str
) -> None:
    task = ended(**change)

    assert task["status"] == "failed"
    assert reason in task["errorMessage"]


def test_a_picture_that_was_cut_is_not_taken(
    fresh: Environment, farm: FarmProcess, ended: Callable[..., Any]
) -> None:
    """The installed program is made to write half of a file and to say that all is well."""
    program = fresh.packages / "rushlight_turntable" / "drawing_driver.py"
    text = program.read_text()
    saying = '        print("SAVED"'
    assert text.count(saying) == 1
    program.write_text(text.replace(saying, f"        open(output, 'r+b').truncate(500)\n{saying}"))

    task = ended(jobId="cut")

    assert task["status"] == "failed"
    assert "is no complete picture" in task["errorMessage"]
    assert pictures(farm, "cut") == []
