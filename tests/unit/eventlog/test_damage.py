"""A damaged log refuses to open, says up to where it is whole, and can be salvaged."""

import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.unit.eventlog.farm_rounds import SetClock, a_round, command_id, fill

from rushlight.errors import LogDamaged, LogUnavailable, NotFound
from rushlight.eventlog.folder import HEAD_FILE, LOG_FILE
from rushlight.eventlog.log import FarmLog
from rushlight.eventlog.salvage import SalvageReport, salvage

PAGE_BYTES = 4096
ROUNDS = 30
TASKS = 9
HEAD = ROUNDS * (TASKS + 1)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log of 30 rounds of 9 tasks, closed in order."""
    data = tmp_path_factory.mktemp("whole")
    with FarmLog.open(data, clock=SetClock()) as log:
        fill(log, ROUNDS, TASKS)
    return data


@pytest.fixture(scope="module")
def crashed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same as a crash leaves it: all of it still in the write-ahead file."""
    running, data = tmp_path_factory.mktemp("running"), tmp_path_factory.mktemp("crashed")
    with FarmLog.open(running, clock=SetClock()) as log:
        with log._app.datastore.get_connection(commit=True) as connection:
            connection.cursor().execute("PRAGMA wal_autocheckpoint=0")
        fill(log, ROUNDS, TASKS)
        for name in (LOG_FILE, f"{LOG_FILE}-wal", HEAD_FILE):
            shutil.copy(running / name, data / name)
    return data


def page_of(file: bytes, seq: int) -> int:
    """The page that holds the event of task ``seq`` (its first copy is in the table of events)."""
    found = re.search(rb'"command_id":"[-0-9a-f]+","seq":%d,' % seq, file)
    assert found is not None
    return found.start() // PAGE_BYTES


def overwrite(path: Path, seq: int, content: bytes) -> None:
    file = path.read_bytes()
    start = page_of(file, seq) * PAGE_BYTES
    path.write_bytes(file[:start] + content + file[start + len(content) :])


def cut(path: Path, size: int) -> None:
    os.truncate(path, path.stat().st_size - size)


def overwrite_start(path: Path) -> None:
    path.write_bytes(bytes(PAGE_BYTES) + path.read_bytes()[PAGE_BYTES:])


DAMAGES: dict[str, Callable[[Path], None]] = {
    "one byte cut off": lambda path: cut(path, 1),
    "100 bytes cut off": lambda path: cut(path, 100),
    "last page cut off": lambda path: cut(path, PAGE_BYTES),
    "last ten pages cut off": lambda path: cut(path, 10 * PAGE_BYTES),
    "half cut off": lambda path: cut(path, path.stat().st_size // 2),
    "page of zeros": lambda path: overwrite(path, 200, bytes(PAGE_BYTES)),
    "page of noise": lambda path: overwrite(path, 200, b"\xa5\x17\xfe\x00" * 1024),
    "first page gone": overwrite_start,
    "empty": lambda path: os.truncate(path, 0),
    "removed": lambda path: path.unlink(),
}


def position_named(error: LogDamaged) -> int:
    found = re.search(r"damaged after position (\d+) \(", str(error))
    assert found is not None, str(error)
    return int(found[1])


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_log_refuses_with_position_and_remedy(
    whole: Path, data: Path, clock: SetClock, damage: str
) -> None:
    shutil.copytree(whole, data)
    DAMAGES[damage](data / LOG_FILE)
    with pytest.raises(LogDamaged, match=f"rushlight audit salvage {data} NEW") as refused:
        FarmLog.open(data, clock=clock)
    assert refused.value.facts["position"] == position_named(refused.value) <= HEAD


def test_a_page_of_zeros_is_named_by_the_last_position_before_it(
    whole: Path, data: Path, clock: SetClock
) -> None:
    shutil.copytree(whole, data)
    overwrite(data / LOG_FILE, 200, bytes(PAGE_BYTES))
    with pytest.raises(LogDamaged) as refused:
        FarmLog.open(data, clock=clock)
    # Task 200 is at position 222; a page holds about ten events.
    assert 200 < position_named(refused.value) < 222


def test_a_log_shorter_than_it_says_is_read_up_to_the_cut(
    whole: Path, data: Path, clock: SetClock
) -> None:
    shutil.copytree(whole, data)
    path = data / LOG_FILE
    os.truncate(path, page_of(path.read_bytes(), 200) * PAGE_BYTES)
    with pytest.raises(LogDamaged) as refused:
        FarmLog.open(data, clock=clock)
    assert 200 < position_named(refused.value) < 222


def test_a_cut_inside_a_page_of_events_is_seen_though_sqlite_reads_zeros_there(
    whole: Path, data: Path, clock: SetClock
) -> None:
    shutil.copytree(whole, data)
    path = data / LOG_FILE
    file = path.read_bytes()
    # The same content as a file whose last page is the one with task 200, and which lacks bytes.
    last = (page_of(file, 200) + 1) * PAGE_BYTES
    path.write_bytes(file[: last - 50])
    with pytest.raises(LogDamaged) as refused:
        FarmLog.open(data, clock=clock)
    assert position_named(refused.value) < 222


def test_a_write_ahead_file_cut_short_is_not_taken_for_the_whole(
    crashed: Path, data: Path, clock: SetClock
) -> None:
    shutil.copytree(crashed, data)
    cut(data / f"{LOG_FILE}-wal", 100)
    with pytest.raises(LogDamaged, match=f"position {HEAD} was acknowledged and is gone") as found:
        FarmLog.open(data, clock=clock)
    assert position_named(found.value) == HEAD - TASKS - 1


def test_a_lost_write_ahead_file_is_noticed(crashed: Path, data: Path, clock: SetClock) -> None:
    shutil.copytree(crashed, data)
    (data / f"{LOG_FILE}-wal").unlink()
    with pytest.raises(LogDamaged, match="acknowledged"):
        FarmLog.open(data, clock=clock)


def test_a_whole_write_ahead_file_is_enough(crashed: Path, data: Path, clock: SetClock) -> None:
    shutil.copytree(crashed, data)
    with FarmLog.open(data, clock=clock) as log:
        assert len(list(log.replay())) == HEAD


@pytest.mark.parametrize("note", [b"", b"\0" * 21, b"12", b"not a number at all, no"])
def test_a_note_of_the_head_that_does_not_read_says_nothing(
    whole: Path, data: Path, clock: SetClock, note: bytes
) -> None:
    shutil.copytree(whole, data)
    (data / HEAD_FILE).write_bytes(note)
    with FarmLog.open(data, clock=clock) as log:
        assert log.head() == HEAD


def test_an_auditor_is_refused_too(whole: Path, data: Path) -> None:
    shutil.copytree(whole, data)
    cut(data / LOG_FILE, PAGE_BYTES)
    with pytest.raises(LogDamaged):
        FarmLog.open_read_only(data)


def salvaged(data: Path, new: Path) -> SalvageReport:
    def is_round_end(topic: str) -> bool:
        return topic == "rushlight.term.round_closed"

    return salvage(data, new, is_round_end=is_round_end, clock=SetClock())


@pytest.mark.parametrize("damage", sorted(set(DAMAGES) - {"removed"}))
def test_what_was_salvaged_opens_and_has_whole_rounds_only(
    whole: Path, data: Path, tmp_path: Path, clock: SetClock, damage: str
) -> None:
    shutil.copytree(whole, data)
    DAMAGES[damage](data / LOG_FILE)
    report = salvaged(data, tmp_path / "new")
    with FarmLog.open(tmp_path / "new", clock=clock) as log:
        kept = list(log.raw())
        assert len(kept) == report.kept == report.rounds * (TASKS + 1) <= report.readable
        log.put(**a_round(report.rounds + 1, TASKS))
    with FarmLog.open_read_only(whole) as original:
        assert kept == list(original.raw(upto=report.kept))


def test_salvage_keeps_all_rounds_before_the_damage(
    whole: Path, data: Path, tmp_path: Path
) -> None:
    shutil.copytree(whole, data)
    overwrite(data / LOG_FILE, 200, bytes(PAGE_BYTES))
    report = salvaged(data, tmp_path / "new")
    assert report.kept == report.readable // 10 * 10 > 180
    assert report.acknowledged == HEAD
    assert report.reason is not None


def test_salvage_keeps_outcomes_of_kept_rounds_only(
    crashed: Path, data: Path, tmp_path: Path, clock: SetClock
) -> None:
    shutil.copytree(crashed, data)
    new = tmp_path / "new"

    def fault(rows: object) -> str | None:
        return "the chain is broken" if rows[-1][0] == 200 else None  # type: ignore[index]

    report = salvage(
        data,
        new,
        is_round_end=lambda topic: topic.endswith("round_closed"),
        check_round=fault,
        clock=clock,
    )
    assert (report.kept, report.reason) == (190, "the chain is broken")
    assert report.outcomes == 19 * TASKS
    with FarmLog.open(new, clock=clock) as log:
        assert log.views.outcome(command_id(19 * TASKS)) is not None
        assert log.views.outcome(command_id(19 * TASKS + 1)) is None


def test_salvage_changes_nothing_in_the_damaged_folder(
    crashed: Path, data: Path, tmp_path: Path
) -> None:
    shutil.copytree(crashed, data)
    cut(data / f"{LOG_FILE}-wal", 100)
    names = (LOG_FILE, f"{LOG_FILE}-wal", HEAD_FILE)
    before = [(data / name).read_bytes() for name in names]
    salvaged(data, tmp_path / "new")
    assert [(data / name).read_bytes() for name in names] == before


def test_salvage_writes_over_nothing(whole: Path, data: Path, tmp_path: Path) -> None:
    shutil.copytree(whole, data)
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "precious").write_text("mine")
    with pytest.raises(LogUnavailable, match="not empty"):
        salvaged(data, tmp_path / "new")


def test_salvage_of_no_log_says_which_folder_to_name(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="--data"):
        salvaged(tmp_path, tmp_path / "new")
