"""A log that nobody has open is read as it lies there."""

from pathlib import Path

import pytest
from tests.unit.eventlog.farm_rounds import SetClock, a_round, fill

from rushlight.errors import LogInUse
from rushlight.eventlog.log import FarmLog


@pytest.fixture
def stopped(data: Path, clock: SetClock) -> Path:
    with FarmLog.open(data, clock=clock) as log:
        fill(log, 1, 2)
    return data


def files_in(folder: Path) -> dict[str, tuple[int, int]]:
    found = {path: path.stat() for path in folder.iterdir()}
    return {path.name: (state.st_mtime_ns, state.st_size) for path, state in found.items()}


def test_whoever_reads_a_stopped_log_leaves_the_folder_as_it_was(stopped: Path) -> None:
    before = files_in(stopped)
    with FarmLog.open_read_only(stopped) as log:
        assert log.head() == len(list(log.replay())) == 3
        assert files_in(stopped) == before
    assert files_in(stopped) == before


def test_a_farm_that_only_starts_meanwhile_changes_nothing(stopped: Path, clock: SetClock) -> None:
    log = FarmLog.open_read_only(stopped)
    with FarmLog.open(stopped, clock=clock) as farm:
        farm.put(**a_round(2, 2))
        assert log.head() == 3
        log.close()


def test_a_farm_that_moved_the_file_under_a_reader_is_told(stopped: Path, clock: SetClock) -> None:
    log = FarmLog.open_read_only(stopped)
    with FarmLog.open(stopped, clock=clock) as farm:
        farm.put(**a_round(2, 2))
    with pytest.raises(LogInUse, match="do it again"):
        log.close()
