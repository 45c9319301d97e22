"""Render nodes as processes of their own: the real agent with the renderer ``command``."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
from tests.integration.farm.process import FarmProcess

PAINTER = Path(__file__).parents[1] / "worker" / "painter.py"
SHORT: dict[str, Any] = {
    "sweep_s": 0.5,
    "heartbeat_s": 0.3,
    "self_fence_s": 1,
    "fence_kill_s": 30,
    "stop_grace_s": 0.5,
    "lost_after_s": 2,
    "stop_timeout_s": 5,
}


class Node:
    """A worker on this machine, with the farm's output folder."""

    def __init__(self, farm: FarmProcess, worker_id: str, out: Path, **environment: str) -> None:
        """Start its agent; ``environment`` is what else its variables are."""
        scratch = out.parent / f"scratch-{worker_id}"
        scratch.mkdir(exist_ok=True)
        with (out.parent / f"{worker_id}.out").open("ab") as log:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "rushlight.cli", "worker", "run"),
                    *("--url", farm.url, "--id", worker_id, "--root", f"out={out}"),
                    *("--program", f"paint={sys.executable} {PAINTER}"),
                    *("--renderer", "command", "--scratch", str(scratch)),
                ],
                env={**os.environ, **environment},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the agent alone."""
        os.kill(self.process.pid, number)

    def end(self) -> None:
        """Make sure that it is gone."""
        if self.process.poll() is None:
            self.signal(signal.SIGCONT)
            self.process.kill()
        self.process.wait(10)


def until(holds: Callable[[], Any], what: str, deadline_s: float = 20) -> float:
    """Wait until something holds; returns how many seconds it took.

    Raises:
        AssertionError: it does not within ``deadline_s``.
    """
    start = time.monotonic()
    while not holds():
        assert time.monotonic() - start < deadline_s, f"not within {deadline_s} s: {what}"
        time.sleep(0.02)
    return time.monotonic() - start


def submit(farm: FarmProcess, *args: str, frames: str = "1-4") -> str:
    """A task for the painter; returns its id."""
    response = httpx.post(
        f"{farm.url}/renders",
        json={
            "name": "shot",
            "renderer": "command",
            "frames": frames,
            "output": "out:shot/shot.####.png",
            "settings": {"program": "paint"},
            "args": ["--first", "{first}", "--last", "{last}", *args],
        },
    )
    assert response.status_code == 201, response.text
    return str(response.json()["taskId"])


def task(farm: FarmProcess, task_id: str) -> dict[str, Any]:
    """The task as it is."""
    return dict(httpx.get(f"{farm.url}/renders/{task_id}").json())


def worker(farm: FarmProcess, worker_id: str) -> dict[str, Any]:
    """The worker as it is; empty before it has joined."""
    response = httpx.get(f"{farm.url}/workers/{worker_id}")
    return dict(response.json()) if response.status_code == 200 else {}


def attempts(farm: FarmProcess, task_id: str) -> list[dict[str, Any]]:
    """The attempts of a task."""
    return list(httpx.get(f"{farm.url}/renders/{task_id}/attempts").json()["items"])


def is_running(pid: int) -> bool:
    """Whether the process runs; one that has ended and was not waited for does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"
