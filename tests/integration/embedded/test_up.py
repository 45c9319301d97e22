"""``rushlight up`` with its workers: it comes, keeps them, and goes with all that it started."""

import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from tests.integration.farm.node import until, worker
from tests.integration.farm.process import FarmProcess


@pytest.fixture
def farm(tmp_path: Path) -> Iterator[FarmProcess]:
    """A farm with one worker, which has joined."""
    running = FarmProcess(tmp_path / "farm", workers=1, sweep_s=0.5)
    running.start()
    until(lambda: worker(running, "local-1").get("status") == "ready", "the worker has joined")
    yield running
    assert running.stop() in (0, -signal.SIGKILL)


def children(farm: FarmProcess) -> list[psutil.Process]:
    assert farm.process is not None
    return psutil.Process(farm.process.pid).children(recursive=True)


def submit(farm: FarmProcess, **body: Any) -> dict[str, Any]:
    answer = httpx.post(f"{farm.url}/renders", json=body)
    assert answer.status_code == 201, answer.text
    task: dict[str, Any] = answer.json()
    return task


def long_task(farm: FarmProcess) -> str:
    """A task that renders for minutes, and is at it."""
    settings = {"width": 1920, "height": 1080, "spp": 4096}
    task_id = submit(farm, settings=settings)["taskId"]
    until(lambda: status(farm, task_id) == "rendering", "it renders")
    return str(task_id)


def status(farm: FarmProcess, task_id: str) -> str:
    found: str = httpx.get(f"{farm.url}/renders/{task_id}").json()["status"]
    return found


def test_its_worker_renders_the_packaged_scene(farm: FarmProcess) -> None:
    task = submit(farm, settings={"width": 32, "height": 18, "spp": 1})
    until(lambda: status(farm, task["taskId"]) == "completed", "it is rendered")
    path = httpx.get(f"{farm.url}/renders/{task['taskId']}").json()["outputPath"]

    picture = (farm.data / "out" / path.removeprefix("out:")).read_bytes()
    assert picture.startswith(b"\x89PNG")


def test_clients_on_this_machine_find_it_while_it_runs(farm: FarmProcess) -> None:
    assert farm.process is not None
    note = json.loads((farm.data / "farm.json").read_text())
    assert note == {"pid": farm.process.pid, "url": farm.url}
    assert farm.stop() == 0
    assert not (farm.data / "farm.json").exists()


def test_a_stop_takes_less_than_five_seconds_and_leaves_nothing_running(farm: FarmProcess) -> None:
    """With a task at work, and a client that waits for one."""
    task_id = long_task(farm)
    httpx.put(f"{farm.url}/workers/w/status", json={"status": "ready"})
    answers: list[int] = []
    poll = threading.Thread(
        target=lambda: answers.append(
            httpx.post(f"{farm.url}/workers/w/request-task?wait=30", timeout=40).status_code
        )
    )
    poll.start()
    started = children(farm)
    begun = time.monotonic()
    assert farm.stop() == 0
    assert time.monotonic() - begun < 5
    poll.join(5)
    # The attempt that was given back may have gone to the one who waited.
    assert answers in ([204], [200])
    assert [one for one in started if one.is_running() and one.status() != "zombie"] == []
    farm.start()
    until(lambda: status(farm, task_id) in ("pending", "rendering"), "the task is not lost")


def test_a_second_signal_ends_it_at_once(tmp_path: Path) -> None:
    """The first one alone would wait for the attempt."""
    farm = FarmProcess(tmp_path / "farm", workers=1, drain_s=60, shutdown_s=60)
    farm.start()
    long_task(farm)
    started = children(farm)
    assert farm.process is not None
    farm.process.send_signal(signal.SIGTERM)
    until(lambda: not (farm.data / "farm.json").exists(), "the stop has begun")
    farm.process.send_signal(signal.SIGTERM)
    assert farm.process.wait(5) == 128 + signal.SIGTERM
    until(lambda: not any(map(alive, started)), "its workers are gone")


def alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_workers_and_renderers_end_with_a_farm_that_is_killed(farm: FarmProcess) -> None:
    long_task(farm)
    started = children(farm)
    assert len(started) >= 2
    farm.kill()
    until(lambda: not any(map(alive, started)), "all of them are gone")


def test_a_worker_that_is_killed_comes_back(farm: FarmProcess) -> None:
    first = worker(farm, "local-1")["instance"]
    os.kill(children(farm)[0].pid, signal.SIGKILL)
    until(
        lambda: worker(farm, "local-1").get("instance") not in (None, first),
        "another instance has joined",
    )


def test_a_task_beside_running_ones_of_its_priority_gets_a_new_worker(farm: FarmProcess) -> None:
    long_task(farm)
    second = submit(farm, settings={"width": 32, "height": 18, "spp": 1})["taskId"]
    until(lambda: status(farm, second) == "completed", "a new worker has rendered it")
    found = httpx.get(f"{farm.url}/renders/{second}").json()["workerId"]

    assert found != "local-1"
    assert worker(farm, found)["provisioned"] is True
