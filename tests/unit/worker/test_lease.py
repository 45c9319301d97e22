"""When the lease ends."""

import pytest

from rushlight.messages.work import HeartbeatAnswer
from rushlight_worker.lease import Lease, Standing, renewed


def answer(self_fence_s: float = 60, fence_kill_s: float = 600) -> HeartbeatAnswer:
    return HeartbeatAnswer(
        status="ok",
        sequence=1,
        heartbeat_s=15,
        self_fence_s=self_fence_s,
        fence_kill_s=fence_kill_s,
        stop_grace_s=10,
        idle_exit_s=300,
    )


@pytest.mark.parametrize(
    ("now_s", "standing"),
    [
        (100, Standing.HELD),
        (159.999, Standing.HELD),
        (160, Standing.FENCED),
        (759.999, Standing.FENCED),
        (760, Standing.OVER),
        (10_000, Standing.OVER),
    ],
)
def test_it_is_held_then_fenced_then_over(now_s: float, standing: Standing) -> None:
    assert renewed(None, 100, answer()).standing(now_s) is standing


def test_it_runs_from_when_the_heartbeat_was_sent_not_from_its_answer() -> None:
    lease = renewed(Lease(100, 60, 600), 130, answer())

    assert lease.ends_s == 190


def test_the_answer_to_an_older_heartbeat_does_not_shorten_it() -> None:
    lease = renewed(renewed(None, 130, answer()), 115, answer())

    assert lease.ends_s == 190


def test_each_answer_brings_its_own_times() -> None:
    lease = renewed(renewed(None, 100, answer()), 110, answer(self_fence_s=20, fence_kill_s=5))

    assert (lease.ends_s, lease.kill_s) == (130, 135)


@pytest.mark.parametrize(("now_s", "rest_s"), [(100, 60), (150, 10), (160, 600), (800, 0)])
def test_the_next_change_is_known(now_s: float, rest_s: float) -> None:
    assert renewed(None, 100, answer()).next_change_s(now_s) == rest_s
