"""Agents as processes of their own, and what the tests say to them."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psutil

from rushlight.messages.commands import Output
from rushlight.messages.work import Assign

PAINTER = Path(__file__).with_name("painter.py")
DEADLINE_S = 30.0


def wait_until(condition: Callable[[], object], what: str, deadline_s: float = DEADLINE_S) -> None:
    """Wait for something in the world; it is an error if it does not come."""
    ends = time.monotonic() + deadline_s
    while not condition():
        assert time.monotonic() < ends, f"waited in vain for: {what}"
        time.sleep(0.01)


class AgentProcess:
    """``python -m rushlight_worker`` with settings from the environment."""

    def __init__(self, url: str, folder: Path, **settings: Any) -> None:
        """Start it; its root ``out`` is ``folder/out``, its state ``folder/state``."""
        self.out = folder / "out"
        self.out.mkdir(exist_ok=True)
        given = {
            "url": url,
            "worker_id": "w1",
            "roots": {"out": str(self.out), "scenes": str(folder / "scenes")},
            "scratch": str(folder / "state"),
            "renderers": ["command"],
            "programs": {"paint": [sys.executable, str(PAINTER)], "sleep": ["sleep"]},
            "disk_free_min_mib": 0,
            "threads": 1,
            **settings,
        }
        env = {k: v for k, v in os.environ.items() if not k.startswith("RUSHLIGHT_")}
        env |= {f"RUSHLIGHT_{k.upper()}": _text(v) for k, v in given.items()}
        self.log = folder / f"agent-{uuid4().hex[:6]}.log"
        with self.log.open("wb") as stderr:
            self.process = subprocess.Popen(
                [sys.executable, "-W", "error", "-m", "rushlight_worker"],
                env=env,
                stdin=subprocess.DEVNULL,
                stderr=stderr,
            )

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def wait(self, deadline_s: float = DEADLINE_S) -> int:
        """Its exit code."""
        return self.process.wait(deadline_s)

    def said(self) -> str:
        return self.log.read_text()

    def events(self, name: str) -> list[dict[str, Any]]:
        """Log lines with that event."""
        lines = [json.loads(line) for line in self.said().splitlines() if line.startswith("{")]
        return [line for line in lines if line["event"] == name]

    def renderers(self) -> list[psutil.Process]:
        """Supervisors, and everything below them."""
        return psutil.Process(self.process.pid).children(recursive=True)

    def end(self) -> None:
        """For tests that are over."""
        if self.process.poll() is None:
            self.signal(signal.SIGKILL)
            self.signal(signal.SIGCONT)
            self.process.wait()


def _text(value: Any) -> str:
    return str(value) if isinstance(value, str | int | float) else json.dumps(value)


def paint(
    instance: str,
    *args: str,
    frames: tuple[int, ...] | None = None,
    attempt: int = 1,
    task_id: UUID | None = None,
    kept: tuple[Output, ...] = (),
    output: str = "out:shot/a.####.png",
    settings: dict[str, Any] | None = None,
) -> Assign:
    """An assignment to the painter: all frames in one run, or the still."""
    places = (
        ("--output", "{output}") if frames is None else ("--first", "{first}", "--last", "{last}")
    )
    return Assign(
        task_id=task_id or uuid4(),
        attempt=attempt,
        worker_id="w1",
        instance=instance,
        renderer="command",
        scene=None,
        output=output,
        frames=frames,
        kept=kept,
        settings={"program": "paint", **(settings or {})},
        args=(*places, *args),
    )


def gone(pid: int) -> bool:
    """Whether no such process runs (a zombie does not run)."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
