"""``rushlight audit`` on the log of a farm that has ended, whole and damaged."""

import json
import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import httpx
import pytest
from tests.integration.cli.conftest import Cli, farm_up, wait_until

from rushlight.eventlog.recorder import EVENTS_TABLE


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data of a farm that took ten tasks, paused one, and ended."""
    data = tmp_path_factory.mktemp("ended") / "data"
    with farm_up(data, {}) as cli:
        wait_until(lambda: bool(cli.json("worker", "ls")["items"]))
        made = cli("submit", "--renderer", "absent", "--count", 10).stdout.splitlines()
        assert cli("pause", made[0]).returncode == 0
        state = httpx.get(f"{cli.url}/audit/state", params={"status": "paused"})
        beside = cli.json("audit", "show", "--at", state.json()["position"], "--status", "paused")
        assert beside == state.json() | {"head": beside["head"]}
    (data / "state.json").write_text(state.text)
    return data


@pytest.fixture
def audit(ended: Path, tmp_path: Path) -> Cli:
    """Commands on a copy of that data."""
    data = tmp_path / "data"
    shutil.copytree(ended, data)
    return Cli("http://127.0.0.1:1", data)


def change(audit: Cli, statement: str) -> None:
    with closing(sqlite3.connect(audit.data / "farm.sqlite3")) as log, log:
        assert log.execute(statement).rowcount > 0


def said(done: subprocess.CompletedProcess[str]) -> str:
    return done.stdout + done.stderr


def test_a_whole_log_is_clean(audit: Cli) -> None:
    done = audit("audit", "verify")

    assert done.returncode == 0, said(done)
    assert "10 tasks" in done.stdout
    report = audit.json("audit", "verify")
    assert (report["clean"], report["tasks"]) == (True, 10)
    assert report["digest"] in done.stdout


def test_a_row_that_somebody_changed_is_found_and_made_anew(audit: Cli) -> None:
    change(audit, "UPDATE tasks SET doc = replace(doc, 'paused', 'failed')")

    found = audit("audit", "verify")

    assert found.returncode == 8
    assert "is not what the log says" in found.stdout
    assert audit("audit", "rebuild").returncode == 0
    assert audit("audit", "verify").returncode == 0


def test_an_event_that_somebody_changed_is_found(audit: Cli) -> None:
    change(
        audit,
        f"UPDATE {EVENTS_TABLE}"  # noqa: S608
        " SET state = CAST(replace(CAST(state AS TEXT), 'absent', 'absurd') AS BLOB)"
        " WHERE topic = 'rushlight.task.submitted' AND originator_version = 1",
    )

    found = audit("audit", "verify")

    assert found.returncode == 8
    assert "round" in said(found)


def test_the_log_is_listed_from_its_end_or_for_one_task(audit: Cli) -> None:
    events = [json.loads(line) for line in audit("audit", "log", "--json").stdout.splitlines()]
    paused = next(one for one in events if one["topic"] == "rushlight.task.paused")

    last = audit("audit", "log", "--last", 2, "--json").stdout.splitlines()
    of_task = audit("audit", "log", "--task", paused["taskId"][-8:]).stdout.splitlines()

    assert [json.loads(line) for line in last] == events[-2:]
    assert [line.split("\t")[2] for line in of_task] == [
        "rushlight.task.submitted",
        "rushlight.task.paused",
    ]


def test_a_log_that_was_cut_is_refused_and_its_whole_rounds_are_saved(audit: Cli) -> None:
    log = audit.data / "farm.sqlite3"
    with log.open("r+b") as file:
        file.truncate(log.stat().st_size - 100)

    refused = audit("audit", "verify")
    new = audit.data.parent / "new"
    saved = audit("audit", "salvage", audit.data, new, "--json")

    assert refused.returncode == 8
    assert "rushlight audit salvage" in refused.stderr
    assert saved.returncode == 0, said(saved)
    assert json.loads(saved.stdout)["kept"] > 0
    assert audit("audit", "verify", "--data", new).returncode == 0


def test_without_a_log_the_option_is_named(audit: Cli, tmp_path: Path) -> None:
    done = audit("audit", "verify", "--data", tmp_path / "nowhere")

    assert done.returncode == 3
    assert "--data" in done.stderr


def test_the_farm_as_it_was_is_what_http_answered_then(audit: Cli) -> None:
    then = json.loads((audit.data / "state.json").read_text())
    found = audit.json("audit", "show", "--at", then["position"], "--status", "paused")
    by_time = audit.json("audit", "show", "--at", then["time"], "--status", "paused")

    assert found == then | {"head": found["head"]}
    assert by_time["tasks"] == then["tasks"]
    assert (found["counts"]["paused"], found["counts"]["pending"]) == (1, 9)


def test_one_task_is_shown_before_and_after_it_was_paused(audit: Cli) -> None:
    listed = audit("audit", "log", "--kind", "task.paused", "--json").stdout
    paused = json.loads(listed)
    task, position = paused["taskId"], paused["position"]
    for at, status in ((position - 1, "pending"), (position, "paused")):
        found = audit.json("audit", "show", "--at", at, "--task", task[-8:])
        assert (found["taskId"], found["status"]) == (task, status)
    early = audit("audit", "show", "--at", 1, "--task", task)

    assert early.returncode == 3
    assert "was submitted after position 1" in early.stderr


def test_tasks_and_workers_are_lines_in_a_pipe(audit: Cli) -> None:
    tasks, workers = audit("audit", "show", "--limit", 3).stdout.split("\n\n")

    assert len(tasks.splitlines()) == 3
    assert {line.split("\t")[2] for line in tasks.splitlines()} <= {"pending", "paused"}
    assert [line.split("\t")[0] for line in workers.splitlines()] == ["local-1"]


@pytest.mark.parametrize(
    ("at", "code", "said"),
    [
        ("999999", 2, "position 999999 is not on the log: the log goes from position 1 (20"),
        ("1999-12-31T23:59:59Z", 2, "is before the farm's first event"),
        ("2999-01-01", 2, "should be a position of the log"),
        ("2999-01-01 00:00", 2, "is yet to come"),
        ("yesterday", 2, "should be a position of the log"),
    ],
)
def test_what_is_no_moment_of_the_log_is_refused(audit: Cli, at: str, code: int, said: str) -> None:
    done = audit("audit", "show", "--at", at)

    assert (done.returncode, said in done.stderr) == (code, True), done.stderr
