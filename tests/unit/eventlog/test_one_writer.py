"""One process writes; killed at any moment it loses nothing that it acknowledged."""

import random
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.unit.eventlog.farm_rounds import SetClock, command_id, task_id

from rushlight.errors import LogInUse
from rushlight.eventlog.log import FarmLog
from rushlight.eventlog.salvage import salvage

ROOT = Path(__file__).resolve().parents[3]
TASKS = 20
KILLS = 8
WRITER = """
import sys
from pathlib import Path
from rushlight.eventlog.log import FarmLog
from tests.unit.eventlog.farm_rounds import SetClock, a_round
with FarmLog.open(Path(sys.argv[1]), clock=SetClock()) as log:
    print("open", log.head(), flush=True)
    number = log.head() // (int(sys.argv[2]) + 1)
    while True:
        number += 1
        print(number, log.put(**a_round(number, int(sys.argv[2])))[-1], flush=True)
"""


@contextmanager
def writer(data: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that puts rounds and prints each one that was acknowledged."""
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(data), str(TASKS)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def line_of(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    assert select.select([process.stdout], [], [], 30)[0], "the writer says nothing"
    return process.stdout.readline()


def test_a_second_process_is_refused_and_told_who_has_the_log(data: Path) -> None:
    with writer(data) as process:
        line_of(process)
        with pytest.raises(LogInUse, match=f"in use by process {process.pid} .*--data") as refused:
            FarmLog.open(data, clock=SetClock())
    assert refused.value.facts["pid"] == process.pid


def test_a_second_opening_in_the_same_process_is_refused(log: FarmLog, data: Path) -> None:
    with pytest.raises(LogInUse):
        FarmLog.open(data, clock=SetClock())


def test_nobody_salvages_under_a_running_farm(log: FarmLog, data: Path, tmp_path: Path) -> None:
    with pytest.raises(LogInUse):
        salvage(data, tmp_path / "new", is_round_end=lambda _: True, clock=SetClock())


def test_the_lock_ends_with_the_process(data: Path) -> None:
    with writer(data) as process:
        line_of(process)
        process.send_signal(signal.SIGKILL)
        process.wait()
        FarmLog.open(data, clock=SetClock()).close()


def test_a_refused_opening_leaves_the_lock_to_its_holder(log: FarmLog, data: Path) -> None:
    for _ in range(2):
        with pytest.raises(LogInUse):
            FarmLog.open(data, clock=SetClock())


def acknowledged_until_killed(data: Path, chance: random.Random) -> int:
    """Run a writer, kill it at a random moment, and return the last position that it printed."""
    with writer(data) as process:
        line_of(process)
        moment = time.monotonic() + chance.uniform(0.0, 0.15)
        while time.monotonic() < moment:
            line_of(process)
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert process.stdout is not None
        # A line may be cut by the kill; a whole one was printed after its put.
        lines = [
            line for line in process.stdout.read().splitlines(keepends=True) if line[-1] == "\n"
        ]
    with FarmLog.open_read_only(data) as log:
        head = log.head()
    printed = [int(line.split()[1]) for line in lines]
    assert not printed or head >= printed[-1]
    return head


def test_kill_nine_at_random_moments_loses_nothing_that_was_acknowledged(data: Path) -> None:
    chance = random.Random(20260504)
    last = 0
    for _ in range(KILLS):
        head = acknowledged_until_killed(data, chance)
        assert head >= last
        last = head
    with FarmLog.open(data, clock=SetClock()) as log:
        topics = [topic for *_, topic, _ in log.raw()]
        rounds = len(topics) // (TASKS + 1)
        one = ["rushlight.task.submitted"] * TASKS + ["rushlight.term.round_closed"]
        assert topics == one * rounds
        assert len(log.views.live_tasks()) == rounds * TASKS
        ids = [command_id(seq) for seq in range(1, rounds * TASKS + 2)]
        assert len(log.views.outcomes(ids)) == rounds * TASKS
        assert log.views.task(task_id(rounds * TASKS)) is not None
