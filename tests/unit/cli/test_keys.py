"""Keys and the command line: what is sent where, what is printed where, what is kept from whom."""

import json
import os
import stat
from datetime import datetime
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result
from tests.unit.cli.conftest import Run
from tests.unit.cli.scripted import Said, ScriptedFarm, page, problem, rows

from rushlight.cli.keys import Span, state_of
from rushlight.cli.root import rushlight
from rushlight.client import FarmClient
from rushlight.client.credentials import read_secret, write_secret
from rushlight.clock import SystemClock
from rushlight.errors import Forbidden, InvalidRequest, RushlightError, Unauthenticated
from rushlight.keys.store import KEYS_FILE, KeyStore

KEY, OTHER = "rlk_mine_mine", "rlk_other_other"
PAST, FUTURE = "2020-01-01T00:00:00Z", "2999-01-01T00:00:00Z"


def key(**fields: Any) -> dict[str, Any]:
    """A key as the API gives it."""
    return {
        "keyId": "k7qd3hn2ab",
        "name": "bob",
        "role": "submitter",
        "workerId": None,
        "principal": "bob",
        "createdAt": PAST,
        "createdBy": "ann",
        "expiresAt": None,
        "revokedAt": None,
        "revokedBy": None,
        "lastUsedAt": None,
        **fields,
    }


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The data folder of this folder's farm, not there yet; and no address in the environment."""
    monkeypatch.chdir(tmp_path)
    for name in ("RUSHLIGHT_URL", "RUSHLIGHT_DATA", "RUSHLIGHT_KEY", "RUSHLIGHT_KEY_FILE"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "rushlight-data"


def here(*words: str) -> Result:
    """A command in this folder."""
    return CliRunner().invoke(rushlight, list(words))


def test_a_key_made_on_a_folder_names_who_really_made_it(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not whom the environment names; and a user without a name, as in containers, may make one."""
    monkeypatch.setenv("LOGNAME", "somebody-else")
    monkeypatch.setattr("rushlight.cli.keyrings.getpwuid", _nameless)
    assert here("key", "create", "--role", "admin").exit_code == 0
    with KeyStore.open(data) as store:
        (made,) = store.every()
    assert made.created_by == f"local:#{os.geteuid()}"


def test_a_user_without_a_name_is_asked_for_one(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("pwd.getpwuid", _nameless)
    refused = here("key", "create", "--role", "admin")

    assert refused.exit_code == 2
    assert "--name" in refused.stderr


def _nameless(user_id: int) -> None:
    raise KeyError(user_id)


# What is sent


def test_the_key_goes_with_every_request(farm: ScriptedFarm) -> None:
    farm.on("GET", "/workers", page())
    farm.on("POST", "/workers/w/drain", Said(breaks=True), Said(500))

    with FarmClient(farm.url, key=KEY) as client:
        assert list(client.workers()) == []
        with pytest.raises(RushlightError):
            client.drain("w")

    assert len(farm.heard) == 3
    assert {one.authorization for one in farm.heard} == {f"Bearer {KEY}"}


def test_without_a_key_none_is_sent(farm: ScriptedFarm) -> None:
    farm.on("GET", "/workers", page())
    with FarmClient(farm.url) as client:
        assert list(client.workers()) == []

    assert [one.authorization for one in farm.heard] == [None]


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_key_follows_no_redirect(farm: ScriptedFarm, status: int) -> None:
    with ScriptedFarm() as elsewhere:
        moved = {"Location": f"{elsewhere.url}/whoami"}
        farm.on("GET", "/whoami", Said(status, {}, headers=moved))
        with FarmClient(farm.url, key=KEY) as client, pytest.raises(RushlightError):
            client.wire.whoami()

        assert elsewhere.heard == []


def test_a_client_does_not_say_its_key(farm: ScriptedFarm) -> None:
    farm.on("GET", "/whoami", problem(401, "unauthenticated", "No key."))
    with FarmClient(farm.url, key=KEY) as client:
        with pytest.raises(Unauthenticated) as refused:
            client.wire.whoami()
        said = [repr(client), repr(client.wire), repr(vars(client.wire.connection))]

    assert KEY not in "".join([*said, repr(refused.value), repr(refused.value.facts)])


def test_what_is_no_key_is_sent_to_nobody(farm: ScriptedFarm) -> None:
    with pytest.raises(InvalidRequest) as refused:
        FarmClient(farm.url, key="hunter2 secret")

    assert "hunter2" not in str(refused.value)


def test_an_address_holds_no_password() -> None:
    with pytest.raises(InvalidRequest) as refused:
        FarmClient("https://ann:hunter2@farm.example")

    assert "hunter2" not in str(refused.value)


def test_the_option_names_the_file(
    farm: ScriptedFarm, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_secret(tmp_path / "key", KEY)
    monkeypatch.setenv("RUSHLIGHT_KEY", OTHER)
    farm.on("GET", "/workers", page())

    assert run("worker", "ls", "--key-file", str(tmp_path / "key")).exit_code == 0
    assert run("worker", "ls").exit_code == 0
    assert [one.authorization for one in farm.heard] == [f"Bearer {KEY}", f"Bearer {OTHER}"]


def test_a_file_that_others_can_read_is_told_beside_the_data(
    farm: ScriptedFarm, run: Run, tmp_path: Path
) -> None:
    (tmp_path / "key").write_text(KEY)
    (tmp_path / "key").chmod(0o644)
    farm.on("GET", "/whoami", Said(body={"principal": "ann"}))

    done = run("whoami", "--key-file", str(tmp_path / "key"))

    assert done.stdout == "principal\tann\n"
    assert "chmod 600" in done.stderr


def test_a_farm_that_asks_for_a_key_is_answered_with_how_to_give_one(
    farm: ScriptedFarm, run: Run
) -> None:
    farm.on("GET", "/workers", problem(401, "unauthenticated", "This farm asks for a key."))

    done = run("ls", "workers")

    assert done.exit_code == 4
    for way in ("--key-file", "RUSHLIGHT_KEY_FILE", "RUSHLIGHT_KEY"):
        assert way in done.stderr


def test_a_role_that_may_not_hears_no_such_advice(farm: ScriptedFarm, run: Run) -> None:
    farm.on("GET", "/keys", problem(403, "forbidden", "bob has the role submitter."))

    done = run("key", "ls", "--url", farm.url)

    assert (done.exit_code, done.stderr) == (4, "error: bob has the role submitter.\n")
    with FarmClient(farm.url) as client, pytest.raises(Forbidden):
        list(client.wire.keys())


# Keys over HTTP


def asks(farm: ScriptedFarm, key_id: str | None = "k1") -> None:
    """The farm has keys, and this is the id of ours; without one it has none."""
    farm.on("GET", "/whoami", Said(body={"principal": "ann", "role": None, "keyId": key_id}))


@pytest.mark.parametrize(("key_id", "said"), [("k1", False), (None, True)])
def test_over_http_too_the_first_key_is_told_to_be_one(
    farm: ScriptedFarm, run: Run, key_id: str | None, said: bool
) -> None:
    asks(farm, key_id)
    farm.on("POST", "/keys", Said(201, key(key=KEY, role="admin")))

    done = run("key", "create", "--role", "admin")

    assert ("from now on" in done.stderr) == said


def test_over_http_a_key_is_made_with_what_was_given(farm: ScriptedFarm, run: Run) -> None:
    asks(farm)
    farm.on("POST", "/keys", Said(201, key(key=KEY)))

    done = run("key", "create", "--name", "bob", "--role", "submitter")

    assert done.stdout == f"{KEY}\n"
    assert KEY not in done.stderr
    assert farm.told("POST", "/keys")[0].body == {"name": "bob", "role": "submitter"}


def test_over_http_an_end_is_sent_as_a_time(farm: ScriptedFarm, run: Run) -> None:
    asks(farm)
    farm.on("POST", "/keys", Said(201, key(key=KEY, expiresAt=FUTURE)))

    run("key", "create", "--name", "bob", "--role", "worker", "--worker", "w1", "--expires", "2h")

    sent = farm.told("POST", "/keys")[0].body
    left_s = (datetime.fromisoformat(sent["expiresAt"]) - SystemClock().now()).total_seconds()
    assert 7100 < left_s <= 7200
    assert sent["workerId"] == "w1"


def test_a_list_shows_what_counts_and_with_all_the_rest(farm: ScriptedFarm, run: Run) -> None:
    keys = [key(), key(keyId="b", revokedAt=PAST), key(keyId="c", expiresAt=PAST)]
    farm.on("GET", "/keys", page(*keys))

    assert [row[0] for row in rows(run("key", "ls").stdout)] == ["k7qd3hn2ab"]
    assert [row[3] for row in rows(run("key", "ls", "--all").stdout)] == [
        "counts",
        "revoked",
        "expired",
    ]
    assert json.loads(run("key", "ls", "--all", "--json").stdout)["items"] == keys


def test_a_key_that_is_to_be_revoked_is_named_by_its_id(farm: ScriptedFarm, run: Run) -> None:
    farm.on("DELETE", "/keys/k7qd3hn2ab", Said(body=key(revokedAt=PAST)))

    assert run("key", "revoke", "k7qd3hn2ab").stdout == "k7qd3hn2ab\tbob\trevoked\n"
    done = run("key", "revoke", KEY)

    assert done.exit_code == 2
    assert "the key's id" in done.stderr
    assert KEY not in done.stderr


def test_an_enrolment_prints_the_token_alone_and_the_command_beside_it(
    farm: ScriptedFarm, run: Run
) -> None:
    answer = {"workerId": "node-7", "token": "rle_once_once", "expiresAt": FUTURE}
    farm.on("POST", "/workers/node-7/enrolment", Said(201, answer))

    done = run("worker", "enroll", "node-7")

    assert done.stdout == "rle_once_once\n"
    assert "RUSHLIGHT_ENROLMENT=rle_once_once" in done.stderr
    assert "rushlight worker run --url http://" in done.stderr
    assert "--id node-7" in done.stderr


# Keys on a folder


def test_without_an_address_keys_are_those_of_the_folder(data: Path) -> None:
    made = here("key", "create", "--name", "ann", "--role", "admin")

    assert made.exit_code == 0
    assert "from now on this farm asks everybody" in made.stderr
    with KeyStore.open(data) as store:
        found = store.find(made.stdout.strip())
        assert found is not None
        assert (found.name, found.role) == ("ann", "admin")
    assert rows(here("key", "ls").stdout)[0][1:4] == ["ann", "admin", "counts"]
    again = here("key", "create", "--name", "ann", "--role", "admin")
    assert "from now on" not in again.stderr


def test_the_folder_that_is_named_goes_before_an_address_of_the_environment(
    data: Path, farm: ScriptedFarm, run: Run
) -> None:
    assert run("key", "create", "--role", "admin", "--data", str(data)).exit_code == 0
    assert farm.heard == []
    assert (data / KEYS_FILE).exists()


def test_a_key_for_a_file_goes_nowhere_else(data: Path, tmp_path: Path) -> None:
    file = tmp_path / "ann.key"
    done = here("key", "create", "--role", "admin", "--out", str(file), "--json")

    assert read_secret(file).warning is None
    assert read_secret(file).text not in done.output
    assert "key" not in json.loads(done.stdout)


def test_a_file_that_is_there_is_not_overwritten_and_no_key_made(
    data: Path, tmp_path: Path
) -> None:
    (tmp_path / "ann.key").write_text("precious")
    done = here("key", "create", "--role", "admin", "--out", "ann.key")

    assert done.exit_code == 2
    assert (tmp_path / "ann.key").read_text() == "precious"
    with KeyStore.open(data) as store:
        assert store.ls() == []


def test_a_key_that_is_refused_leaves_no_file(data: Path, tmp_path: Path) -> None:
    done = here("key", "create", "--role", "submitter", "--out", "bob.key")

    assert done.exit_code == 5
    assert "--role admin" in done.stderr
    assert not (tmp_path / "bob.key").exists()


def test_looking_at_keys_that_are_not_there_makes_no_folder(data: Path) -> None:
    assert here("key", "ls").exit_code == 3
    assert not data.exists()


def test_the_file_of_keys_is_for_its_owner(data: Path) -> None:
    here("key", "create", "--role", "admin")

    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in data.glob("keys*")}
    assert set(modes.values()) == {0o600}


@pytest.mark.parametrize(("text", "seconds"), [("30d", 2_592_000), ("12h", 43_200), ("90m", 5_400)])
def test_a_span_is_a_number_and_its_unit(text: str, seconds: int) -> None:
    assert Span().convert(text, None, None).total_seconds() == seconds


@pytest.mark.parametrize("text", ["30", "d", "1w", "-1d", "1.5h", "999999d"])
def test_a_wrong_span_is_refused_with_a_right_one(text: str) -> None:
    with pytest.raises(click.BadParameter, match="30d, 12h or 90m"):
        Span().convert(text, None, None)


def test_a_revoked_key_is_revoked_also_when_it_has_expired() -> None:
    assert state_of(key(revokedAt=PAST, expiresAt=PAST)) == "revoked"
