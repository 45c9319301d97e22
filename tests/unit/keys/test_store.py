"""The file of keys: what counts, what is refused, what stays."""

import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from rushlight.errors import (
    AdminKeyNeeded,
    InvalidRequest,
    KeysUnavailable,
    NotFound,
    RuleBroken,
    TokenSpent,
)
from rushlight.keys import store as store_module
from rushlight.keys.store import ENROLMENT_S, KEYS_FILE, KeyStore
from rushlight.testing import ManualClock


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def store(tmp_path: Path, clock: ManualClock) -> Iterator[KeyStore]:
    with KeyStore.open(tmp_path / "farm", clock=clock) as opened:
        yield opened


def other_secret(text: str) -> str:
    return text[:-1] + ("a" if text[-1] != "a" else "b")


def test_a_key_is_found_by_its_text_alone(store: KeyStore) -> None:
    row, text = store.create("ann", "admin", created_by="root")
    found = store.find(text)

    assert found is not None
    assert (found.key_id, found.principal, found.role) == (row.key_id, "ann", "admin")
    assert store.find(other_secret(text)) is None
    assert store.find(row.key_id) is None
    assert store.find("") is None


def test_a_workers_key_speaks_as_that_worker(store: KeyStore) -> None:
    _, text = store.create("node", "worker", "alpha", created_by="root")
    found = store.find(text)

    assert found is not None and found.principal == "worker:alpha"


def test_the_text_is_kept_nowhere(store: KeyStore, tmp_path: Path) -> None:
    _, text = store.create("ann", "admin", created_by="root")
    token = store.enrol("alpha", "ann")
    _, given = store.redeem(token)

    kept = b"".join(path.read_bytes() for path in (tmp_path / "farm").iterdir())
    for one in (text, token, given):
        assert one.rsplit("_", 1)[1].encode() not in kept


def test_only_its_user_may_read_the_file(store: KeyStore, tmp_path: Path) -> None:
    store.create("ann", "admin", created_by="root")

    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "farm").iterdir()}
    assert KEYS_FILE in modes
    assert set(modes.values()) == {0o600}


def test_a_file_that_others_could_read_is_closed_to_them(tmp_path: Path) -> None:
    KeyStore.open(tmp_path).close()
    (tmp_path / KEYS_FILE).chmod(0o644)

    KeyStore.open(tmp_path).close()

    assert stat.S_IMODE((tmp_path / KEYS_FILE).stat().st_mode) == 0o600


def test_a_key_that_has_run_out_does_not_count(store: KeyStore, clock: ManualClock) -> None:
    store.create("root", "admin", created_by="root")
    until = clock.now() + timedelta(days=1)
    _, text = store.create("ann", "operator", expires_at=until, created_by="root")
    assert store.find(text) is not None

    clock.advance(86_400)

    assert store.find(text) is None


def test_a_revoked_key_counts_no_more_and_stays_on_the_list(store: KeyStore) -> None:
    store.create("root", "admin", created_by="root")
    row, text = store.create("ann", "operator", created_by="root")

    first = store.revoke(row.key_id, "ann")
    again = store.revoke(row.key_id, "bob")

    assert store.find(text) is None
    assert (first.revoked_by, again.revoked_by) == ("ann", "ann")
    assert [one.key_id for one in store.ls()][-1] == row.key_id


def test_what_there_is_not_cannot_be_revoked(store: KeyStore) -> None:
    with pytest.raises(NotFound, match="key ls"):
        store.revoke("nothing", "ann")


@pytest.mark.parametrize(
    ("name", "role", "worker_id", "says"),
    [
        ("ann", "king", None, "take one of submitter"),
        ("ann", "worker", None, "name its id"),
        ("ann", "worker", "a b", "worker id 'a b'"),
        ("ann", "admin", "alpha", "bound to no worker"),
        ("-ann", "admin", None, "first a letter or digit"),
        ("worker:alpha", "admin", None, "letters, digits"),
        ("", "admin", None, "1 to 64"),
        ("a" * 65, "admin", None, "1 to 64"),
        ("reaper", "admin", None, "the farm itself"),
        ("anonymous", "submitter", None, "the farm itself"),
        ("ann\n", "admin", None, "letters, digits"),
    ],
)
def test_what_makes_no_sense_is_refused(
    store: KeyStore, name: str, role: str, worker_id: str | None, says: str
) -> None:
    with pytest.raises(InvalidRequest, match=says):
        store.create(name, role, worker_id, created_by="root")
    assert store.ls() == []


def test_nobody_gets_a_key_that_has_run_out_already(store: KeyStore, clock: ManualClock) -> None:
    with pytest.raises(InvalidRequest, match="run out"):
        store.create("ann", "admin", expires_at=clock.now(), created_by="root")


@pytest.mark.parametrize("role", ["submitter", "operator", "auditor"])
def test_the_first_key_is_an_admins(store: KeyStore, role: str) -> None:
    with pytest.raises(AdminKeyNeeded, match="--role admin"):
        store.create("ann", role, created_by="root")
    assert not store.any_active()


def test_workers_keys_alone_do_not_make_a_farm_ask_for_keys(store: KeyStore) -> None:
    _, text = store.create("local-1", "worker", "local-1", created_by="farm")

    assert not store.any_active()
    assert store.find(text) is not None


def test_the_last_admin_key_stays_while_others_have_keys(
    store: KeyStore, clock: ManualClock
) -> None:
    admin, _ = store.create("ann", "admin", created_by="root")
    other, _ = store.create("bob", "submitter", created_by="ann")
    until = clock.now() + timedelta(hours=1)
    spare, _ = store.create("eve", "admin", expires_at=until, created_by="ann")
    clock.advance(7200)  # the spare one has run out, and is of no help

    with pytest.raises(AdminKeyNeeded, match="2 more"):
        store.revoke(admin.key_id, "ann")

    store.revoke(spare.key_id, "ann")
    store.revoke(other.key_id, "ann")
    store.revoke(admin.key_id, "ann")
    assert not store.any_active()


def test_time_alone_never_opens_a_farm(store: KeyStore, clock: ManualClock) -> None:
    until = clock.now() + timedelta(hours=1)
    store.create("ann", "admin", expires_at=until, created_by="root")
    clock.advance(7200)

    assert store.any_active()


def test_a_list_goes_on_from_the_key_before(store: KeyStore) -> None:
    store.create("root", "admin", created_by="root")
    for name in "abcd":
        store.create(name, "submitter", created_by="root")

    first = store.ls(limit=2)
    second = store.ls(after=first[-1].key_id, limit=2)

    assert [one.name for one in first + second] == ["root", "a", "b", "c"]


def test_all_of_a_long_list_comes_page_by_page(
    store: KeyStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = [store.create(f"n{turn}", "admin", created_by="root")[0].key_id for turn in range(5)]
    monkeypatch.setattr(KeyStore.ls, "__kwdefaults__", {"after": None, "limit": 2})

    assert [one.key_id for one in store.every()] == made


def test_there_are_not_more_keys_than_a_farm_can_list(
    store: KeyStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "KEYS_MAX", 1)
    store.create("root", "admin", created_by="root")

    with pytest.raises(RuleBroken, match="revoke some first"):
        store.create("ann", "submitter", created_by="root")


def test_a_use_is_noted_once_a_minute_at_most(store: KeyStore, clock: ManualClock) -> None:
    row, text = store.create("ann", "admin", created_by="root")

    def use() -> str:
        key = store.find(text)
        assert key is not None
        if store.is_due(key):
            store.used(key)
        return str(store.get(row.key_id).last_used_at)

    first = use()
    clock.advance(59)
    assert use() == first
    clock.advance(1)
    assert use() != first


def test_a_token_gives_its_worker_one_key(store: KeyStore) -> None:
    token = store.enrol("alpha", "ann")
    row, text = store.redeem(token, "alpha")

    assert (row.role, row.worker_id, row.created_by) == ("worker", "alpha", "ann")
    assert store.find(text) is not None
    with pytest.raises(TokenSpent, match="used already"):
        store.redeem(token)


def test_a_token_is_of_no_use_to_another_worker(store: KeyStore) -> None:
    token = store.enrol("alpha", "ann")

    with pytest.raises(TokenSpent, match="for worker alpha"):
        store.redeem(token, "beta")
    with pytest.raises(TokenSpent, match="no such"):
        store.redeem(other_secret(token))
    assert store.redeem(token, "alpha")[0].worker_id == "alpha"


def test_a_token_runs_out(store: KeyStore, clock: ManualClock) -> None:
    token = store.enrol("alpha", "ann")
    clock.advance(ENROLMENT_S)

    with pytest.raises(TokenSpent, match="has run out"):
        store.redeem(token)


def test_what_another_process_changes_holds_at_the_next_look(
    store: KeyStore, tmp_path: Path
) -> None:
    with KeyStore.open(tmp_path / "farm") as other:
        row, text = other.create("ann", "admin", created_by="root")
        assert store.any_active()
        assert store.find(text) is not None

        other.revoke(row.key_id, "ann")

    assert store.find(text) is None
    assert not store.any_active()


def test_a_file_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    KeyStore.open(tmp_path).close()
    with closing(sqlite3.connect(tmp_path / KEYS_FILE)) as connection:
        connection.execute("PRAGMA user_version=99")

    with pytest.raises(KeysUnavailable, match="format 99"):
        KeyStore.open(tmp_path)


def test_what_is_no_file_of_keys_is_said_to_be_none(tmp_path: Path) -> None:
    (tmp_path / KEYS_FILE).write_bytes(b"these are no keys, but long enough to look like" * 10)

    with pytest.raises(KeysUnavailable, match=KEYS_FILE):
        KeyStore.open(tmp_path)


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(KeysUnavailable, match=KEYS_FILE):
        KeyStore.open(tmp_path / "file")


def test_a_closed_store_says_so(tmp_path: Path) -> None:
    store = KeyStore.open(tmp_path)
    store.close()

    with pytest.raises(KeysUnavailable, match="closed"):
        store.any_active()
