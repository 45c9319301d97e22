"""A farm with keys, and people of every role who use it by command line."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.integration.farm.node import PAINTER, SHORT, Node, until
from tests.integration.farm.process import FarmProcess

from rushlight.client import FarmClient
from rushlight.messages.resources import RenderBody, TaskResource


class Studio:
    """The farm in ``folder``; ``ann`` is its first admin once ``begin_to_ask`` was called."""

    def __init__(self, folder: Path, *, workers: int = 0) -> None:
        """Nothing runs yet."""
        self.folder = folder
        self.home = folder / "home"
        self.home.mkdir()
        self.secrets: list[str] = []
        self.nodes: list[Node] = []
        programs = f'{{"paint": ["{sys.executable}", "{PAINTER}"]}}'
        self.farm = FarmProcess(
            folder / "farm", workers=workers, programs=programs, renderers='["command"]', **SHORT
        )

    @property
    def environment(self) -> dict[str, str]:
        """Of people and machines that have no key."""
        kept = {name: text for name, text in os.environ.items() if not name.startswith("RUSHLIGHT")}
        return {**kept, "HOME": str(self.home)}

    def __call__(
        self, *words: object, key: Path | None = None, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a command to its end, over HTTP unless it says ``--data``."""
        given = self.environment | environment
        if self.farm.url:
            given["RUSHLIGHT_URL"] = self.farm.url
        if key is not None:
            given["RUSHLIGHT_KEY_FILE"] = str(key)
        return subprocess.run(
            [sys.executable, "-m", "rushlight.cli", *map(str, words)],
            capture_output=True,
            text=True,
            timeout=60,
            cwd=self.folder,
            env=given,
            check=False,
        )

    def key(self, name: str, role: str) -> Path:
        """Make a key on the farm's machine; its file."""
        file = self.folder / f"{name}.key"
        done = self(
            *("key", "create", "--name", name, "--role", role),
            *("--data", self.farm.data, "--out", file),
        )
        assert done.returncode == 0, done.stderr
        self.secrets.append(file.read_text().strip())
        return file

    def key_id(self, name: str) -> str:
        """The id of the key that counts of that name."""
        done = self("key", "ls", "--data", self.farm.data)
        assert done.returncode == 0, done.stderr
        (found,) = [row[0] for row in map(str.split, done.stdout.splitlines()) if row[1] == name]
        return found

    def revoke(self, name: str) -> None:
        """End the key of that name."""
        done = self("key", "revoke", self.key_id(name), "--data", self.farm.data)
        assert done.returncode == 0, done.stderr

    def client(self, key: Path) -> FarmClient:
        """A program with that key."""
        return FarmClient(self.farm.url, key=key.read_text().strip())

    def token(self, worker_id: str, key: Path) -> str:
        """Enrol a worker; its token."""
        done = self("worker", "enroll", worker_id, key=key)
        assert done.returncode == 0, done.stderr
        self.secrets.append(done.stdout.strip())
        return done.stdout.strip()

    def node(self, worker_id: str, **environment: str) -> Node:
        """Start a worker on what counts as another machine."""
        (self.folder / "out").mkdir(exist_ok=True)
        given = {"HOME": str(self.home), **environment}
        self.nodes.append(Node(self.farm, worker_id, self.folder / "out", **given))
        return self.nodes[-1]

    def said(self, worker_id: str) -> str:
        """What the agents of that name have written."""
        return (self.folder / f"{worker_id}.out").read_text()

    def close(self) -> None:
        """End everything."""
        for node in self.nodes:
            node.end()
        if self.farm.process is not None:
            self.farm.stop()


def painting(*args: str, frames: str = "1-2") -> RenderBody:
    """A task for the painter."""
    return RenderBody(
        name="shot",
        renderer="command",
        frames=frames,
        output="out:shot/shot.####.png",
        settings={"program": "paint"},
        args=["--first", "{first}", "--last", "{last}", *args],
    )


def wait_for_worker(client: FarmClient, worker_id: str, status: str = "ready") -> None:
    """Wait until a worker has that status."""

    def has_it() -> bool:
        found: dict[str, Any] = {one.worker_id: one.status for one in client.workers()}
        return found.get(worker_id) == status

    until(has_it, f"{worker_id} is {status}", 30)


def rendered(client: FarmClient, *args: str) -> TaskResource:
    """A task that was submitted and has ended."""
    task = client.submit(painting(*args))
    return client.wait(task.task_id, timeout_s=60)[0]
