"""Real agents of a real farm, suspended and killed: no frame of an old attempt, no process left."""

import hashlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from tests.integration.farm.node import (
    SHORT,
    Node,
    attempts,
    is_running,
    submit,
    task,
    until,
    worker,
)
from tests.integration.farm.process import FarmProcess

from rushlight.eventlog.audit import verify


@pytest.fixture
def farm(tmp_path: Path) -> Iterator[FarmProcess]:
    """A farm without workers and with short timers; its log is audited at the end."""
    (tmp_path / "out").mkdir()
    running = FarmProcess(tmp_path / "farm", **SHORT)
    running.start()
    yield running
    assert running.stop() == 0
    report = verify(running.data)
    assert report.clean, report.differences


@pytest.fixture
def nodes(farm: FarmProcess, tmp_path: Path) -> Iterator[dict[str, Node]]:
    """Nodes that a test starts; all are ended."""
    started: dict[str, Node] = {}
    yield started
    for node in started.values():
        node.end()


def holding(farm: FarmProcess, nodes: dict[str, Node], tmp_path: Path) -> tuple[str, Path]:
    """A task of four frames on node a, held before its third; returns it and the gate."""
    nodes["a"] = Node(farm, "a", tmp_path / "out")
    until(lambda: worker(farm, "a").get("status") == "ready", "node a has joined")
    gate = tmp_path / "gate"
    task_id = submit(farm, "--hold", str(gate), "--hold-at", "3")
    until(lambda: task(farm, task_id)["framesRendered"] == "1-2", "two frames are in place")
    until(gate.with_suffix(".reached").exists, "the renderer holds")
    return task_id, gate


def test_a_suspended_agent_publishes_nothing_of_its_old_attempt(
    farm: FarmProcess, nodes: dict[str, Node], tmp_path: Path
) -> None:
    task_id, gate = holding(farm, nodes, tmp_path)
    nodes["a"].signal(signal.SIGSTOP)
    until(lambda: worker(farm, "a")["status"] == "failed", "the suspended agent is lost")
    gate.touch()
    nodes["b"] = Node(farm, "b", tmp_path / "out")
    until(lambda: task(farm, task_id)["status"] == "completed", "node b has finished")
    done = task(farm, task_id)
    frames = hashes(tmp_path / "out")
    nodes["a"].signal(signal.SIGCONT)
    until(lambda: worker(farm, "a")["status"] == "ready", "the agent has joined anew")
    assert task(farm, task_id) == done
    assert hashes(tmp_path / "out") == frames
    assert [(one["workerId"], one["result"]) for one in attempts(farm, task_id)] == [
        ("a", "lost"),
        ("b", "completed"),
    ]
    reported = {
        output["path"].split("/")[-1]: output["sha256"]
        for attempt in attempts(farm, task_id)
        for output in attempt["outputs"]
    }
    assert reported == frames
    events = httpx.get(f"{farm.url}/renders/{task_id}/events").json()["items"]
    lost = next(one["position"] for one in events if one["topic"].endswith("task.lost"))
    late = [one for one in events if one["position"] > lost and one["workerId"] == "a"]
    assert late == []


def hashes(out: Path) -> dict[str, str]:
    """SHA-256 of every file below, hidden and temporary ones too."""
    return {
        file.name: hashlib.sha256(file.read_bytes()).hexdigest()
        for file in out.rglob("*")
        if file.is_file()
    }


def test_a_killed_agent_leaves_no_renderer_and_its_task_goes_on_elsewhere(
    farm: FarmProcess, nodes: dict[str, Node], tmp_path: Path
) -> None:
    task_id, gate = holding(farm, nodes, tmp_path)
    renderer = int(gate.with_suffix(".reached").read_text())
    nodes["b"] = Node(farm, "b", tmp_path / "out")
    until(lambda: worker(farm, "b").get("status") == "ready", "node b has joined")
    nodes["a"].signal(signal.SIGKILL)
    until(lambda: not is_running(renderer), "the renderer has died with its agent", 3)
    took_s = until(lambda: task(farm, task_id)["workerId"] == "b", "node b has the task")
    assert took_s < SHORT["lost_after_s"] + SHORT["sweep_s"] + SHORT["heartbeat_s"] + 1
    gate.touch()
    until(lambda: task(farm, task_id)["status"] == "completed", "node b has finished")
    done = task(farm, task_id)
    assert (done["losses"], done["retries"], done["framesRendered"]) == (1, 0, "1-4")


def test_a_cancelled_task_stops_its_renderer_and_keeps_its_frames(
    farm: FarmProcess, nodes: dict[str, Node], tmp_path: Path
) -> None:
    task_id, gate = holding(farm, nodes, tmp_path)
    renderer = int(gate.with_suffix(".reached").read_text())
    assert httpx.post(f"{farm.url}/renders/{task_id}/cancel").status_code == 200
    until(lambda: task(farm, task_id)["status"] == "cancelled", "the stop is answered")
    until(lambda: not is_running(renderer), "the renderer has stopped", 3)
    assert set(hashes(tmp_path / "out")) == {"shot.0001.png", "shot.0002.png"}
    assert worker(farm, "a")["status"] == "ready"


def test_the_farm_killed_and_started_again_goes_on_with_the_same_attempt(
    farm: FarmProcess, nodes: dict[str, Node], tmp_path: Path
) -> None:
    port = int(farm.url.rsplit(":", 1)[1])
    task_id, gate = holding(farm, nodes, tmp_path)
    farm.kill()
    farm.start(port=port)
    gate.touch()
    until(lambda: task(farm, task_id)["status"] == "completed", "the attempt goes on")
    assert [one["result"] for one in attempts(farm, task_id)] == ["completed"]


def test_a_stopped_farm_leaves_no_process(tmp_path: Path) -> None:
    farm = FarmProcess(tmp_path / "farm", workers=1)
    farm.start()
    until(lambda: worker(farm, "local-1").get("status") == "ready", "the local worker has joined")
    response = httpx.post(f"{farm.url}/renders", json={"settings": {"spp": 4000}})
    assert response.status_code == 201
    task_id = response.json()["taskId"]
    until(lambda: task(farm, task_id)["status"] == "rendering", "it renders")
    ours = processes_of(farm.data)
    assert len(ours) > 1
    assert farm.stop(7) == 0
    until(lambda: not any(is_running(pid) for pid in ours), "every process has ended", 3)
    assert verify(farm.data).clean


def processes_of(data: Path) -> list[int]:
    """Processes whose environment or arguments name the data folder."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            told = (entry / "environ").read_bytes() + (entry / "cmdline").read_bytes()
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
        if str(data).encode() in told:
            found.append(int(entry.name))
    return found
