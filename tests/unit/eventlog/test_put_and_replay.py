"""What is put is there whole, in order; what fails leaves nothing."""

import threading
from pathlib import Path

import pytest
from tests.unit.eventlog.farm_rounds import (
    SetClock,
    a_round,
    closing,
    command_id,
    fill,
    submitted,
    task_id,
    task_row,
)

from rushlight.errors import LogConflict, LogDamaged, LogError, LogUnavailable, NotFound
from rushlight.eventlog.log import PAGE, FarmLog


def test_positions_start_at_one_and_have_no_gaps(log: FarmLog) -> None:
    assert log.put(**a_round(1, 3)) == [1, 2, 3, 4]
    assert log.put(**a_round(2, 3)) == [5, 6, 7, 8]
    assert log.head() == 8


def test_what_was_put_reads_back_the_same_after_opening_again(data: Path, clock: SetClock) -> None:
    with FarmLog.open(data, clock=clock) as log:
        log.put(**a_round(1, 3))
    with FarmLog.open(data, clock=clock) as log:
        assert list(log.replay()) == list(enumerate(a_round(1, 3)["events"], start=1))


def test_replay_goes_over_pages_without_loss(log: FarmLog) -> None:
    log.put(**a_round(1, PAGE + 10))
    assert [position for position, _ in log.replay()] == list(range(1, PAGE + 12))


def test_replay_of_a_part_has_its_bounds(log: FarmLog) -> None:
    fill(log, 3, 3)
    assert [position for position, _ in log.replay(after=4, upto=9)] == [5, 6, 7, 8, 9]


def test_raw_gives_what_is_stored(log: FarmLog) -> None:
    event = submitted(1)
    log.put(events=[event])
    assert list(log.raw()) == [
        (1, event.originator_id, 1, "rushlight.task.submitted", event.encode())
    ]


def test_a_stream_has_its_own_events_with_their_positions(log: FarmLog) -> None:
    fill(log, 2, 2)
    assert log.stream(task_id(3)) == [(4, submitted(3))]
    assert log.stream(task_id(99)) == []


def test_streams_and_their_existence_are_asked_in_one_go(log: FarmLog) -> None:
    fill(log, 1, 3)
    # More ids than a statement may have parameters.
    many = [task_id(seq) for seq in range(1, 40_000)]
    assert log.has_stream(many) == {task_id(1), task_id(2), task_id(3)}
    assert log.streams([task_id(1), task_id(9)]) == {task_id(1): [(1, submitted(1))]}


def test_rows_and_outcomes_are_there_with_the_events(log: FarmLog) -> None:
    log.put(**a_round(1, 2))
    assert log.views.task(task_id(2)) == task_row(submitted(2))
    outcome = log.views.outcome(command_id(2))
    assert outcome is not None
    assert outcome["doc"]["position"] == 3


def test_a_conflict_leaves_nothing_of_the_round(log: FarmLog) -> None:
    log.put(**a_round(1, 2))
    late = a_round(2, 2)
    late["events"][-1] = closing(1, 2)
    with pytest.raises(LogConflict, match="another writer"):
        log.put(**late)
    assert log.head() == 3
    assert log.views.task(task_id(3)) is None
    assert log.views.outcome(command_id(3)) is None


def test_a_conflict_can_be_followed_by_another_round(log: FarmLog) -> None:
    log.put(**a_round(1, 2))
    with pytest.raises(LogConflict):
        log.put(**a_round(1, 2))
    assert log.put(**a_round(2, 2)) == [4, 5, 6]


def test_the_first_outcome_of_a_command_stands(log: FarmLog) -> None:
    log.put(**a_round(1, 1))
    second = a_round(2, 1)
    second["outcomes"] = [{**a_round(1, 1)["outcomes"][0], "digest": "another"}]
    log.put(**second)
    outcome = log.views.outcome(command_id(1))
    assert outcome is not None
    assert outcome["digest"] == "digest 1"


def limit_pages(log: FarmLog, more: int | None) -> None:
    """Let the database file grow by ``more`` pages only; None: without limit."""
    with log._app.datastore.get_connection(commit=True) as connection:
        cursor = connection.cursor()
        cursor.execute("PRAGMA page_count")
        limit = 2**30 if more is None else cursor.fetchone()[0] + more
        cursor.execute(f"PRAGMA max_page_count={limit}")


def test_a_full_disk_leaves_nothing_of_the_round_and_says_what_to_do(log: FarmLog) -> None:
    log.put(**a_round(1, 50))
    limit_pages(log, 2)
    with pytest.raises(LogUnavailable, match=r"no space left .* free some"):
        log.put(**a_round(2, 50))
    assert log.head() == 51
    assert log.views.task(task_id(51)) is None
    assert log.views.outcome(command_id(51)) is None


def test_after_a_full_disk_the_same_round_can_be_put(log: FarmLog) -> None:
    log.put(**a_round(1, 50))
    limit_pages(log, 2)
    with pytest.raises(LogUnavailable):
        log.put(**a_round(2, 50))
    limit_pages(log, None)
    assert log.put(**a_round(2, 50))[-1] == 102


def test_a_commit_waits_for_the_disk(log: FarmLog) -> None:
    with log._app.datastore.get_connection(commit=True) as connection:
        cursor = connection.cursor()
        cursor.execute("PRAGMA synchronous")
        assert cursor.fetchone()[0] == 2
        cursor.execute("PRAGMA journal_mode")
        assert cursor.fetchone()[0] == "wal"


def test_settings_of_the_library_in_the_environment_do_not_reach_the_log(
    data: Path, clock: SetClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COMPRESSOR_TOPIC", "zlib")
    monkeypatch.setenv("FARM_SQLITE_DBNAME", str(data / "elsewhere"))
    with FarmLog.open(data, clock=clock) as log:
        log.put(**a_round(1, 1))
    assert not (data / "elsewhere").exists()
    monkeypatch.undo()
    with FarmLog.open(data, clock=clock) as log:
        assert [raw[4] for raw in log.raw(upto=1)] == [submitted(1).encode()]


def test_an_event_that_this_version_does_not_know_names_its_position(log: FarmLog) -> None:
    fill(log, 1, 2)
    with log._app.datastore.transaction(commit=True) as cursor:
        cursor.execute("UPDATE stored_events SET topic = 'rushlight.task.dreamt' WHERE rowid = 2")
    with pytest.raises(LogDamaged, match=r"after position 1 .*at 2: 'rushlight.task.dreamt'"):
        list(log.replay())


def test_a_missing_position_is_damage(log: FarmLog) -> None:
    fill(log, 1, 5)
    with log._app.datastore.transaction(commit=True) as cursor:
        cursor.execute("DELETE FROM stored_events WHERE rowid = 3")
    with pytest.raises(LogDamaged, match=r"after position 2 \(position 3 is missing\)"):
        list(log.raw())


def test_a_log_of_a_later_format_is_left_alone(data: Path, clock: SetClock) -> None:
    with FarmLog.open(data, clock=clock) as log, log._app.datastore.transaction(commit=True) as c:
        c.execute("PRAGMA user_version=99")
    with pytest.raises(LogError, match=r"format 99, this version knows 2"):
        FarmLog.open(data, clock=clock)


def test_a_closed_log_says_so(data: Path, clock: SetClock) -> None:
    log = FarmLog.open(data, clock=clock)
    log.close()
    with pytest.raises(LogUnavailable, match="closed"):
        log.head()


def test_an_auditor_reads_while_the_farm_writes(log: FarmLog, data: Path) -> None:
    fill(log, 1, 2)
    with FarmLog.open_read_only(data) as audit:
        assert audit.head() == 3
        log.put(**a_round(2, 2))
        assert len(list(audit.replay())) == 6


def test_an_auditor_cannot_write(data: Path, clock: SetClock) -> None:
    with FarmLog.open(data, clock=clock) as log:
        fill(log, 1, 2)
    with FarmLog.open_read_only(data) as audit:
        with pytest.raises(LogUnavailable):
            audit.put(**a_round(2, 2))
        assert audit.head() == 3


def test_an_auditor_of_no_log_is_told_which_folder_to_name(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="--data"):
        FarmLog.open_read_only(tmp_path)


def test_a_folder_that_cannot_be_made_says_what_to_do(tmp_path: Path, clock: SetClock) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LogUnavailable, match="--data"):
        FarmLog.open(tmp_path / "file", clock=clock)


def test_readers_in_other_threads_see_whole_rounds_only(log: FarmLog) -> None:
    log.put(**a_round(1, 20))
    uneven: list[int] = []
    stop = threading.Event()

    def watch() -> None:
        while not stop.is_set():
            if (count := len(log.views.live_tasks())) % 20:
                uneven.append(count)

    readers = [threading.Thread(target=watch) for _ in range(3)]
    for reader in readers:
        reader.start()
    for number in range(2, 15):
        log.put(**a_round(number, 20))
    stop.set()
    for reader in readers:
        reader.join()
    assert uneven == []
