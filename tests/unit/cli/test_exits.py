"""Errors, exit codes, and how the farm is found."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from tests.unit.cli.conftest import Run
from tests.unit.cli.scripted import WORKER, ScriptedFarm, page, problem, task

from rushlight import __version__
from rushlight.cli.root import COMMANDS, rushlight

ONE, TWO = task(1)["taskId"], task(2)["taskId"]


@pytest.mark.parametrize(
    ("status", "code", "exit_code"),
    [
        (404, "not-found", 3),
        (403, "forbidden", 4),
        (409, "illegal-transition", 5),
        (422, "invalid-request", 2),
        (400, "invalid-request", 2),
        (500, "internal-error", 1),
    ],
)
def test_exit_codes_say_what_kind_of_error(
    farm: ScriptedFarm, run: Run, status: int, code: str, exit_code: int
) -> None:
    farm.on("GET", f"/renders/{ONE}", problem(status, code, "Because."))

    done = run("show", ONE)

    assert (done.exit_code, done.stdout, done.stderr) == (exit_code, "", "error: Because.\n")


def commands(group: click.Group = rushlight, *before: str) -> Iterator[tuple[str, ...]]:
    """The words of every command, also of those in groups."""
    context = click.Context(group)
    for name in group.list_commands(context):
        found = group.get_command(context, name)
        if isinstance(found, click.Group):
            yield from commands(found, *before, name)
        else:
            yield (*before, name)


# What it prints is a program for a shell.
SCRIPTS = {("completion",)}


@pytest.mark.parametrize("words", sorted({*commands()} - SCRIPTS), ids=" ".join)
def test_every_command_speaks_json(run: Run, words: tuple[str, ...]) -> None:
    assert "--json" in run(*words, "--help").stdout


def test_an_error_with_json_is_the_problem_on_stderr(farm: ScriptedFarm, run: Run) -> None:
    said = problem(409, "illegal-transition", "Because.", allowed=["retry"])
    farm.on("POST", f"/renders/{ONE}/pause", said)
    farm.on("GET", f"/renders/{ONE}", said)

    assert json.loads(run("show", ONE, "--json").stderr) == said.body
    assert json.loads(run("pause", ONE, "--json").stderr) == said.body


def test_no_terminal_obeys_what_an_error_says(farm: ScriptedFarm, run: Run) -> None:
    said = problem(403, "forbidden", "No.\x1b]0;title\x07\x1b[2J\x9b2J\nNever.")
    farm.on("GET", f"/renders/{ONE}", said)

    assert run("show", ONE).stderr == "error: No.]0;title[2J2J\n  Never.\n"


def test_without_a_farm_the_remedy_is_named() -> None:
    done = CliRunner().invoke(rushlight, ["ls", "--url", "http://127.0.0.1:1"])

    assert done.exit_code == 6
    assert "no farm answers at http://127.0.0.1:1" in done.stderr
    assert "rushlight up" in done.stderr


def test_a_wrong_command_gets_the_nearest_right_one(run: Run) -> None:
    done = run("wacth")

    assert done.exit_code == 2
    assert "did you mean `watch`?" in done.stderr


def test_the_farm_of_this_folder_is_found(
    farm: ScriptedFarm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    farm.on("GET", "/workers", page(WORKER))
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("RUSHLIGHT_URL", raising=False)
    data = tmp_path / "rushlight-data"
    data.mkdir()
    (data / "farm.json").write_text(json.dumps({"pid": os.getpid(), "url": farm.url}))

    assert CliRunner().invoke(rushlight, ["ls", "workers"]).exit_code == 0


@pytest.mark.parametrize("name", [name for name in COMMANDS if name not in ("version",)])
def test_every_command_has_help_with_a_summary(run: Run, name: str) -> None:
    done = run(name, "--help")

    assert done.exit_code == 0
    assert f"Usage: rushlight {name}" in done.stdout


def test_the_version_is_told(run: Run) -> None:
    assert run("version").stdout == f"{__version__}\n"
    assert json.loads(run("version", "--json").stdout) == {"version": __version__}
