"""A farm that cannot start says why and what to do, and touches nothing; tried by command line."""

import os
import re
import shlex
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from tests.integration.farm.node import task, until, worker
from tests.integration.farm.process import FarmProcess


@pytest.fixture
def farm(tmp_path: Path) -> Iterator[FarmProcess]:
    """A farm that runs."""
    running = FarmProcess(tmp_path / "farm")
    running.start()
    yield running
    running.stop()


def rushlight(*args: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """The command line, as a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "rushlight.cli", *args],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=cwd,
        env={**os.environ, **environment},
        check=False,
    )


def up(data: Path, *args: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """An ``up`` that is expected to refuse."""
    return rushlight(
        *("up", "--workers", "0", "--port", "0", "--data", str(data)),
        *args,
        cwd=data.parent,
        **environment,
    )


def test_a_second_up_on_the_same_data_is_refused_and_names_the_first(farm: FarmProcess) -> None:
    assert farm.process is not None
    second = up(farm.data)
    assert second.returncode != 0
    assert str(farm.process.pid) in second.stderr
    assert "--data" in second.stderr
    assert httpx.get(f"{farm.url}/healthz").status_code == 200


def test_a_port_in_use_is_refused_and_says_so(farm: FarmProcess, tmp_path: Path) -> None:
    port = farm.url.rsplit(":", 1)[1]
    second = up(tmp_path / "other", "--port", port)
    assert second.returncode == 6
    assert port in second.stderr
    assert "--port" in second.stderr


def test_another_address_than_loopback_is_refused(tmp_path: Path) -> None:
    refused = up(tmp_path / "farm", "--host", "0.0.0.0")
    assert refused.returncode == 2
    assert "127.0.0.1" in refused.stderr


def test_settings_that_break_a_rule_are_refused(tmp_path: Path) -> None:
    refused = up(tmp_path / "farm", RUSHLIGHT_SELF_FENCE_S="100")
    assert refused.returncode == 2
    assert "self_fence_s" in refused.stderr
    assert "lost_after_s" in refused.stderr


@pytest.mark.parametrize("cut", [1, 100, 4096])
def test_a_log_cut_in_its_last_page_is_refused_and_the_remedy_works(
    farm: FarmProcess, tmp_path: Path, cut: int
) -> None:
    submitted = [
        httpx.post(f"{farm.url}/renders", json={"name": f"task {number}"}).json()["taskId"]
        for number in range(40)
    ]
    assert farm.stop() == 0
    log = farm.data / "farm.sqlite3"
    os.truncate(log, log.stat().st_size - cut)
    damaged = log.read_bytes()
    refused = up(farm.data)
    assert refused.returncode != 0
    assert re.search(r"position \d+", refused.stderr)
    assert log.read_bytes() == damaged
    saved = tmp_path / "saved"
    remedy = re.search(r"`(rushlight audit salvage [^`]+)`", refused.stderr)
    assert remedy is not None, refused.stderr
    words = shlex.split(remedy[1])[1:]
    done = rushlight(*words[:-1], str(saved), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    again = FarmProcess(saved)
    again.start()
    kept = [
        task_id
        for task_id in submitted
        if httpx.get(f"{again.url}/renders/{task_id}").status_code == 200
    ]
    assert kept == submitted[: len(kept)]
    assert len(kept) >= 20
    assert again.stop() == 0
    verified = rushlight("audit", "verify", "--data", str(saved), cwd=tmp_path)
    assert verified.returncode == 0, verified.stderr


def test_a_missing_scene_fails_the_task_and_names_the_scene(tmp_path: Path) -> None:
    farm = FarmProcess(tmp_path / "farm", workers=1)
    farm.start()
    try:
        until(lambda: worker(farm, "local-1").get("status") == "ready", "the worker has joined")
        body = {"renderer": "mitsuba", "scene": "demo:nothing.xml", "maxRetries": 0}
        task_id = httpx.post(f"{farm.url}/renders", json=body).json()["taskId"]
        until(lambda: task(farm, task_id)["status"] == "failed", "the attempt has failed")
        assert "nothing.xml" in task(farm, task_id)["errorMessage"]
    finally:
        assert farm.stop() == 0


def test_audit_verify_finds_a_changed_event(farm: FarmProcess, tmp_path: Path) -> None:
    httpx.post(f"{farm.url}/renders", json={"name": "honest"})
    assert farm.stop() == 0
    with sqlite3.connect(farm.data / "farm.sqlite3") as connection:
        connection.execute(
            "UPDATE stored_events SET state ="
            " CAST(replace(CAST(state AS TEXT), 'honest', 'forged') AS BLOB)"
        )
    connection.close()
    verified = rushlight("audit", "verify", "--data", str(farm.data), cwd=tmp_path)
    assert verified.returncode == 8
    assert "round" in verified.stdout + verified.stderr


def test_audit_rebuild_makes_the_views_anew(farm: FarmProcess, tmp_path: Path) -> None:
    made = httpx.post(f"{farm.url}/renders", json={"name": "here"}).json()["taskId"]
    assert farm.stop() == 0
    with sqlite3.connect(farm.data / "farm.sqlite3") as connection:
        connection.execute("DELETE FROM tasks")
    connection.close()
    wrong = rushlight("audit", "verify", "--data", str(farm.data), cwd=tmp_path)
    assert wrong.returncode == 8
    assert "audit rebuild" in wrong.stdout + wrong.stderr
    assert rushlight("audit", "rebuild", "--data", str(farm.data), cwd=tmp_path).returncode == 0
    assert rushlight("audit", "verify", "--data", str(farm.data), cwd=tmp_path).returncode == 0
    farm.start()
    assert httpx.get(f"{farm.url}/renders/{made}").status_code == 200
