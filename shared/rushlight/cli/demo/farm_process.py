"""The demo's own farm: ``rushlight up`` as a child process, on a free port of this machine."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO

import psutil

from rushlight.cli.demo.broken import PromiseBroken
from rushlight.cli.demo.script import WORKERS, environment
from rushlight.clock import SystemClock
from rushlight.settings import PREFIX

START_WITHIN_S = 60.0
STOP_WITHIN_S = 30.0
_POLL_S = 0.1
_LOG_LINES = 15
_WORKER_ID = f"{PREFIX}WORKER_ID"
_clock = SystemClock()


class FarmProcess:
    """Use as a context manager: whatever happens, nothing of the farm is left behind."""

    def __init__(self, data: Path, log: Path, *, port: int = 0) -> None:
        """A farm on ``data`` that writes to ``log``; port 0: any free one."""
        self.data = data
        self.url = ""
        self._log_path = log
        self._port = port
        self._process: subprocess.Popen[bytes] | None = None
        self._log: IO[bytes] | None = None

    def __enter__(self) -> "FarmProcess":
        """Start it and wait until it answers.

        Raises:
            PromiseBroken: it ended, or did not answer in time.
        """
        self._log = self._log_path.open("ab")
        # A session of its own: Ctrl-C reaches the demo, and the demo ends the farm.
        self._process = subprocess.Popen(
            rushlight("up", "--port", self._port, "--workers", WORKERS, "--data", self.data),
            env=clean_environment() | environment(),
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            self.url = self._wait_for_url(self._process.pid)
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def check(self) -> None:
        """See that it runs.

        Raises:
            PromiseBroken: it has ended by itself; the last lines of its log say why.
        """
        if self._process is not None and self._process.poll() is not None:
            raise PromiseBroken(
                f"the farm ended by itself with exit code {self._process.returncode}:\n"
                + self._last_lines()
            )

    def wait(self) -> None:
        """Wait until it ends by itself, which it does not."""
        if self._process is not None:
            self._process.wait()
        self.check()

    def worker_pid(self, worker_id: str) -> int:
        """The process of one of its workers.

        Raises:
            PromiseBroken: it has none of that name.
        """
        children = psutil.Process(self._process.pid).children() if self._process else []
        for child in children:
            if child.environ().get(_WORKER_ID) == worker_id:
                return child.pid
        raise PromiseBroken(f"the farm has no process for its worker {worker_id}")

    def stop(self) -> int | None:
        """End it politely, or after ``STOP_WITHIN_S`` by force; its exit code."""
        process, self._process = self._process, None
        if process is None:
            return None
        family = _family(process.pid)
        if process.poll() is None:
            process.terminate()
        try:
            code: int | None = process.wait(STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            code = None
        _end_by_force(family)
        if self._log is not None:
            self._log.close()
        return process.wait() if code is None else code

    def _wait_for_url(self, pid: int) -> str:
        note = self.data / "farm.json"
        deadline_s = _clock.elapsed_s() + START_WITHIN_S
        while _clock.elapsed_s() < deadline_s:
            self.check()
            if note.is_file():
                farm = _read(note)
                if farm.get("pid") == pid:
                    return str(farm["url"])
            time.sleep(_POLL_S)
        raise PromiseBroken(
            f"the farm did not start within {START_WITHIN_S:g} s:\n{self._last_lines()}"
        )

    def _last_lines(self) -> str:
        lines = self._log_path.read_text(errors="replace").splitlines()
        return "\n".join(lines[-_LOG_LINES:])


def rushlight(*arguments: object) -> Sequence[str]:
    """The command line ``rushlight``, as an argv that needs no PATH."""
    return [sys.executable, "-m", "rushlight.cli", *map(str, arguments)]


def clean_environment() -> dict[str, str]:
    """The environment without settings that were meant for another farm."""
    return {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}


def _read(note: Path) -> dict[str, object]:
    try:
        farm: dict[str, object] = json.loads(note.read_text())
    except ValueError:
        # It is being written: the next look finds it whole.
        return {}
    return farm


def _family(pid: int) -> list[psutil.Process]:
    try:
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _end_by_force(family: list[psutil.Process]) -> None:
    """Kill what of the farm still runs, workers and renderers too."""
    left = [process for process in family if process.is_running()]
    for process in left:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue
    psutil.wait_procs(left, timeout=STOP_WITHIN_S)
