"""``rushlight worker run`` beside a farm that has no workers of its own."""

import json
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.integration.cli.conftest import END_WITHIN_S, PROGRAM, Cli, farm_up, wait_until


@pytest.fixture
def rushlight(tmp_path: Path) -> Iterator[Cli]:
    """A farm without workers."""
    with farm_up(tmp_path / "data", {}, workers=0) as cli:
        yield cli


def test_a_worker_renders_with_the_programs_and_roots_that_it_was_given(
    rushlight: Cli, tmp_path: Path
) -> None:
    program = tmp_path / "frame.py"
    program.write_text(PROGRAM)
    (tmp_path / "mine").mkdir()
    worker = rushlight.begin(
        *("worker", "run", "--id", "mine", "--tag", "gpu", "--renderer", "command"),
        *("--root", f"out={tmp_path / 'mine'}", "--program", f"frame={sys.executable} {program}"),
    )
    try:
        task_id = rushlight.gated("-", "--tag", "gpu", "--output", "out:shot/####.txt")
        assert rushlight("watch", task_id).returncode == 0

        shown = rushlight.json("worker", "show", "mine")
        assert (shown["tags"], list(shown["renderers"])) == (["gpu"], ["command"])
        assert (tmp_path / "mine/shot/0001.txt").read_text() == "frame 1\n"
    finally:
        worker.send_signal(signal.SIGTERM)
        _, said = worker.communicate(timeout=END_WITHIN_S)
    assert worker.returncode == 0, said
    assert rushlight.json("worker", "show", "mine")["status"] == "offline"


def test_a_second_worker_of_that_name_on_this_machine_is_refused(
    rushlight: Cli, tmp_path: Path
) -> None:
    first = rushlight.begin(*given(tmp_path))
    try:
        wait_until(lambda: rushlight("worker", "show", "twice").returncode == 0)
        second = rushlight(*given(tmp_path))
    finally:
        first.send_signal(signal.SIGTERM)
        first.communicate(timeout=END_WITHIN_S)

    assert second.returncode == 2
    assert "twice" in second.stderr


def given(tmp_path: Path) -> tuple[object, ...]:
    place = ("--scratch", tmp_path / "scratch", "--root", f"out={tmp_path}")
    return ("worker", "run", "--id", "twice", "--program", f"p={sys.executable}", *place)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--program", "frame"), "NAME=VALUE"),
        (("--root", "=/tmp"), "NAME=VALUE"),
        (("--program", "frame='"), "No closing quotation"),
        (("--id", "two words"), "worker_id"),
        (("--settings", "nowhere.toml"), "nowhere.toml"),
    ],
)
def test_wrong_options_say_what_is_right(words: tuple[str, ...], said: str, tmp_path: Path) -> None:
    done = Cli("http://127.0.0.1:1", tmp_path / "data")("worker", "run", *words)

    assert done.returncode == 2, json.dumps(done.stderr)
    assert said in done.stderr
