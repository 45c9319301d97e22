"""The provisioner of this machine: real processes, started once, kept, and ended."""

import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import anyio
import psutil
import pytest

from rushlight.clock import SystemClock
from rushlight_reaper.provisioners import local
from rushlight_reaper.provisioners.local import Launch, LocalProvisioner

TELLS = (
    "import os, sys, time\n"
    "print(os.environ['RUSHLIGHT_WORKER_ID'], os.environ['RUSHLIGHT_IDLE_EXIT'], flush=True)\n"
    "time.sleep(600)\n"
)
STUBBORN = (
    "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    "print('ready', flush=True)\ntime.sleep(600)\n"
)


class Clock(SystemClock):
    """The real one, but for back-offs, which it notes and cuts short."""

    def __init__(self) -> None:
        self.slept_s: list[float] = []

    async def sleep(self, seconds: float) -> None:
        """Wait a little."""
        self.slept_s.append(seconds)
        await super().sleep(0.01)


Make = Callable[[str], LocalProvisioner]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def make(tmp_path: Path, clock: Clock) -> AsyncIterator[Make]:
    """A provisioner whose workers run a piece of Python."""
    made: list[LocalProvisioner] = []

    def one(code: str) -> LocalProvisioner:
        launch = Launch(
            environment=dict(os.environ), folder=tmp_path, argv=(sys.executable, "-c", code)
        )
        made.append(LocalProvisioner(launch, clock))
        return made[-1]

    yield one
    for provisioner in made:
        provisioner.kill()
        await provisioner.close()


async def until(true: Callable[[], object]) -> None:
    with anyio.fail_after(20):
        while not true():
            await anyio.sleep(0.01)


def written(folder: Path, worker_id: str) -> str:
    path = folder / f"{worker_id}.log"
    return path.read_text() if path.exists() else ""


async def test_a_requested_worker_is_told_its_name_and_to_leave_when_idle(
    make: Make, tmp_path: Path
) -> None:
    await make(TELLS).start("local-7")

    await until(lambda: written(tmp_path, "local-7") == "local-7 true\n")


async def test_a_worker_that_runs_is_not_started_again(make: Make) -> None:
    provisioner = make(TELLS)
    await provisioner.start("local-1")
    before = provisioner.running()
    await provisioner.start("local-1")

    assert provisioner.running() == before


async def test_a_worker_that_has_ended_can_be_requested_again(make: Make) -> None:
    provisioner = make("pass")
    await provisioner.start("local-1")
    await until(lambda: not provisioner.running())
    await provisioner.start("local-1")

    assert list(provisioner.running()) == ["local-1"]


async def test_kept_workers_run_under_their_names_and_do_not_leave(
    make: Make, tmp_path: Path
) -> None:
    make(TELLS).keep(2)

    await until(lambda: written(tmp_path, "local-1") == "local-1 false\n")
    await until(lambda: written(tmp_path, "local-2") == "local-2 false\n")


async def test_a_kept_worker_that_dies_is_started_again_a_requested_one_is_not(make: Make) -> None:
    provisioner = make(TELLS)
    provisioner.keep(1)
    await provisioner.start("local-9")
    await until(lambda: set(provisioner.running()) == {"local-1", "local-9"})
    first = provisioner.running()["local-1"]
    for pid in provisioner.running().values():
        os.kill(pid, signal.SIGKILL)
    await until(lambda: provisioner.running().get("local-1", first) != first)

    assert "local-9" not in provisioner.running()


async def test_a_worker_that_fails_at_once_is_started_less_and_less_often(
    make: Make, clock: Clock
) -> None:
    make("raise SystemExit(2)").keep(1)
    await until(lambda: len(clock.slept_s) >= 7)

    assert clock.slept_s[:7] == [1, 2, 5, 10, 30, 60, 60]


async def test_a_close_ends_all_of_them(make: Make, tmp_path: Path) -> None:
    provisioner = make(TELLS)
    provisioner.keep(2)
    await until(lambda: written(tmp_path, "local-1") and written(tmp_path, "local-2"))
    pids = list(provisioner.running().values())
    await provisioner.close()

    assert [psutil.pid_exists(pid) for pid in pids] == [False, False]
    assert provisioner.running() == {}


async def test_a_worker_that_does_not_end_is_killed(make: Make, tmp_path: Path) -> None:
    provisioner = make(STUBBORN)
    provisioner.keep(1)
    await until(lambda: written(tmp_path, "local-1"))
    pid = provisioner.running()["local-1"]
    await provisioner.close(within_s=0.1)

    assert not psutil.pid_exists(pid)


async def test_nothing_is_started_after_a_close(make: Make) -> None:
    provisioner = make(TELLS)
    await provisioner.close()
    await provisioner.start("local-1")

    assert provisioner.running() == {}


async def test_a_log_that_has_grown_large_gives_way_to_a_new_one(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local, "LOG_MAX_BYTES", 10)
    (tmp_path / "local-1.log").write_text("eleven signs")
    await make(TELLS).start("local-1")
    await until(lambda: written(tmp_path, "local-1") == "local-1 true\n")

    assert (tmp_path / "local-1.log.1").read_text() == "eleven signs"
