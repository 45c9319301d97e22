"""A real farm, started by ``rushlight up``, and real processes of the command line beside it."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

START_WITHIN_S = 60
END_WITHIN_S = 60

# Sweeps come soon, and there is one worker, also when several tasks wait.
ENVIRONMENT = {"RUSHLIGHT_SWEEP_S": "1", "RUSHLIGHT_PROVISIONED_WORKERS_MAX": "1"}

# What the renderer `command` runs: writes its frame once the file `gate` is there.
PROGRAM = """
import os, pathlib, sys, time
frame, output, gate = sys.argv[1:]
print("frame", frame, "begins", flush=True)
while gate != "-" and not pathlib.Path(gate).exists():
    time.sleep(0.02)
if gate.endswith("broken"):
    sys.exit("the pipe broke")
pathlib.Path(output).write_text(f"frame {frame}\\n")
print("frame", frame, "is done", flush=True)
"""


def wait_until(holds: Callable[[], bool]) -> None:
    """Ask again and again until it holds; fails after a while."""
    deadline = time.monotonic() + END_WITHIN_S
    while not holds():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.05)


def words(*given: object) -> list[str]:
    """An argv of the command line."""
    return [sys.executable, "-c", "from rushlight.cli import main; main()", *map(str, given)]


@dataclass(frozen=True)
class Cli:
    """Runs commands against one farm, in a folder of its own."""

    url: str
    data: Path

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: text for name, text in os.environ.items() if not name.startswith("RUSHLIGHT")}
        return kept | {"RUSHLIGHT_URL": self.url, "RUSHLIGHT_DATA": str(self.data)}

    def __call__(self, *given: object, **rest: Any) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return subprocess.run(
            words(*given),
            env=self.environment,
            cwd=self.data.parent,
            capture_output=True,
            text=True,
            timeout=END_WITHIN_S,
            check=False,
            **rest,
        )

    def json(self, *given: object) -> Any:
        """Run a command that must succeed; its JSON."""
        done = self(*given, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def begin(self, *given: object) -> subprocess.Popen[str]:
        """Start a command and leave it running."""
        return subprocess.Popen(
            words(*given),
            env=self.environment,
            cwd=self.data.parent,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def gated(self, gate: object = "-", *given: object) -> str:
        """Submit a task that renders as soon as the file ``gate`` is there; its id."""
        done = self(
            *("submit", "--renderer", "command", "--set", "program=frame"),
            *("--output", f"out:{time.monotonic_ns()}.####.txt", "--frames", "1", *given),
            *("--arg", "{frame}", "--arg", "{output}", "--arg", gate),
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def until(self, task_id: str, holds: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Wait until that holds for the task; fails after a while."""
        wait_until(lambda: holds(self.json("show", task_id)))
        return dict(self.json("show", task_id))


@pytest.fixture(scope="module")
def rushlight(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cli]:
    """A farm with one worker that runs ``PROGRAM``, and has mitsuba for the default scene."""
    data = tmp_path_factory.mktemp("farm") / "data"
    programs = {"frame": [sys.executable, "-c", PROGRAM]}
    with farm_up(data, {"RUSHLIGHT_PROGRAMS": json.dumps(programs)}) as cli:
        wait_until(lambda: bool(cli.json("worker", "ls")["items"]))
        yield cli


class farm_up:  # noqa: N801 - reads as a function
    """``rushlight up`` until the end of the block, on a free port or on ``port``; ends cleanly."""

    def __init__(
        self, data: Path, environment: dict[str, str], *, workers: int = 1, port: int | str = 0
    ) -> None:
        self.data = data
        self._log = (data.parent / "farm.log").open("w+")
        self.process = subprocess.Popen(
            words("up", "--port", port, "--workers", workers, "--data", data, "--json"),
            env=os.environ | ENVIRONMENT | environment,
            cwd=data.parent,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )

    def __enter__(self) -> Cli:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, f"the farm did not start:\n{self._said()}"
        return Cli(json.loads(line)["url"], self.data)

    def __exit__(self, *_: object) -> None:
        self.process.send_signal(signal.SIGINT)
        try:
            code = self.process.wait(END_WITHIN_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        finally:
            if self.process.stdout is not None:
                self.process.stdout.close()
        assert code == 0, self._said()
        self._log.close()

    def _said(self) -> str:
        self._log.seek(0)
        return self._log.read()
