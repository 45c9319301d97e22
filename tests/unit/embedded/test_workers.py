"""How many workers ``up`` may start, and what they are said to have."""

import os
from pathlib import Path
from typing import Any

import pytest

from rushlight.settings import FarmSettings, ServerSettings, WorkerSettings
from rushlight.testing import ManualClock
from rushlight_embedded.worker_keys import WorkerKeys
from rushlight_embedded.workers import launch_of, with_provisioner, worker_count
from rushlight_reaper.provisioners.local import Launch
from rushlight_reaper.provisioners.offer import Offer

OFFER = Offer(renderers=("mitsuba",), default_scene=True)
CORES = os.cpu_count() or 1


@pytest.mark.parametrize("given", [{}, {"provisioned_workers_max": 7}])
def test_without_workers_none_is_started_on_demand_either(given: dict[str, Any]) -> None:
    farm = with_provisioner(FarmSettings(**given), ServerSettings(workers=0), OFFER)

    assert farm.provisioned_workers_max == 0


@pytest.mark.parametrize(
    ("given", "workers", "most"),
    [({}, 1, CORES), ({}, CORES + 3, CORES + 3), ({"provisioned_workers_max": 7}, 1, 7)],
)
def test_the_cap_is_the_cores_or_the_workers_unless_it_is_set(
    given: dict[str, Any], workers: int, most: int
) -> None:
    farm = with_provisioner(FarmSettings(**given), ServerSettings(workers=workers), OFFER)

    assert farm.provisioned_workers_max == most
    assert farm.provisioned_renderers == ("mitsuba",)
    assert farm.provisioned_default_scene


def test_half_the_cores_get_a_worker() -> None:
    assert worker_count(ServerSettings()) == max(1, CORES // 2)


def launched(folder: Path, told: WorkerSettings) -> Launch:
    """How a farm in that folder starts its workers."""
    keys = WorkerKeys(folder, ManualClock())
    return launch_of(ServerSettings(data=folder), told, "http://127.0.0.1:1", keys)


def test_a_key_that_the_farm_was_started_with_is_not_for_its_workers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("KEY", "KEY_FILE", "ENROLMENT", "ENROLMENT_FILE"):
        monkeypatch.setenv(f"RUSHLIGHT_{name}", "for somebody else")
    told = WorkerSettings(key_file=tmp_path / "mine", enrolment_file=tmp_path / "token")

    environment = launched(tmp_path, told).environment

    assert [name for name in environment if "KEY" in name or "ENROL" in name] == []


def test_what_the_settings_say_of_workers_stands(tmp_path: Path) -> None:
    told = WorkerSettings(roots={"shots": tmp_path}, threads=5, programs={"echo": ["/bin/echo"]})

    launch = launched(tmp_path, told)

    assert launch.environment["RUSHLIGHT_THREADS"] == "5"
    assert str(tmp_path) in launch.environment["RUSHLIGHT_ROOTS"]
    assert '"out"' in launch.environment["RUSHLIGHT_ROOTS"]
    assert launch.environment["RUSHLIGHT_URL"] == "http://127.0.0.1:1"
    assert "command" in launch.offer.renderers


def test_workers_on_demand_have_every_renderer_that_works_here(tmp_path: Path) -> None:
    """A program that says it is POV-Ray stands for it."""
    program = tmp_path / "povray"
    program.write_text("#!/bin/sh\necho POV-Ray 3.7.0.10.unofficial\n")
    program.chmod(0o755)
    programs = {"echo": ["/bin/echo"]}

    some = launched(tmp_path, WorkerSettings(povray_program=str(program), programs=programs))
    few = launched(tmp_path, WorkerSettings(povray_program="no-such-povray"))

    assert {"command", "povray"} <= set(some.offer.renderers)
    assert not {"command", "povray"} & set(few.offer.renderers)


def test_workers_on_demand_have_what_the_settings_say(tmp_path: Path) -> None:
    launch = launched(tmp_path, WorkerSettings(renderers=("povray",)))

    assert launch.offer.renderers == ("povray",)
