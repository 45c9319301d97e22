"""How an agent is let in: with a key, or a token that it changes for one and keeps."""

import stat
from pathlib import Path
from typing import Any

import pytest
from tests.integration.worker.agents import AgentProcess, paint, wait_until
from tests.integration.worker.conftest import StartAgent
from tests.integration.worker.farm_double import FarmDouble

from rushlight.client.credentials import write_secret
from rushlight.messages.commands import CompleteTask

GOOD, OTHER, TOKEN = "rlk_good_good", "rlk_other_other", "rle_once_once"
SHORT = {"heartbeat_s": 0.1, "self_fence_s": 0.5, "fence_kill_s": 600}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where an agent keeps what is to outlast it."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    return tmp_path / "home"


def kept_in(home: Path) -> list[Path]:
    """The key files there."""
    return sorted(home.rglob("*.key"))


def key_file(folder: Path, text: str = GOOD) -> Path:
    """A file with a key."""
    write_secret(folder / "given.key", text)
    return folder / "given.key"


@pytest.mark.parametrize("how", ["text", "file"])
def test_an_agent_with_a_key_is_let_in(
    farm: FarmDouble, start_agent: StartAgent, tmp_path: Path, how: str
) -> None:
    farm.keys = {GOOD}
    given: dict[str, Any] = {"key": GOOD} if how == "text" else {"key_file": key_file(tmp_path)}
    start_agent(**{name: str(text) for name, text in given.items()})

    farm.wait_for_join()
    assert farm.wait_for(lambda heard: heard.heartbeats)
    assert farm.ledger.strangers == 0


@pytest.mark.parametrize("given", [{}, {"key": OTHER}], ids=["no key", "a wrong key"])
def test_an_agent_that_is_not_let_in_ends_and_says_why(
    farm: FarmDouble, start_agent: StartAgent, given: dict[str, str]
) -> None:
    farm.keys = {GOOD}
    agent = start_agent(**given)

    assert agent.wait() == 4
    assert "unknown, revoked or has run out" in agent.said()
    assert "`rushlight worker enroll w1`" in agent.said()
    assert OTHER not in agent.said()


def test_a_token_is_changed_for_a_key_that_a_restart_finds(
    farm: FarmDouble, start_agent: StartAgent, home: Path
) -> None:
    farm.keys, farm.tokens = set(), {TOKEN: GOOD}
    first = start_agent(enrolment=TOKEN)
    farm.wait_for_join()
    ended(first)
    (kept,) = kept_in(home)
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600

    # Without the token, and with one that is spent: as it is when the command is run again.
    ended(start_agent(), farm, joins=2)
    ended(start_agent(enrolment=TOKEN), farm, joins=3)

    assert farm.ledger.strangers == 0
    assert (GOOD in first.said(), TOKEN in first.said()) == (False, False)


def test_a_key_goes_into_the_file_that_the_settings_name(
    farm: FarmDouble, start_agent: StartAgent, tmp_path: Path, home: Path
) -> None:
    farm.keys, farm.tokens = set(), {TOKEN: GOOD}
    token = tmp_path / "token"
    write_secret(token, TOKEN)
    file = tmp_path / "state" / "mine.key"
    given = {"enrolment_file": str(token), "key_file": str(file)}

    ended(start_agent(**given), farm)

    assert file.read_text() == f"{GOOD}\n"
    assert kept_in(home) == []
    token.unlink()
    ended(start_agent(**given), farm, joins=2)


def test_a_token_that_is_not_there_is_missed_only_by_who_needs_it(
    farm: FarmDouble, start_agent: StartAgent, tmp_path: Path
) -> None:
    farm.keys = {GOOD}
    agent = start_agent(enrolment_file=str(tmp_path / "gone"), key_file=str(tmp_path / "none"))

    assert agent.wait() == 2
    assert "gone cannot be read" in agent.said()


def test_a_renderer_sees_no_key(farm: FarmDouble, start_agent: StartAgent, tmp_path: Path) -> None:
    farm.keys = {GOOD}
    start_agent(key=GOOD, key_file=str(key_file(tmp_path)))
    told = tmp_path / "told"
    farm.send(paint(farm.wait_for_join(), "--tell", str(told)))
    farm.wait_for_report(CompleteTask)

    assert "RUSHLIGHT_TASK=" in told.read_text()
    assert "KEY" not in told.read_text()
    assert GOOD not in told.read_text()


def test_a_token_helps_when_the_kept_key_was_revoked(
    farm: FarmDouble, start_agent: StartAgent, tmp_path: Path
) -> None:
    farm.keys, farm.tokens = set(), {TOKEN: GOOD}
    file = key_file(tmp_path, OTHER)

    start_agent(enrolment=TOKEN, key_file=str(file))
    farm.wait_for_join()

    assert file.read_text() == f"{GOOD}\n"


def test_a_spent_token_ends_the_agent_and_names_the_remedy(
    farm: FarmDouble, start_agent: StartAgent
) -> None:
    farm.keys = set()
    agent = start_agent(enrolment=TOKEN)

    assert agent.wait() == 4
    assert "used already" in agent.said()
    assert "rushlight worker enroll w1" in agent.said()


def test_a_token_is_not_used_up_when_its_key_could_not_be_kept(
    farm: FarmDouble, start_agent: StartAgent, tmp_path: Path
) -> None:
    farm.keys, farm.tokens = set(), {TOKEN: GOOD}
    (tmp_path / "file").write_text("no folder")
    agent = start_agent(enrolment=TOKEN, key_file=str(tmp_path / "file" / "key"))

    assert agent.wait() == 2
    assert "set key_file" in agent.said()
    assert farm.tokens == {TOKEN: GOOD}


def test_an_agent_waits_with_its_token_for_a_farm_that_is_away(
    farm: FarmDouble, start_agent: StartAgent
) -> None:
    farm.keys, farm.tokens, farm.away = set(), {TOKEN: GOOD}, True
    agent = start_agent(enrolment=TOKEN)
    wait_until(lambda: agent.events("farm_away"), "the agent notes that the farm is away")
    farm.away = False

    farm.wait_for_join()


def test_an_agent_whose_key_is_revoked_stops_rendering_when_its_lease_ends(
    farm: FarmDouble, start_agent: StartAgent
) -> None:
    farm.keys, farm.timing = {GOOD}, {**farm.timing, **SHORT}
    agent = start_agent(key=GOOD)
    farm.send(paint(farm.wait_for_join(), "--hold", "/nowhere"))
    wait_until(lambda: len(agent.renderers()) > 1, "it renders")
    renderers = agent.renderers()
    reports = len(farm.ledger.reports)

    farm.keys = set()

    assert agent.wait() == 4
    assert "revoked" in agent.said().splitlines()[-1]
    assert [one for one in renderers if one.is_running()] == []
    assert len(farm.ledger.reports) == reports


def test_a_short_refusal_within_the_lease_ends_nothing(
    farm: FarmDouble, start_agent: StartAgent
) -> None:
    farm.keys, farm.timing = {GOOD}, {**farm.timing, "heartbeat_s": 0.1, "self_fence_s": 30}
    agent = start_agent(key=GOOD)
    farm.wait_for_join()
    farm.wait_for(lambda heard: len(heard.heartbeats) > 1)
    farm.keys = set()
    farm.wait_for(lambda heard: heard.strangers)
    before = len(farm.ledger.heartbeats)
    farm.keys = {GOOD}

    farm.wait_for(lambda heard: len(heard.heartbeats) > before + 1)
    assert agent.process.poll() is None
    assert len(farm.ledger.joins) == 1


def ended(agent: AgentProcess, farm: FarmDouble | None = None, joins: int = 1) -> None:
    """End an agent, once it has joined as the so-manieth."""
    if farm is not None:
        farm.wait_for_join(joins)
    agent.end()
