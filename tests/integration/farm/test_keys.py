"""A farm with keys: who works, who is refused, who did what, and that no key stands anywhere."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from tests.integration.farm.node import Node, until
from tests.integration.farm.process import FarmProcess
from tests.integration.farm.studio import Studio, painting, rendered, wait_for_worker

from rushlight.client.credentials import read_secret
from rushlight.errors import Unauthenticated


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[Studio]:
    """Not started yet, and without keys."""
    made = Studio(tmp_path)
    yield made
    made.close()


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[Studio]:
    """The same with a worker of the farm's own."""
    made = Studio(tmp_path, workers=1)
    yield made
    made.close()


def principals(studio: Studio) -> set[tuple[str, str]]:
    """What happened to tasks and workers, and by whom, as the audit says."""
    done = studio("audit", "log", "--data", studio.farm.data)
    assert done.returncode == 0, done.stderr
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    return {(row[2].removeprefix("rushlight."), row[4]) for row in rows}


def test_the_first_key_locks_out_no_worker_that_renders(alone: Studio, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    alone.farm.start()
    task_id = alone(
        "submit",
        "--renderer",
        "command",
        "--set",
        "program=paint",
        "--frames",
        "1",
        "--output",
        "out:a.####.png",
        *painter(gate),
    ).stdout.strip()
    until(lambda: '"rendering"' in alone("show", task_id, "--json").stdout, "it renders")

    admin = alone.key("ann", "admin")
    assert alone("show", task_id).returncode == 4
    gate.touch()

    with alone.client(admin) as client:
        assert client.wait(task_id, timeout_s=60)[0].status == "completed"
        assert rendered(client).status == "completed"
    assert alone.farm.stop() == 0
    assert {("task.submitted", "anonymous"), ("task.submitted", "ann")} <= principals(alone)
    assert ("task.completed", "worker:local-1") in principals(alone)


def painter(gate: Path) -> list[str]:
    """Arguments of a frame that waits for a file."""
    words = ["--first", "{first}", "--last", "{last}", "--hold", str(gate), "--hold-at", "1"]
    return [word for one in words for word in ("--arg", one)]


def test_workers_of_the_farm_use_their_keys_over_a_restart(alone: Studio) -> None:
    admin = alone.key("ann", "admin")
    kept = alone.farm.data / "workers" / "local-1.key"
    keys = []
    for _ in range(2):
        alone.farm.start()
        with alone.client(admin) as client:
            assert rendered(client).status == "completed"
        keys.append(read_secret(kept).text)
        assert alone.farm.stop() == 0

    assert keys[0] == keys[1]


def test_a_worker_of_the_farm_whose_key_is_revoked_gets_another(alone: Studio) -> None:
    admin = alone.key("ann", "admin")
    alone.farm.start()
    kept = alone.farm.data / "workers" / "local-1.key"
    with alone.client(admin) as client:
        wait_for_worker(client, "local-1")
        before = read_secret(kept).text

        alone.revoke("local-1")

        until(lambda: read_secret(kept).text != before, "a new key", 30)
        assert rendered(client).status == "completed"


def test_a_second_node_enrols_and_renders_also_after_a_restart(studio: Studio) -> None:
    admin = studio.key("ann", "admin")
    studio.farm.start()
    operator = studio.key("otto", "operator")
    token = studio.token("node-7", operator)
    first = studio.node("node-7", RUSHLIGHT_ENROLMENT=token)
    with studio.client(admin) as client:
        wait_for_worker(client, "node-7")
        assert rendered(client).worker_id == "node-7"
        first.process.terminate()
        assert first.process.wait(30) == 0
        wait_for_worker(client, "node-7", "offline")

        studio.node("node-7")

        wait_for_worker(client, "node-7")
        assert rendered(client).worker_id == "node-7"
    assert ("worker.joined", "worker:node-7") in principals(studio)


def test_a_token_counts_once_and_for_its_worker_only(studio: Studio, tmp_path: Path) -> None:
    admin = studio.key("ann", "admin")
    studio.farm.start()
    token = studio.token("node-7", admin)

    stranger = studio.node("node-8", RUSHLIGHT_ENROLMENT=token)
    assert stranger.process.wait(30) == 4
    assert "node-7" in studio.said("node-8")
    studio.node("node-7", RUSHLIGHT_ENROLMENT=token)
    with studio.client(admin) as client:
        wait_for_worker(client, "node-7")
    elsewhere = {"HOME": str(tmp_path / "elsewhere")}
    second = studio.node("node-9", RUSHLIGHT_ENROLMENT=token, **elsewhere)
    assert second.process.wait(30) == 4


REFUSED = [
    ("auditor", ("submit",), "operator, submitter"),
    ("submitter", ("key", "ls"), "admin"),
    ("operator", ("key", "create", "--role", "admin"), "admin"),
    ("submitter", ("worker", "enroll", "node-1"), "operator"),
    ("auditor", ("worker", "drain", "node-1"), "operator"),
    ("submitter", ("worker", "undrain", "node-1"), "operator"),
]


def test_a_role_that_may_not_is_told_who_may(studio: Studio) -> None:
    keys = {"admin": studio.key("ann", "admin")}
    studio.farm.start()
    keys |= {role: studio.key(role, role) for role in ("auditor", "submitter", "operator")}
    for role, words, who_may in REFUSED:
        done = studio(*words, key=keys[role])

        assert (done.returncode, done.stdout) == (4, ""), (words, done)
        assert f"{role} has the role {role}" in done.stderr
        assert who_may in done.stderr


def test_a_revoked_key_is_refused_at_its_next_request(studio: Studio) -> None:
    studio.key("ann", "admin")
    studio.farm.start()
    bob = studio.key("bob", "submitter")
    with studio.client(bob) as client:
        client.submit(painting())
        studio.revoke("bob")

        with pytest.raises(Unauthenticated, match="revoked"):
            client.submit(painting())
    done = studio("ls", key=bob)
    assert done.returncode == 4
    assert "--key-file" in done.stderr


def test_a_node_whose_key_is_revoked_ends_and_its_task_goes_to_another(
    studio: Studio, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    admin = studio.key("ann", "admin")
    studio.farm.start()
    first = studio.node("node-1", RUSHLIGHT_ENROLMENT=studio.token("node-1", admin))
    with studio.client(admin) as client:
        wait_for_worker(client, "node-1")
        task = client.submit(painting("--hold", str(gate), "--hold-at", "1"))
        wait_for_worker(client, "node-1", "busy")
        studio.node("node-2", RUSHLIGHT_ENROLMENT=studio.token("node-2", admin))
        wait_for_worker(client, "node-2")

        studio.revoke("node-1")

        assert first.process.wait(30) == 4
        assert "revoked" in studio.said("node-1")
        gate.touch()
        (ended,) = client.wait(task.task_id, timeout_s=60)
    assert (ended.status, ended.worker_id, ended.attempt) == ("completed", "node-2", 2)


def test_no_secret_stands_in_a_log_an_event_or_an_argument(studio: Studio, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    admin = studio.key("ann", "admin")
    studio.farm.start()
    studio.node("node-1", RUSHLIGHT_ENROLMENT=studio.token("node-1", admin))
    with studio.client(admin) as client:
        wait_for_worker(client, "node-1")
        task = client.submit(painting("--hold", str(gate), "--hold-at", "1"))
        wait_for_worker(client, "node-1", "busy")
        with watching(studio, str(task.task_id)) as watch:
            arguments = b"".join(arguments_of(watch.pid, studio.farm, *studio.nodes))
            gate.touch()
            said = b"".join(watch.communicate(timeout=60))
    wrong = studio("ls", RUSHLIGHT_KEY=studio.secrets[0][:-1])
    assert studio.farm.stop() == 0
    kept = next(iter(studio.home.rglob("*.key")))
    secrets = [*studio.secrets, read_secret(kept).text]
    written = {
        file: file.read_bytes()
        for file in studio.folder.rglob("*")
        if file.is_file() and file.suffix != ".key"
    }

    assert (watch.returncode, wrong.returncode, len(secrets)) == (0, 4, 3)
    assert all(re.fullmatch(r"rl[ke]_[a-z2-7]{10}_[a-z2-7]{52}", one) for one in secrets)
    for secret in (one.rpartition("_")[2][:-1] for one in secrets):
        assert [file for file, text in written.items() if secret.encode() in text] == []
        assert secret.encode() not in arguments + said
        assert secret not in wrong.stderr


def watching(studio: Studio, task_id: str) -> subprocess.Popen[bytes]:
    """A command that runs for a while, with a key in its environment."""
    given = {"RUSHLIGHT_URL": studio.farm.url, "RUSHLIGHT_KEY": studio.secrets[0]}
    return subprocess.Popen(
        [sys.executable, "-m", "rushlight.cli", "watch", task_id],
        env={**studio.environment, **given},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def arguments_of(pid: int, *others: FarmProcess | Node) -> list[bytes]:
    """What everybody on the machine can read of these, and of the processes below them."""
    pids = [pid, *(one.process.pid for one in others if one.process is not None)]
    family = [
        one
        for pid in pids
        for one in (psutil.Process(pid), *psutil.Process(pid).children(recursive=True))
    ]
    until(lambda: all(one.cmdline() for one in family), "all have begun")
    return [" ".join(one.cmdline()).encode() for one in family]


def test_up_on_a_public_address_without_keys_names_the_command_that_makes_one(
    studio: Studio,
) -> None:
    words = ("up", "--port", "0", "--workers", "0", "--data", studio.farm.data)
    refused = studio(*words, "--host", "0.0.0.0")
    assert refused.returncode == 2
    remedy = re.search(r"`rushlight (key create [^`]+)`", refused.stderr)
    assert remedy is not None, refused.stderr

    done = studio(*remedy[1].split(), "--data", studio.farm.data)

    assert done.returncode == 0, done.stderr
    assert re.fullmatch(r"rlk_\w+\n", done.stdout)
