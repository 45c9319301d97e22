"""The keys that a farm makes for its own workers."""

from pathlib import Path

import pytest

from rushlight.client.credentials import KEY_FILE, read_secret
from rushlight.errors import KeysUnavailable
from rushlight.keys.store import KeyStore
from rushlight.testing import ManualClock
from rushlight_embedded.worker_keys import WorkerKeys


@pytest.fixture
def keys(tmp_path: Path) -> WorkerKeys:
    return WorkerKeys(tmp_path, ManualClock())


def key_of(keys: WorkerKeys, worker_id: str = "local-1") -> str:
    """The key that a worker is told."""
    found = read_secret(Path(keys.environment_of(worker_id)[KEY_FILE]))
    assert found.warning is None
    return found.text


def test_a_worker_gets_a_key_of_its_own_and_keeps_it(keys: WorkerKeys, tmp_path: Path) -> None:
    first, other, again = key_of(keys), key_of(keys, "local-2"), key_of(keys)

    assert first == again != other
    with KeyStore.open(tmp_path, clock=ManualClock()) as store:
        known = [(store.find(text), text) for text in (first, other)]
        assert [key and (key.role, key.worker_id) for key, _ in known] == [
            ("worker", "local-1"),
            ("worker", "local-2"),
        ]
        assert [row.created_by for row in store.ls()] == ["farm", "farm"]


def test_keys_of_workers_alone_do_not_make_the_farm_ask(keys: WorkerKeys, tmp_path: Path) -> None:
    key_of(keys)

    with KeyStore.open(tmp_path, clock=ManualClock()) as store:
        assert not store.any_active()


@pytest.mark.parametrize("how", ["revoked", "gone", "spoilt", "open to others", "another's"])
def test_a_key_that_does_not_count_is_made_anew(keys: WorkerKeys, tmp_path: Path, how: str) -> None:
    before = key_of(keys)
    file = tmp_path / "workers" / "local-1.key"
    with KeyStore.open(tmp_path, clock=ManualClock()) as store:
        if how == "revoked":
            store.revoke(store.ls()[0].key_id, "ann")
        elif how == "gone":
            file.unlink()
        elif how == "spoilt":
            file.write_text("not a key")
        elif how == "open to others":
            file.chmod(0o644)
        else:
            file.write_text(key_of(keys, "local-2"))

        after = key_of(keys)

        assert after != before
        assert store.find(before) is None
        found = store.find(after)
        assert found is not None
        assert found.worker_id == "local-1"


def test_keys_that_cannot_be_kept_are_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")

    with pytest.raises(KeysUnavailable):
        WorkerKeys(tmp_path / "file", ManualClock()).environment_of("local-1")
