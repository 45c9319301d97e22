"""The newcomer's page, done as it says: every command and file of it, in order, on a real farm."""

import hashlib
import json
import os
import re
import select
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from PIL import Image
from tests.environments import beside_this_one
from tests.programs import needs

pytestmark = [needs("povray"), pytest.mark.timeout(300)]

ROOT = Path(__file__).resolve().parents[3]
PAGE = ROOT / "docs" / "first-render.md"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SAVED_AS = re.compile(r"save this as `([^`]+)`")
ACTIVATED = ". .venv/bin/activate"
WITHIN_S = 90
# What `make dev` looks at to see whether anything has changed; tools/bootstrap.sh has the same.
FINGERPRINTED = (
    "requirements-build.lock",
    "requirements.lock",
    "pyproject.toml",
    "tools/bootstrap.sh",
)


@dataclass(frozen=True)
class Command:
    """A line to type, and what the page shows of the answer."""

    line: str
    shown: list[str] = field(default_factory=list)

    @property
    def exit_code(self) -> int:
        """Watching a task that fails says so."""
        return int(self.line.startswith("rushlight watch") and "failed" in "".join(self.shown))


@dataclass(frozen=True)
class SavedFile:
    """A file that the reader is to save."""

    name: str
    text: str


def steps() -> Iterator[Command | SavedFile]:
    """What the page asks of its reader."""
    page, told = PAGE.read_text(), 0
    for block in BLOCK.finditer(page):
        before, told = page[told : block.start()], block.end()
        if block[1] == "console":
            yield from commands(block[2])
        else:
            (name,) = SAVED_AS.findall(before)
            yield SavedFile(name, block[2])


def commands(text: str) -> Iterator[Command]:
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        line, *shown = part.splitlines()
        yield Command(line, [one for one in shown if one != "…"])


def pattern_of(shown: str) -> str:
    """What a line of the page fits; … is anything within a line."""
    return r"[^\n]*".join(re.escape(part.strip()) for part in shown.split("…"))


class Terminal:
    """A shell that a person types into."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        """Open it in ``folder``."""
        self.folder = folder
        self._shell = subprocess.Popen(
            ["bash", "--noprofile", "--norc"],
            cwd=folder,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    def type(self, line: str) -> None:
        """Begin a command; what follows its end is where it has left the shell."""
        assert self._shell.stdin is not None
        self._shell.stdin.write(f"{line}\nprintf '\\nENDED %d %s\\n' $? \"$PWD\"\n".encode())
        self._shell.stdin.flush()

    def wait(self) -> tuple[int, str]:
        """Exit code and output of what was typed."""
        assert self._shell.stdout is not None
        said, ends = b"", time.monotonic() + WITHIN_S
        while (found := re.search(rb"\nENDED (\d+) (.*)\n", said)) is None:
            left = ends - time.monotonic()
            assert left > 0, f"it does not end: {said.decode()}"
            if select.select([self._shell.stdout], [], [], left)[0]:
                part = os.read(self._shell.stdout.fileno(), 65536)
                assert part, f"the shell has ended: {said.decode()}"
                said += part
        self.folder = Path(found[2].decode())
        return int(found[1]), said[: found.start()].decode()

    def close(self) -> None:
        assert self._shell.stdin is not None
        assert self._shell.stdout is not None
        self._shell.stdin.close()
        self._shell.wait(WITHIN_S)
        self._shell.stdout.close()


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clone for which `make dev` has been there before: it has nothing left to fetch."""
    folder = tmp_path / "clone"
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(folder)], check=True)
    environment = beside_this_one(folder / ".venv")
    script = environment.python.with_name("rushlight")
    script.write_text(f"#!{environment.python}\nfrom rushlight.cli import main\nmain()\n")
    script.chmod(0o755)
    digest = hashlib.sha256(str(folder).encode())
    for name in FINGERPRINTED:
        digest.update((folder / name).read_bytes())
    (folder / ".venv" / ".bootstrapped").write_text(digest.hexdigest() + "\n")
    return folder


class Reader:
    """Does what the page says, in as many terminals as it says."""

    def __init__(self, clone: Path, home: Path) -> None:
        """Nothing is open yet."""
        kept = {name: text for name, text in os.environ.items() if not name.startswith("RUSHLIGHT")}
        # Any free port, so that this farm is in nobody's way; and sweeps that come soon.
        given = {"HOME": str(home), "RUSHLIGHT_PORT": "0", "RUSHLIGHT_SWEEP_S": "1"}
        self._environment = kept | given
        self._clone = clone
        self._terminals: list[Terminal] = []
        self._farm: Terminal | None = None

    def follow(self, step: Command | SavedFile) -> None:
        if isinstance(step, SavedFile):
            (self._terminals[-1].folder / step.name).write_text(step.text)
        elif step.line == "rushlight up":
            self._start_farm(self._terminals[-1])
        else:
            self._run(step)

    def _run(self, step: Command) -> None:
        if not self._terminals or (step.line == ACTIVATED and self._farm):
            self._terminals.append(Terminal(self._clone, self._environment))
        terminal = self._terminals[-1]
        terminal.type(step.line)
        code, said = terminal.wait()
        assert code == step.exit_code, f"{step.line}: exit code {code}\n{said}"
        shown = ".*?".join(map(pattern_of, step.shown))
        assert re.search(shown, said, re.DOTALL), f"{step.line}: {step.shown} not in\n{said}"

    def _start_farm(self, terminal: Terminal) -> None:
        terminal.type("rushlight up")
        self._farm, ends = terminal, time.monotonic() + WITHIN_S
        while not self._note.exists():
            assert time.monotonic() < ends, "the farm does not start"
            time.sleep(0.05)

    @property
    def _note(self) -> Path:
        assert self._farm is not None
        return self._farm.folder / "rushlight-data" / "farm.json"

    def end(self) -> tuple[int, str]:
        """Press Ctrl-C where the farm runs; how that ended."""
        try:
            if self._farm is None:
                return 0, ""
            os.kill(json.loads(self._note.read_text())["pid"], signal.SIGINT)
            return self._farm.wait()
        finally:
            for terminal in self._terminals:
                terminal.close()


@pytest.fixture
def reader(clone: Path, tmp_path: Path) -> Iterator[Reader]:
    home = tmp_path / "home"
    home.mkdir()
    one = Reader(clone, home)
    yield one
    code, said = one.end()
    assert code == 0, said


def frames(folder: Path) -> list[bytes]:
    """The pixels of every picture in a folder."""
    found = []
    for path in sorted(folder.iterdir()):
        with Image.open(path) as picture:
            assert picture.size == (320, 180), path
            found.append(picture.tobytes())
    return found


def test_a_newcomer_gets_from_a_clone_to_frames(reader: Reader, tmp_path: Path) -> None:
    for step in steps():
        reader.follow(step)

    out = tmp_path / "home" / "first-render" / "rushlight-data" / "out"
    for job in ("lamp-povray", "lamp-mitsuba"):
        assert len(set(frames(out / job))) == 8, job
    assert frames(tmp_path / "home" / "pictures") == frames(out / "lamp-mitsuba")


def test_the_page_asks_for_what_a_newcomer_needs() -> None:
    """So that the test above cannot become one that does nothing."""
    found = list(steps())
    lines = [step.line for step in found if isinstance(step, Command)]

    assert lines[:2] == ["make dev", ACTIVATED]
    assert {step.name for step in found if isinstance(step, SavedFile)} == {
        *("lamp.pov", "lamp.xml", "tinted.pov", "tint.inc")
    }
    for word in (
        "up",
        "submit",
        "watch",
        "show",
        "logs",
        "why",
        "retry",
        "requeue",
        "fetch",
        "doctor",
    ):
        assert any(f"rushlight {word}" in line for line in lines), word
