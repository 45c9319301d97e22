"""The file of keys is taken away, or exchanged, under those who use it."""

from pathlib import Path

import pytest

from rushlight.errors import KeysUnavailable
from rushlight.keys.store import KEYS_FILE, KeyStore


@pytest.fixture
def exchanged(tmp_path: Path) -> KeyStore:
    """One that has a key, and finds another file in its place."""
    store = KeyStore.open(tmp_path)
    store.create("ann", "admin", created_by="test")
    (tmp_path / KEYS_FILE).rename(tmp_path / "before")
    with KeyStore.open(tmp_path) as other:
        other.create("eve", "admin", created_by="test")
    return store


def test_keys_that_were_taken_away_count_no_more_until_they_are_back(tmp_path: Path) -> None:
    with KeyStore.open(tmp_path) as store:
        _, text = store.create("ann", "admin", created_by="test")
        (tmp_path / KEYS_FILE).rename(tmp_path / "elsewhere")
        for look in (store.any_active, lambda: store.find(text)):
            with pytest.raises(KeysUnavailable, match="No such file"):
                look()
        (tmp_path / "elsewhere").rename(tmp_path / KEYS_FILE)

        assert store.find(text) is not None


def test_neither_old_keys_nor_new_ones_count_in_another_file(exchanged: KeyStore) -> None:
    with exchanged, pytest.raises(KeysUnavailable, match="start the farm again"):
        exchanged.any_active()


def test_nothing_is_written_where_nobody_would_find_it(exchanged: KeyStore) -> None:
    with exchanged, pytest.raises(KeysUnavailable, match="start the farm again"):
        exchanged.create("bob", "admin", created_by="test")
