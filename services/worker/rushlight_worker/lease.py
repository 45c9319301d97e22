"""The lease on the farm's side of the bargain, as plain numbers: until when the agent may publish.

Times are ``clock.elapsed_s``, which counts suspension: an agent that was stopped for an hour finds
its lease over, however little of that hour it noticed. Nothing here waits or asks the time.
"""

from dataclasses import dataclass
from enum import Enum

from rushlight.messages.work import HeartbeatAnswer


class Standing(Enum):
    """What the lease allows."""

    HELD = "held"
    """Render and publish."""
    FENCED = "fenced"
    """Freeze the renderer and publish nothing; an answered heartbeat mends it."""
    OVER = "over"
    """Kill the renderer, forget the attempt, join anew."""


@dataclass(frozen=True, slots=True)
class Lease:
    """Runs from when the last answered heartbeat was *sent*: its answer may have been long."""

    sent_s: float
    self_fence_s: float
    fence_kill_s: float

    @property
    def ends_s(self) -> float:
        """From then on nothing is published."""
        return self.sent_s + self.self_fence_s

    @property
    def kill_s(self) -> float:
        """From then on a frozen renderer is not kept any longer."""
        return self.ends_s + self.fence_kill_s

    def standing(self, now_s: float) -> Standing:
        """What it allows at ``now_s``."""
        if now_s < self.ends_s:
            return Standing.HELD
        return Standing.FENCED if now_s < self.kill_s else Standing.OVER

    def next_change_s(self, now_s: float) -> float:
        """Seconds until the standing changes by itself; 0 once it is over."""
        due = self.ends_s if now_s < self.ends_s else self.kill_s
        return max(0.0, due - now_s)


def renewed(lease: Lease | None, sent_s: float, answer: HeartbeatAnswer) -> Lease:
    """The lease after an answer ``ok`` to the heartbeat sent at ``sent_s``.

    Answers may overtake one another: an older heartbeat's never shortens the lease.
    """
    if lease is not None:
        sent_s = max(sent_s, lease.sent_s)
    return Lease(sent_s, answer.self_fence_s, answer.fence_kill_s)
