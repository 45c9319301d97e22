"""A farm as a process of its own, started by the command line, to be killed."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx


class FarmProcess:
    """``rushlight up`` on a free port of the loopback address."""

    def __init__(
        self, data: Path, *, workers: int = 0, python: str = sys.executable, **settings: Any
    ) -> None:
        """Settings go into its environment; nothing runs before ``start``."""
        self.data = data
        self.python = python
        self.workers = workers
        self.environment = {
            **os.environ,
            **{f"RUSHLIGHT_{name.upper()}": str(value) for name, value in settings.items()},
        }
        self.process: subprocess.Popen[bytes] | None = None
        self.url = ""

    def start(self, deadline_s: float = 30, *, port: int = 0) -> None:
        """Start it and wait until it is ready.

        Raises:
            AssertionError: it is not within ``deadline_s``; with what it wrote.
        """
        self.data.mkdir(parents=True, exist_ok=True)
        with (self.data.parent / "farm.out").open("ab") as out:
            self.process = subprocess.Popen(
                [
                    self.python,
                    "-m",
                    "rushlight.cli",
                    "up",
                    "--port",
                    str(port),
                    "--workers",
                    str(self.workers),
                    "--data",
                    str(self.data),
                ],
                env=self.environment,
                stdout=out,
                stderr=out,
                cwd=self.data.parent,
                start_new_session=True,
            )
        until = time.monotonic() + deadline_s
        while not self._is_ready():
            if time.monotonic() > until or self.process.poll() is not None:
                raise AssertionError((self.data.parent / "farm.out").read_text()[-4000:])
            time.sleep(0.02)

    def _is_ready(self) -> bool:
        assert self.process is not None
        try:
            note = json.loads((self.data / "farm.json").read_text())
            if note["pid"] != self.process.pid:
                return False
            self.url = note["url"]
            return httpx.get(f"{self.url}/readyz", timeout=5).status_code == 200
        except (FileNotFoundError, ValueError, httpx.TransportError):
            return False

    def kill(self) -> None:
        """SIGKILL the farm and wait for its end; its workers end by themselves."""
        assert self.process is not None
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self, deadline_s: float = 15) -> int:
        """SIGTERM, and wait; returns the exit code."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.terminate()
        return self.process.wait(deadline_s)
