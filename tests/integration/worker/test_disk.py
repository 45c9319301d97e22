"""A disk that takes no more is the worker's fault, and nothing half written stays."""

import os
import resource
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.integration.worker.agents import paint
from tests.integration.worker.conftest import StartAgent
from tests.integration.worker.farm_double import FarmDouble
from tests.programs import needs

from rushlight.messages.commands import FailAttempt

FULL_BYTES = 256 * 1024


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A root that takes 256 KiB: a disk of its own where we may mount one, else a file limit."""
    out = tmp_path / "out"
    out.mkdir()
    if os.geteuid() == 0 and mounted(out):
        yield out
        subprocess.run(["umount", out], check=True)
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (FULL_BYTES, hard))
    yield out
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def mounted(folder: Path) -> bool:
    options = f"size={FULL_BYTES}"
    mount = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    return subprocess.run(mount, capture_output=True, check=False).returncode == 0


def test_a_full_disk_is_the_workers_fault_and_leaves_nothing(
    farm: FarmDouble, start_agent: StartAgent, small_disk: Path
) -> None:
    start_agent()
    farm.send(paint(farm.wait_for_join(), "--fill", str(4 * FULL_BYTES)))

    report = farm.wait_for_report(FailAttempt)

    assert report.fault == "worker"
    assert "No space left" in report.reason or "File too large" in report.reason
    assert [path for path in small_disk.rglob("*") if path.is_file()] == []


def test_mitsuba_says_so_too(farm: FarmDouble, start_agent: StartAgent, small_disk: Path) -> None:
    start_agent(renderers=["mitsuba"])
    assign = paint(farm.wait_for_join()).model_copy(
        update={
            "renderer": "mitsuba",
            "scene": "builtin:orrery.xml",
            "args": (),
            # Noise does not compress: more than the disk takes.
            "settings": {"width": 640, "height": 360, "spp": 1},
        }
    )
    farm.send(assign)

    report = farm.wait_for_report(FailAttempt)

    assert report.fault == "worker"
    assert "cannot write a" in report.reason
    assert [path for path in small_disk.rglob("*") if path.is_file()] == []


@needs("povray")
@pytest.mark.parametrize("suffix", ["png", "exr"])
def test_povray_says_so_too(
    farm: FarmDouble, start_agent: StartAgent, small_disk: Path, tmp_path: Path, suffix: str
) -> None:
    scene = tmp_path / "scenes" / "noise.pov"
    scene.parent.mkdir()
    scene.write_text(
        "#version 3.7;\nglobal_settings { assumed_gamma 1 }\ncamera { location -3*z }\n"
        "plane { -z, 0 pigment { granite scale 0.001 } finish { ambient 1 } }\n"
    )
    start_agent(renderers=["povray"])
    assign = paint(farm.wait_for_join(), output=f"out:a.{suffix}").model_copy(
        update={
            "renderer": "povray",
            "scene": "scenes:noise.pov",
            "args": (),
            "settings": {"width": 800, "height": 600, "antialias": 0},
        }
    )
    farm.send(assign)

    report = farm.wait_for_report(FailAttempt)

    assert report.fault == "worker"
    assert "is the disk full?" in report.reason or "file too large" in report.reason
    assert [path for path in small_disk.rglob("*") if path.is_file()] == []
