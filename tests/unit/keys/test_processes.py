"""Several processes use the file of keys at once."""

import multiprocessing
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from rushlight.errors import TokenSpent
from rushlight.keys.store import KeyStore

PROCESSES = 6
EACH = 15


@pytest.fixture
def pool() -> Iterator[ProcessPoolExecutor]:
    with ProcessPoolExecutor(PROCESSES, multiprocessing.get_context("spawn")) as started:
        yield started


def make_keys(data: Path, number: int) -> list[str]:
    """As ``rushlight key create`` does, on a folder where there may be nothing yet."""
    texts = []
    for index in range(EACH):
        with KeyStore.open(data) as store:
            texts.append(store.create(f"p{number}-{index}", "admin", created_by="test")[1])
    return texts


def try_token(data: Path, token: str, _: int) -> str | None:
    with KeyStore.open(data) as store:
        try:
            return store.redeem(token)[1]
        except TokenSpent:
            return None


def test_nothing_is_lost_where_several_begin_at_once(
    tmp_path: Path, pool: ProcessPoolExecutor
) -> None:
    data = tmp_path / "new" / "farm"
    texts = [one for made in pool.map(partial(make_keys, data), range(PROCESSES)) for one in made]

    with KeyStore.open(data) as store:
        assert len(texts) == PROCESSES * EACH
        assert all(store.find(text) is not None for text in texts)


def test_of_those_that_come_with_one_token_exactly_one_gets_the_key(
    tmp_path: Path, pool: ProcessPoolExecutor
) -> None:
    with KeyStore.open(tmp_path) as store:
        for turn in range(10):
            token = store.enrol(f"w{turn}", "test")
            given = list(pool.map(partial(try_token, tmp_path, token), range(PROCESSES)))

            [text] = [one for one in given if one is not None]
            assert store.find(text) is not None
        assert len(store.ls()) == 10
