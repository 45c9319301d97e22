"""The disk of the log is full: nothing is acknowledged or lost, and the farm goes on by itself."""

import os
import resource
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
import pytest
from tests.integration.farm.node import task, until
from tests.integration.farm.process import FarmProcess

from rushlight.eventlog.audit import verify

DISK_BYTES = 8 * 1024 * 1024


@dataclass
class Disk:
    """A farm and its data folder's disk, to be filled and freed."""

    farm: FarmProcess
    fill: Callable[[], None]
    free: Callable[[], None]


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    """A disk of its own where we may mount one, else a limit on the size of the farm's files."""
    data = tmp_path / "disk" / "farm"
    data.mkdir(parents=True)
    mounted = os.geteuid() == 0 and _mounted(data.parent)
    farm = FarmProcess(data, outcome_wait_s=0.5)
    try:
        farm.start()
        yield (_small if mounted else _limited)(farm)
        assert farm.stop() == 0
        report = verify(data)
        assert report.clean, report.differences
    finally:
        if mounted:
            subprocess.run(["umount", "--lazy", data.parent], check=True)


def _mounted(folder: Path) -> bool:
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(folder)]
    return subprocess.run(mount, capture_output=True, check=False).returncode == 0


def _small(farm: FarmProcess) -> Disk:
    filler = farm.data.parent / "filler"

    def fill() -> None:
        with filler.open("wb", buffering=0) as file:
            while True:
                try:
                    file.write(b"x" * 4096)
                except OSError:
                    return

    return Disk(farm, fill, filler.unlink)


def _limited(farm: FarmProcess) -> Disk:
    assert farm.process is not None
    process = psutil.Process(farm.process.pid)
    soft, hard = process.rlimit(resource.RLIMIT_FSIZE)

    def fill() -> None:
        process.rlimit(resource.RLIMIT_FSIZE, (4096, hard))

    def free() -> None:
        process.rlimit(resource.RLIMIT_FSIZE, (soft, hard))

    return Disk(farm, fill, free)


def test_a_full_disk_acknowledges_nothing_loses_nothing_and_goes_on_by_itself(disk: Disk) -> None:
    url = disk.farm.url
    kept = httpx.post(f"{url}/renders", json={"name": "before"}).json()["taskId"]
    disk.fill()
    waiting = httpx.post(f"{url}/renders", json={"name": "meanwhile"})
    assert waiting.status_code in (202, 503), waiting.text
    assert task(disk.farm, kept)["name"] == "before"
    listed = httpx.get(f"{url}/renders").json()["items"]
    assert [one["taskId"] for one in listed] == [kept]
    until(
        lambda: httpx.get(f"{url}/readyz").status_code == 503, "the farm says that it is not ready"
    )
    checks = httpx.get(f"{url}/readyz").json()["checks"]
    assert "log" in checks["dispatcher"] and checks["log"] == "ok", checks
    disk.free()
    until(
        lambda: httpx.post(f"{url}/renders", json={"name": "after"}).status_code == 201,
        "tasks are taken again",
    )
    assert httpx.get(f"{url}/readyz").status_code == 200
    if waiting.status_code == 202:
        outcome = f"{url}/commands/{waiting.json()['commandId']}"
        until(lambda: httpx.get(outcome).status_code == 200, "what waited is decided")
        (made,) = waiting.json()["taskIds"]
        assert task(disk.farm, made)["name"] == "meanwhile"
