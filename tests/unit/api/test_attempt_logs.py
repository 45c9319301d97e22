"""Logs of attempts: pieces that come twice, late or never, and logs that outgrow their limit."""

from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rushlight.errors import Unavailable
from rushlight_api.attempt_logs import AttemptLogs, Stored, split

TASK = UUID(int=1)
LIMIT = 1000


@pytest.fixture
def logs(tmp_path: Path) -> AttemptLogs:
    return AttemptLogs(tmp_path / "logs", LIMIT)


def test_pieces_are_put_together(logs: AttemptLogs) -> None:
    sizes = [logs.append(TASK, 1, 0, b"one\n"), logs.append(TASK, 1, 4, b"two\n")]

    assert (sizes, logs.read(TASK, 1, 0)) == ([4, 8], (b"one\ntwo\n", 8))


def test_a_piece_that_comes_twice_is_kept_once(logs: AttemptLogs) -> None:
    logs.append(TASK, 1, 0, b"one\ntwo\n")

    assert logs.append(TASK, 1, 4, b"two\nthree\n") == 14
    assert logs.read(TASK, 1, 0) == (b"one\ntwo\nthree\n", 14)


def test_a_piece_after_a_gap_is_not_kept_and_the_answer_says_where_to_go_on(
    logs: AttemptLogs,
) -> None:
    logs.append(TASK, 1, 0, b"one\n")

    assert logs.append(TASK, 1, 100, b"late\n") == 4
    assert logs.read(TASK, 1, 0) == (b"one\n", 4)


def test_a_reader_gets_what_follows_its_offset(logs: AttemptLogs) -> None:
    logs.append(TASK, 1, 0, b"one\ntwo\n")

    assert logs.read(TASK, 1, 4) == (b"two\n", 8)
    assert logs.read(TASK, 1, 8) == (b"", 8)


def test_attempts_and_tasks_have_logs_of_their_own(logs: AttemptLogs) -> None:
    logs.append(TASK, 1, 0, b"first")
    logs.append(TASK, 2, 0, b"second")

    assert logs.read(TASK, 1, 0)[0] == b"first"
    assert logs.read(UUID(int=2), 1, 0) == (b"", 0)


def test_a_long_log_keeps_its_start_and_its_end_and_says_what_is_missing(
    logs: AttemptLogs, tmp_path: Path
) -> None:
    text = b"".join(b"line %06d\n" % number for number in range(1000))
    for start in range(0, len(text), 300):
        logs.append(TASK, 1, start, text[start : start + 300])
    kept, size = logs.read(TASK, 1, 0)

    assert size == len(text)
    assert kept.startswith(text[: LIMIT // 2])
    assert kept.endswith(text[-LIMIT // 4 :])
    assert b"bytes left out here]" in kept
    assert len((tmp_path / "logs" / str(TASK) / "1.log").read_bytes()) <= LIMIT


def test_a_follower_of_a_long_log_goes_on_at_the_size_that_it_was_told(logs: AttemptLogs) -> None:
    logs.append(TASK, 1, 0, b"x" * 5000)
    _, size = logs.read(TASK, 1, 0)
    logs.append(TASK, 1, size, b"and more\n")

    assert logs.read(TASK, 1, size) == (b"and more\n", size + 9)


def test_logs_of_an_api_before_this_one_go_on(logs: AttemptLogs, tmp_path: Path) -> None:
    logs.append(TASK, 1, 0, b"x" * 5000)
    again = AttemptLogs(tmp_path / "logs", LIMIT)

    assert again.append(TASK, 1, 4990, b"x" * 20) == 5010


def test_a_disk_that_takes_nothing_is_told(tmp_path: Path) -> None:
    (tmp_path / "logs").write_text("a file where the folder should be")

    with pytest.raises(Unavailable, match="cannot be kept"):
        AttemptLogs(tmp_path / "logs", LIMIT).append(TASK, 1, 0, b"x")


@given(head=st.binary(min_size=20, max_size=20), left_out=st.integers(1, 10**12), tail=st.binary())
def test_what_is_stored_reads_back(head: bytes, left_out: int, tail: bytes) -> None:
    stored = Stored(head, left_out, tail)

    assert split(stored.encode(), 20) == stored
