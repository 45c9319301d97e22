"""The Postman collection: as the code makes it, and green against a real farm without keys."""

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.integration.farm.process import FarmProcess
from tests.postman_runner import COLLECTION, Run, read

NEWMAN = Path(__file__).resolve().parents[2] / "newman"
INSTALL_S = 300
RUN_S = 100


@pytest.fixture
def farm(tmp_path: Path) -> Iterator[FarmProcess]:
    farm = FarmProcess(tmp_path / "data", outcome_wait_s=60)
    farm.start(60)
    yield farm
    farm.stop()


def test_every_request_gets_what_its_test_expects(farm: FarmProcess) -> None:
    with httpx.Client(timeout=90) as http:
        sent = list(Run(read(), http, baseUrl=farm.url).requests())

    assert [str(one) for one in sent if not one.ok] == []


def test_a_farm_with_keys_takes_the_same_collection(farm: FarmProcess) -> None:
    with httpx.Client(timeout=90) as http:
        made = http.post(f"{farm.url}/keys", json={"name": "alice", "role": "admin"}).json()
        refused = http.get(f"{farm.url}/renders")
        run = Run(read(), http, baseUrl=farm.url, key=made["key"])
        sent = list(run.requests())

    assert refused.status_code == 401
    assert [str(one) for one in sent if not one.ok] == []


def test_a_wrong_status_is_seen(farm: FarmProcess) -> None:
    collection = json.loads(json.dumps(read()))
    [event] = collection["item"][0]["item"][0]["event"]
    event["script"]["exec"][0] = event["script"]["exec"][0].replace("201", "299")
    with httpx.Client(timeout=90) as http:
        first = next(Run(collection, http, baseUrl=farm.url).requests())

    assert not first.ok


def newman() -> Path:
    """Newman in a cache of this user, in the versions of the lock file; installed once."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("npm is not installed: newman cannot be had")
    lock = (NEWMAN / "package-lock.json").read_bytes()
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "rushlight"
    place = cache / f"newman-{hashlib.sha256(lock).hexdigest()[:16]}"
    if not place.exists():
        cache.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(dir=cache))
        shutil.copytree(NEWMAN, made, dirs_exist_ok=True)
        subprocess.run(
            [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
            cwd=made,
            check=True,
            timeout=INSTALL_S,
            capture_output=True,
        )
        put_in_place(made, place)
    return place / "node_modules" / "newman" / "bin" / "newman.js"


def put_in_place(made: Path, place: Path) -> None:
    """As a whole; another run may have been first."""
    try:
        made.rename(place)
    except OSError:
        if not place.exists():
            raise
        shutil.rmtree(made)


@pytest.mark.timeout(INSTALL_S + RUN_S)
def test_newman_says_the_same(farm: FarmProcess, tmp_path: Path) -> None:
    program = newman()
    report = tmp_path / "report.json"
    command: list[Any] = ["node", program, "run", COLLECTION, "--env-var", f"baseUrl={farm.url}"]
    command += ["--timeout-request", "90000", "--reporters", "json", "--reporter-json-export"]
    ended = subprocess.run(
        [*command, report], timeout=RUN_S, capture_output=True, text=True, check=False
    )
    run = json.loads(report.read_text())["run"]

    assert [one["error"]["message"] for one in run["failures"]] == []
    assert ended.returncode == 0, ended.stderr
    assert run["stats"]["requests"]["failed"] == 0
    assert run["stats"]["assertions"]["total"] == sum(len(one["item"]) for one in read()["item"])
