"""The farm's time goes on, whatever is done to the machine's clock."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from rushlight.clock import SystemClock


def set_back(monkeypatch: pytest.MonkeyPatch, now: datetime) -> None:
    """The machine's clock says one hour less, and stands there."""
    hour_ago = now - timedelta(hours=1)
    monkeypatch.setattr("rushlight.clock.time.time_ns", lambda: int(hour_ago.timestamp() * 1e9))


def test_it_tells_the_machines_time(tmp_path: Path) -> None:
    before, after = tmp_path / "before", tmp_path / "after"
    before.touch()
    now_s = SystemClock().now().timestamp()
    after.touch()
    # Files have the time of the kernel's last tick.
    assert before.stat().st_mtime <= now_s <= after.stat().st_mtime + 0.1


def test_a_clock_that_is_set_back_does_not_set_the_farm_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = SystemClock()
    before = clock.now()
    set_back(monkeypatch, before)
    assert timedelta() <= clock.now() - before < timedelta(seconds=10)


def test_it_does_not_stand_still_until_the_machine_has_caught_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = SystemClock()
    set_back(monkeypatch, clock.now())
    first, started_s = clock.now(), clock.elapsed_s()
    while clock.elapsed_s() - started_s < 0.02:
        pass
    assert clock.now() - first >= timedelta(seconds=0.02)


def test_it_goes_on_from_a_later_time_that_is_known() -> None:
    clock = SystemClock()
    later = clock.now() + timedelta(hours=1)
    clock.not_before(later)
    assert later <= clock.now() < later + timedelta(seconds=10)


def test_an_earlier_time_changes_nothing() -> None:
    clock = SystemClock()
    now = clock.now()
    clock.not_before(now - timedelta(hours=1))
    assert now <= clock.now() < now + timedelta(seconds=10)
