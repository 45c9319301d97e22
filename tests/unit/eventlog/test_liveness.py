"""Who is alive, who is condemned, and races between the two."""

import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.unit.eventlog.farm_rounds import START, SetClock

from rushlight.errors import LogDamaged
from rushlight.eventlog.folder import LIVENESS_FILE
from rushlight.eventlog.liveness import Beat, Heard, Liveness


@pytest.fixture
def liveness(data: Path, clock: SetClock) -> Iterator[Liveness]:
    opened = Liveness.open(data, clock=clock)
    yield opened
    opened.close()


@pytest.fixture
def joined(liveness: Liveness) -> Liveness:
    """Worker w, instance A, expected and heard with sequence 5."""
    assert liveness.expect("w", "A")
    assert liveness.beat("w", "A", 5) == "ok"
    return liveness


def heard(liveness: Liveness, worker_id: str = "w") -> Heard:
    found = liveness.row(worker_id)
    assert found is not None
    return found


def age_s(liveness: Liveness, worker_id: str = "w") -> float:
    """Seconds after the start at which the worker was last heard."""
    return (heard(liveness, worker_id).seen_at - START).total_seconds()


def test_a_beat_of_the_expected_instance_is_ok_and_kept(
    liveness: Liveness, clock: SetClock
) -> None:
    liveness.expect("w", "A")
    clock.move(7)
    running, finished = [{"task_id": "t", "attempt": 1}], [{"task_id": "s", "attempt": 2}]
    assert liveness.beat("w", "A", 0, running, finished) == "ok"
    assert liveness.rows() == [Heard("w", "A", 0, clock.now(), running, finished, None)]


def test_an_instance_whose_join_is_not_on_the_log_is_stale(liveness: Liveness) -> None:
    assert liveness.beat("w", "A", 1) == "stale"
    assert liveness.row("w") is None


def test_another_instance_is_stale_and_changes_nothing(joined: Liveness, clock: SetClock) -> None:
    clock.move(10)
    assert joined.beat("w", "B", 6) == "stale"
    assert joined.beat("w", None, 6) == "stale"
    assert age_s(joined) == 0


def test_a_new_instance_takes_over_when_it_is_expected(joined: Liveness) -> None:
    joined.expect("w", "B")
    assert joined.beat("w", "A", 6) == "stale"
    assert joined.beat("w", "B", 0) == "ok"


def test_expecting_the_current_instance_again_changes_nothing(
    joined: Liveness, clock: SetClock
) -> None:
    before = heard(joined)
    clock.move(10)
    assert joined.expect("w", "A")
    assert heard(joined) == before


@pytest.mark.parametrize("sequence", [4, 5])
def test_an_old_or_doubled_beat_is_ok_and_changes_nothing(
    joined: Liveness, clock: SetClock, sequence: int
) -> None:
    before = heard(joined)
    clock.move(10)
    assert joined.beat("w", "A", sequence, [{"task_id": "t"}]) == "ok"
    assert heard(joined) == before


def test_a_clock_that_is_set_back_does_not_make_a_worker_older(
    joined: Liveness, clock: SetClock
) -> None:
    clock.move(-100)
    joined.beat("w", "A", 6)
    assert age_s(joined) == 0


def test_a_condemned_instance_is_only_ever_stale(joined: Liveness, clock: SetClock) -> None:
    assert joined.condemn("w", "A", 5)
    assert joined.beat("w", "A", 6) == "stale"
    assert joined.expect("w", "A") is False
    assert joined.beat("w", "A", 7) == "stale"
    assert heard(joined).condemned_at == clock.now()


def test_a_condemned_instance_stays_so_when_it_was_replaced_or_forgotten(joined: Liveness) -> None:
    joined.condemn("w", "A", 5)
    joined.expect("w", "B")
    assert joined.expect("w", "A") is False
    joined.forget("w")
    assert joined.expect("w", "A") is False
    assert joined.beat("w", "A", 9) == "stale"


def test_a_condemned_instance_stays_so_after_a_start(
    joined: Liveness, data: Path, clock: SetClock
) -> None:
    joined.condemn("w", "A", 5)
    again = Liveness.open(data, clock=clock)
    assert again.beat("w", "A", 6) == "stale"
    again.close()


def test_an_instance_that_was_heard_since_is_not_condemned(joined: Liveness) -> None:
    joined.beat("w", "A", 6)
    assert joined.condemn("w", "A", 5) is False
    assert joined.beat("w", "A", 7) == "ok"


def test_an_instance_that_was_replaced_is_not_condemned_in_the_place_of_the_new(
    joined: Liveness,
) -> None:
    joined.expect("w", "B")
    joined.beat("w", "B", 5)
    assert joined.condemn("w", "A", 5) is False
    assert heard(joined).condemned is False


def test_condemning_twice_is_the_same_as_once(joined: Liveness, clock: SetClock) -> None:
    joined.condemn("w", "A", 5)
    before = heard(joined)
    clock.move(10)
    assert joined.condemn("w", "A", 5)
    assert heard(joined) == before


def test_an_instance_that_was_never_heard_can_be_condemned(liveness: Liveness) -> None:
    liveness.expect("w", "A")
    assert liveness.condemn("w", "A", heard(liveness).sequence)


def test_every_beat_of_a_pull_worker_counts_whatever_its_number(
    liveness: Liveness, clock: SetClock
) -> None:
    liveness.expect("w", None)
    liveness.beat("w", None, 1000)
    clock.move(10)
    assert liveness.beat("w", None, 0) == "ok"
    assert (heard(liveness).sequence, age_s(liveness)) == (1001, 10)


def test_a_pull_worker_that_was_heard_since_is_not_condemned(liveness: Liveness) -> None:
    liveness.expect("w", None)
    liveness.beat("w", None, 0)
    seen = heard(liveness).sequence
    liveness.beat("w", None, 0)
    assert liveness.condemn("w", None, seen) is False


def test_a_condemned_pull_worker_is_back_when_it_is_expected_again(
    liveness: Liveness, clock: SetClock
) -> None:
    liveness.expect("w", None)
    seen = heard(liveness).sequence
    assert liveness.condemn("w", None, seen)
    assert liveness.beat("w", None, 0) == "stale"
    clock.move(10)
    assert liveness.expect("w", None)
    assert liveness.beat("w", None, 0) == "ok"
    assert liveness.condemn("w", None, seen) is False


def test_many_beats_are_answered_in_order(joined: Liveness) -> None:
    joined.expect("v", "X")
    answers = joined.beats([Beat("w", "A", 6), Beat("u", "Z", 1), Beat("v", "X", 1)])
    assert answers == ["ok", "stale", "ok"]
    assert [(one.worker_id, one.sequence) for one in joined.rows()] == [("v", 1), ("w", 6)]


def test_a_forgotten_worker_has_no_row_and_is_stale(joined: Liveness) -> None:
    joined.forget("w")
    assert joined.rows() == []
    assert joined.beat("w", "A", 6) == "stale"


def race(one: Liveness, other: Liveness, worker_id: str) -> tuple[list[str], int, bool]:
    """Beat seven times and condemn at once: the answers, the sequence seen, who was condemned."""
    one.expect(worker_id, "A")
    one.beat(worker_id, "A", 0)
    answers: list[str] = []
    start = threading.Barrier(2)

    def beat() -> None:
        start.wait()
        answers.extend(one.beat(worker_id, "A", sequence) for sequence in range(1, 8))

    beating = threading.Thread(target=beat)
    beating.start()
    start.wait()
    seen = heard(other, worker_id).sequence
    condemned = other.condemn(worker_id, "A", seen)
    beating.join()
    return answers, seen, condemned


def test_after_a_condemnation_no_beat_is_ok_with_two_reapers_on_the_file(
    data: Path, clock: SetClock
) -> None:
    one, other = Liveness.open(data, clock=clock), Liveness.open(data, clock=clock)
    for index in range(40):
        answers, seen, condemned = race(one, other, f"w{index}")
        heard_to = seen if condemned else 7
        assert answers == ["ok"] * heard_to + ["stale"] * (7 - heard_to)
    one.close()
    other.close()


def test_a_damaged_file_says_what_to_do(joined: Liveness, data: Path, clock: SetClock) -> None:
    joined.close()
    path = data / LIVENESS_FILE
    path.write_bytes(bytes(4096) + path.read_bytes()[4096:])
    with pytest.raises(LogDamaged, match="remove that file"):
        Liveness.open(data, clock=clock)


def test_it_can_be_removed_and_starts_empty(joined: Liveness, data: Path, clock: SetClock) -> None:
    joined.close()
    shutil.rmtree(data)
    again = Liveness.open(data, clock=clock)
    assert again.rows() == []
    again.close()
