"""Real shells complete commands, statuses and what the farm has, and are silent without a farm."""

import os
import pty
import re
import select
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import httpx
import pytest
from tests.integration.cli.conftest import Cli, wait_until, words
from tests.programs import needs

WITHIN_S = 30


def path_here() -> str:
    """With the command `rushlight` of this interpreter first."""
    return f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"


def environment(cli: Cli, home: Path) -> dict[str, str]:
    return cli.environment | {
        "PATH": path_here(),
        "HOME": str(home),
        "ZDOTDIR": str(home),
        "TERM": "dumb",
        "PS1": "$ ",
    }


@cache
def script(shell: str) -> str:
    done = subprocess.run(
        words("completion", shell), capture_output=True, text=True, timeout=60, check=True
    )
    return done.stdout


def bash_offers(cli: Cli, home: Path, line: str) -> list[str]:
    """What bash would offer for the last word of a line."""
    ask = (
        'COMP_WORDS=(rushlight "$@"); COMP_CWORD=$#; COMPREPLY=()\n'
        "shift $(($# - 1))\n"
        '$(complete -p rushlight | sed "s/.*-F \\([^ ]*\\) .*/\\1/") rushlight "$1"\n'
        'printf "%s\\n" "${COMPREPLY[@]}"'
    )
    given = re.split(" ", line)
    done = subprocess.run(
        ["bash", "--norc", "-c", f"{script('bash')}\n{ask}", "bash", *given],
        env=environment(cli, home),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stderr == ""
    return done.stdout.split()


def fish_offers(cli: Cli, home: Path, line: str) -> list[str]:
    """What fish offers."""
    done = subprocess.run(
        ["fish", "--no-config", "-c", f"{script('fish')}\ncomplete -C 'rushlight {line}'"],
        env=environment(cli, home),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stderr == ""
    return [offer.split("\t")[0] for offer in done.stdout.splitlines()]


class Typed:
    """A shell with a terminal, into which somebody types."""

    def __init__(self, argv: list[str], env: dict[str, str], cwd: Path) -> None:
        self.terminal, end = pty.openpty()
        self.process = subprocess.Popen(
            argv, stdin=end, stdout=end, stderr=end, env=env, cwd=cwd, start_new_session=True
        )
        os.close(end)
        self.seen = ""

    def type(self, text: str) -> None:
        os.write(self.terminal, text.encode())

    def until(self, holds: Callable[[str], bool]) -> str:
        """Read until it holds for all that stood there."""
        deadline = time.monotonic() + WITHIN_S
        while not holds(self.seen):
            assert time.monotonic() < deadline, self.seen
            if select.select([self.terminal], [], [], 0.1)[0]:
                self.seen += os.read(self.terminal, 4096).decode(errors="replace")
        return self.seen

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self.terminal)


START = {
    "bash": (["bash", "--norc", "--noprofile", "-i"], ""),
    "zsh": (["zsh", "-f", "-i"], "autoload -Uz compinit; compinit -u -D; "),
}


@pytest.fixture(params=["bash", pytest.param("zsh", marks=needs("zsh"))])
def shell(request: pytest.FixtureRequest, rushlight: Cli, tmp_path: Path) -> Iterator[Typed]:
    """A shell in which completion is set up as `rushlight completion --help` says."""
    argv, before = START[request.param]
    typed = Typed(argv, environment(rushlight, tmp_path), tmp_path)
    typed.type(f'{before}eval "$(rushlight completion {request.param})"; echo re""ady\n')
    typed.until(lambda seen: "ready" in seen)
    yield typed
    typed.end()


def test_tab_completes_a_command_and_a_worker(shell: Typed) -> None:
    shell.type("rushlight worker sh\t")
    shell.until(lambda seen: "worker show" in seen)
    shell.type("lo\t")
    shell.until(lambda seen: re.search(r"worker show[ \x08]+local-1", seen) is not None)


OFFERS = [bash_offers, pytest.param(fish_offers, marks=needs("fish"))]
Offers = Callable[[Cli, Path, str], list[str]]


@pytest.mark.parametrize("offers", OFFERS)
def test_what_the_farm_has_is_offered(rushlight: Cli, tmp_path: Path, offers: Offers) -> None:
    task_id = rushlight.gated("-", "--name", "x", "--job", "shot-7")
    rushlight("watch", task_id)

    def offered(line: str) -> list[str]:
        """A busy machine may answer too late, and then nothing is offered: as somebody would."""
        deadline = time.monotonic() + WITHIN_S
        while not (found := offers(rushlight, tmp_path, line)):
            assert time.monotonic() < deadline, line
        return found

    assert task_id[-8:] in offered("show ")
    assert offered(f"show {task_id[-8:-2]}") == [task_id[-8:]]
    assert offered(f"show {task_id[:30]}") == [task_id]
    assert "shot-7" in offered("ls --job ")
    assert offered("worker show loc") == ["local-1"]
    assert offered("worker drain ") == ["local-1"]
    assert "local-1" in offered("why lo")
    assert task_id[-8:] in offered("requeue ")


@pytest.mark.parametrize("offers", OFFERS)
def test_a_verb_is_offered_what_it_can_change(
    rushlight: Cli, tmp_path: Path, offers: Offers
) -> None:
    ended = rushlight.gated("-")
    rushlight("watch", ended)
    body = {"requires": {"tags": ["nobody-has-this"]}}
    waiting = httpx.post(f"{rushlight.url}/renders", json=body).json()["taskId"]

    wait_until(lambda: offers(rushlight, tmp_path, "pause ") == [waiting[-8:]])
    rushlight("pause", waiting)
    wait_until(lambda: offers(rushlight, tmp_path, "resume ") == [waiting[-8:]])
    rushlight("cancel", waiting)


@pytest.mark.parametrize("offers", OFFERS)
def test_commands_options_and_statuses_are_offered(
    rushlight: Cli, tmp_path: Path, offers: Offers
) -> None:
    assert offers(rushlight, tmp_path, "comp") == ["completion"]
    assert offers(rushlight, tmp_path, "completion z") == ["zsh"]
    assert set(offers(rushlight, tmp_path, "ls --status c")) == {"completed", "cancelled"}
    assert offers(rushlight, tmp_path, "ls --prio") == ["--priority"]


def test_a_farm_that_does_not_answer_costs_little_and_says_nothing(
    rushlight: Cli, tmp_path: Path
) -> None:
    """Somebody listens and never answers: what is offered is nothing, and soon."""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as silent:
        gone = Cli(f"http://127.0.0.1:{silent.getsockname()[1]}", rushlight.data)
        before = time.monotonic()
        bash_offers(gone, tmp_path, "comp")
        without_s = time.monotonic() - before
        before = time.monotonic()
        assert bash_offers(gone, tmp_path, "show ") == []
        with_s = time.monotonic() - before
    # Far below the fifteen seconds that a command would wait; it loads the client, too.
    assert with_s - without_s < 8


@pytest.mark.parametrize("given", [{"RUSHLIGHT_URL": "::no url::"}, {"RUSHLIGHT_KEY": "none"}])
def test_what_cannot_be_asked_is_not_said_either(
    rushlight: Cli, tmp_path: Path, given: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Odd(Cli):
        @property
        def environment(self) -> dict[str, str]:
            return super().environment | given

    assert bash_offers(Odd(rushlight.url, rushlight.data), tmp_path, "show ") == []


@pytest.mark.parametrize("shell_name", ["bash", "zsh", "fish"])
def test_a_script_is_printed_wherever_one_is(shell_name: str) -> None:
    """Also where that shell is not."""
    done = subprocess.run(
        words("completion", shell_name),
        env=os.environ | {"PATH": "/nowhere"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert "_RUSHLIGHT_COMPLETE" in done.stdout
