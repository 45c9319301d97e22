"""``rushlight doctor`` where something is wrong: what it says, and its exit code."""

import hashlib
import json
import os
import resource
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from tests.integration.cli.conftest import Cli, farm_up, words
from tests.integration.cli.test_terminal import seen

from rushlight.cli.doctor import command, folder, machine
from rushlight.cli.doctor.finding import warn
from rushlight.cli.output import Output

# One renderer, which needs nothing: the others take seconds to try.
FIT = {
    "RUSHLIGHT_RENDERERS": '["command"]',
    "RUSHLIGHT_PROGRAMS": '{"true": ["/bin/true"]}',
    "RUSHLIGHT_PORT": "0",
}
Checks = dict[str, tuple[str, str]]


def examine(cwd: Path, *given: object, **environment: str) -> tuple[int, Checks]:
    """Exit code, and by what each check is about: its status and text."""
    kept = {name: text for name, text in os.environ.items() if not name.startswith("RUSHLIGHT")}
    done = subprocess.run(
        words("doctor", "--json", *given),
        cwd=cwd,
        env={**kept, **FIT, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout, done.stderr
    told = json.loads(done.stdout)
    assert told["ok"] is (done.returncode == 0)
    return done.returncode, {one["about"]: (one["status"], one["text"]) for one in told["checks"]}


def contents(data: Path) -> dict[str, tuple[str, int]]:
    """Every file with its digest and time."""
    return {
        str(file.relative_to(data)): (
            hashlib.sha256(file.read_bytes()).hexdigest(),
            file.stat().st_mtime_ns,
        )
        for file in data.rglob("*")
        if file.is_file()
    }


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder of a farm that had a task and was stopped."""
    data = tmp_path_factory.mktemp("stopped") / "data"
    with farm_up(data, {}, workers=0) as cli:
        assert cli("submit").returncode == 0
    return data


@pytest.fixture
def copied(stopped: Path, tmp_path: Path) -> Path:
    """A copy of it, to be broken."""
    copy = tmp_path / "data"
    subprocess.run(["cp", "-a", stopped, copy], check=True)
    return copy


def test_where_nothing_is_wrong_it_says_so_and_makes_nothing(tmp_path: Path) -> None:
    code, checks = examine(tmp_path)

    assert code == 0
    assert {status for status, _ in checks.values()} == {"ok", "warn"}
    assert checks["farm"][0] == "warn" and "`rushlight up` starts one" in checks["farm"][1]
    assert "`rushlight up` makes it" in checks["folder"][1]
    assert checks["renderer command"][0] == "ok"
    assert list(tmp_path.iterdir()) == []


def test_a_folder_is_the_same_afterwards(copied: Path) -> None:
    before = contents(copied)
    code, checks = examine(copied.parent, "--data", copied)

    assert (code, checks["log"][0]) == (0, "ok")
    assert "whole at its end, 3 events" in checks["log"][1]
    assert contents(copied) == before


def test_a_running_farm_is_well(rushlight: Cli) -> None:
    code, checks = examine(rushlight.data.parent, "--data", rushlight.data)

    assert code == 0, checks
    assert checks["farm"] == ("ok", f"{rushlight.url} runs and is ready")
    assert checks["clock"][0] == checks["your key"][0] == checks["data of it"][0] == "ok"
    assert checks["log"][0] == "ok"


def test_people_see_a_sign_for_each_and_a_sum(rushlight: Cli) -> None:
    code, text = seen(rushlight, "doctor", "--data", rushlight.data)

    lines = text.split("\r\n")
    assert code == 0
    assert "this machine" in lines[0]
    assert any(line.startswith("  ✓  Python") for line in lines)
    assert any(line.endswith("0 wrong") for line in lines)


def test_a_pipe_gets_lines_with_tabs(rushlight: Cli) -> None:
    lines = rushlight("doctor", "--data", rushlight.data).stdout.splitlines()

    assert {len(line.split("\t")) for line in lines} == {4}
    assert ["ok", "farm", "farm", f"{rushlight.url} runs and is ready"] in [
        line.split("\t") for line in lines
    ]


def test_a_farm_that_was_named_and_does_not_answer_is_wrong(tmp_path: Path) -> None:
    code, checks = examine(tmp_path, "--url", "http://127.0.0.1:9")

    assert (code, checks["farm"][0]) == (1, "fail")
    assert "http://127.0.0.1:9 does not answer" in checks["farm"][1]


def test_a_port_that_is_taken_names_who_has_it(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        code, checks = examine(tmp_path, RUSHLIGHT_PORT=port)

    assert (code, checks["port"][0]) == (1, "fail")
    assert f"process {os.getpid()}" in checks["port"][1]
    assert "--port" in checks["port"][1]


@contextmanager
def answering(status: int, body: str, date: str | None = None) -> Iterator[str]:
    """Something that answers every request so."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response_only(status)
            if date is not None:
                self.send_header("Date", date)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def readiness(**checks: str) -> str:
    return json.dumps({"status": "unavailable", "checks": checks})


def test_a_farm_that_is_not_ready_is_told_with_its_reasons(tmp_path: Path) -> None:
    body = readiness(log="ok", dispatcher="no space left for the log")
    with answering(503, body) as url:
        code, checks = examine(tmp_path, "--url", url)

    assert (code, checks["farm"][0]) == (1, "fail")
    assert "not ready: dispatcher: no space left for the log" in checks["farm"][1]


@pytest.mark.parametrize("body", ["<html>It works!</html>", "[" * 200_000, '{"checks": [1]}'])
def test_what_is_no_farm_is_told(tmp_path: Path, body: str) -> None:
    with answering(200, body, "yesterday") as url:
        code, checks = examine(tmp_path, "--url", url)

    assert (code, checks["farm"]) == (
        1,
        ("fail", f"what answers at {url} is no Rushlight: name the farm with --url"),
    )


@pytest.mark.parametrize(
    ("date", "where"),
    [("Mon, 01 Jan 2001 00:00:00 GMT", "behind"), ("Fri, 01 Jan 2100 00:00:00 GMT", "ahead of")],
)
def test_a_clock_that_is_off_is_told(tmp_path: Path, date: str, where: str) -> None:
    with answering(200, readiness(log="ok"), date) as url:
        code, checks = examine(tmp_path, "--url", url)

    assert (code, checks["clock"][0]) == (1, "fail")
    assert f" s {where} this one: set both by NTP" in checks["clock"][1]


def test_a_key_that_is_none_and_a_farm_that_asks_for_one_are_told(tmp_path: Path) -> None:
    none = tmp_path / "none.key"
    none.write_text("hello")
    none.chmod(0o600)
    with answering(200, readiness(log="ok")) as url:
        _, checks = examine(tmp_path, "--url", url, "--key-file", none)

    assert checks["your key"][0] == "fail"
    assert "holds is no key of Rushlight" in checks["your key"][1]


def test_a_log_that_is_cut_off_is_told_and_what_to_do(copied: Path) -> None:
    log = copied / "farm.sqlite3"
    log.write_bytes(log.read_bytes()[:-5000])
    code, checks = examine(copied.parent, "--data", copied)

    assert (code, checks["log"][0]) == (1, "fail")
    assert "damaged" in checks["log"][1] and "audit salvage" in checks["log"][1]


def test_keys_that_others_can_read_are_told_with_the_command_that_helps(copied: Path) -> None:
    (copied / "keys.sqlite3").touch()
    (copied / "keys.sqlite3").chmod(0o644)
    mine = copied / "mine.txt"
    mine.write_text("rlk_0123456789abcdef")
    mine.chmod(0o640)
    code, checks = examine(copied.parent, "--data", copied, RUSHLIGHT_KEY_FILE=str(mine))

    assert (code, checks["key files"][0]) == (1, "fail")
    assert f"chmod 600 {copied / 'keys.sqlite3'} {mine}" in checks["key files"][1]
    for file in (copied / "keys.sqlite3", mine):
        file.chmod(0o600)
    assert examine(copied.parent, "--data", copied)[1]["key files"][0] == "ok"


WRONG: list[tuple[Mapping[str, str], str, str]] = [
    ({"RUSHLIGHT_PORT": "many"}, "of the server", "port (from environment)"),
    ({"RUSHLIGHT_STALL_S": "-1"}, "of a worker", "stall_s (from environment)"),
    ({"RUSHLIGHT_ROOTS": '{"out": "/no/such"}'}, "root out", "is it mounted?"),
    ({"RUSHLIGHT_SCRATCH": "/no/such"}, "scratch", "is it mounted?"),
    ({"RUSHLIGHT_PROGRAMS": "{}"}, "renderer command", "does not work here: name programs"),
    ({"RUSHLIGHT_RENDERERS": '["nuke"]'}, "renderer nuke", "is not installed"),
]


@pytest.mark.parametrize(("environment", "about", "says"), WRONG, ids=lambda one: str(one)[:40])
def test_settings_that_cannot_work_are_told(
    tmp_path: Path, environment: Mapping[str, str], about: str, says: str
) -> None:
    code, checks = examine(tmp_path, **environment)

    assert (code, checks[about][0]) == (1, "fail")
    assert says in checks[about][1]


def test_a_file_in_the_place_of_the_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "data").touch()
    code, checks = examine(tmp_path, "--data", tmp_path / "data")

    assert (code, checks["folder"][0]) == (1, "fail")
    assert "is a file; give a folder with --data" in checks["folder"][1]


@contextmanager
def as_nobody() -> Iterator[None]:
    """Not as root, who may do everything."""
    me = os.geteuid()
    os.seteuid(65534 if me == 0 else me)
    try:
        yield
    finally:
        os.seteuid(me)


@pytest.mark.parametrize(
    ("mode", "below", "says"),
    [(0o555, "", "may not write there"), (0o555, "data", "is not writable"), (0, "data", "denied")],
)
def test_a_folder_that_one_may_not_use_is_told(mode: int, below: str, says: str) -> None:
    # Not in pytest's own folder, which is for its user alone.
    with tempfile.TemporaryDirectory() as made:
        Path(made).chmod(mode)
        with as_nobody():
            there = folder.folder(Path(made) / below)
        Path(made).chmod(0o700)

    assert there.status == "fail"
    assert says in there.text


def test_few_open_files_are_told(tmp_path: Path) -> None:
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (100, 100))

    done = subprocess.run(
        [sys.executable, "-m", "rushlight.cli", "doctor"],
        cwd=tmp_path,
        env=os.environ | FIT,
        capture_output=True,
        text=True,
        preexec_fn=limit,
        timeout=60,
        check=False,
    )

    assert done.returncode == 1
    assert "open files\t100 for each process; a farm has one per connection" in done.stdout


def test_a_network_file_system_is_told_and_one_below_it_is_not() -> None:
    mounts = [("/", "ext4"), ("/mnt", "nfs4"), ("/mnt/local", "xfs")]

    assert folder.file_system(Path("/srv"), mounts).status == "ok"
    assert folder.file_system(Path("/mnt/local/farm"), mounts).status == "ok"
    assert folder.file_system(Path("/mntx"), mounts).status == "ok"
    found = folder.file_system(Path("/mnt/farm"), mounts)
    assert found.status == "fail"
    assert "/mnt is a network file system (nfs4)" in found.text


def test_little_space_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert folder.space("free space", tmp_path).status in ("ok", "warn")
    monkeypatch.setattr(folder, "FREE_GOOD_BYTES", 2**62)
    assert folder.space("free space", tmp_path).status == "warn"
    monkeypatch.setattr(folder, "FREE_MIN_BYTES", 2**62)
    assert folder.space("free space", tmp_path).status == "fail"


def test_an_old_interpreter_and_another_system_are_told() -> None:
    assert machine.python((3, 11, 0), "linux").status == "ok"
    assert "3.11 or newer" in machine.python((3, 10, 9), "linux").text
    assert machine.python((3, 12, 0), "darwin").status == "warn"


def test_packages_that_are_missing_or_too_old_are_told() -> None:
    needed = machine.requirements(
        ["httpx<1,>=0.28", "no-such-thing>=1", "click<2", "litestar>=2; extra == 'server'"]
    )
    assert needed["server"] == {"litestar": "litestar>=2"}
    found = machine.installed("packages", needed[""], "all there", "rushlight")

    assert found.status == "fail"
    assert "not installed: no-such-thing" in found.text
    assert "click is 8" in found.text and "needed is click<2" in found.text
    assert "httpx" not in found.text


def test_pages_that_are_not_whole_are_told(tmp_path: Path) -> None:
    assert machine.pages(tmp_path).status == "fail"
    assert "swagger-ui-bundle.js" in machine.pages(tmp_path).text


def test_no_terminal_obeys_what_a_farm_says_of_itself(capsys: pytest.CaptureFixture[str]) -> None:
    command._show(Output(), [("farm", [warn("[red]\x1b[2J", "\x1b]0;title\x07 is not well")])])

    shown = capsys.readouterr().out
    assert not set("\x1b\x07") & set(shown)
    assert "[red][2J" in shown
