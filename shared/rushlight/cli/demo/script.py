"""What the demo asks the farm to render. Pure: bodies of tasks, and the farm's shortened timers."""

import math
from dataclasses import dataclass
from typing import Any

from rushlight.messages.commands import Priority
from rushlight.messages.resources import RenderBody

SCENE = "demo:orrery.xml"
JOB = "orrery"
WORKERS = 2
RENDERER_THREADS = 1
_SWINGS = 12

# A farm that waits for minutes is right, and no fun to watch.
TIMERS_S = {
    "heartbeat_s": 0.5,
    "self_fence_s": 2.5,
    "stop_grace_s": 1.0,
    "lost_after_s": 4.0,
    "stop_timeout_s": 10.0,
    "sweep_s": 0.5,
    "preempt_after_rush_s": 1.0,
}


@dataclass(frozen=True)
class Script:
    """An animation of ``frames`` pictures, and with ``chaos`` what comes between."""

    frames: int = 48
    width: int = 320
    height: int = 180
    samples: int = 32
    chaos: bool = True

    @property
    def frames_per_task(self) -> int:
        """Several, so that a task that is stopped has finished frames to keep."""
        return max(2, min(4, self.frames // 4))

    def animation(self) -> list[RenderBody]:
        """All tasks of the animation: its first half LOW, the rest MEDIUM."""
        firsts = range(1, self.frames + 1, self.frames_per_task)
        return [
            self._chunk(first, "LOW" if self._is_early(first) else "MEDIUM") for first in firsts
        ]

    def beauty(self, number: int) -> RenderBody:
        """A larger and finer still, which cannot wait."""
        return RenderBody(
            name=f"beauty-{number}",
            priority="RUSH",
            renderer="mitsuba",
            scene=SCENE,
            output=f"out:beauty/beauty-{number}.png",
            settings={
                "width": self.width * 3 // 2,
                "height": self.height * 3 // 2,
                "spp": self.samples * 2,
                "parameters": {"angle": 30 * number, "cam": 20 * number},
            },
        )

    def _is_early(self, frame: int) -> bool:
        return frame <= self.frames // 2

    def _chunk(self, first: int, priority: Priority) -> RenderBody:
        last = min(first + self.frames_per_task - 1, self.frames)
        return RenderBody(
            name=f"{JOB} {first}-{last}" if last > first else f"{JOB} {first}",
            job_id=JOB,
            priority=priority,
            renderer="mitsuba",
            scene=SCENE,
            output=f"out:{JOB}/{JOB}.####.png",
            frames=f"{first}-{last}" if last > first else str(first),
            settings=self._settings(),
        )

    def _settings(self) -> dict[str, Any]:
        return {
            "width": self.width,
            "height": self.height,
            "spp": self.samples,
            "parameters": {
                "angle": {"1": 0, str(self.frames + 1): 360},
                "cam": self._swinging_camera(),
            },
        }

    def _swinging_camera(self) -> dict[str, float]:
        """There and back without a jolt; the last frame leads over to the first."""
        return {
            f"{1 + self.frames * step // _SWINGS}": round(
                25 - 45 * math.cos(2 * math.pi * step / _SWINGS), 3
            )
            for step in range(_SWINGS + 1)
        }


def environment() -> dict[str, str]:
    """The settings of the demo's farm, as environment variables."""
    settings = {**TIMERS_S, "threads": RENDERER_THREADS}
    return {f"RUSHLIGHT_{name.upper()}": f"{value:g}" for name, value in settings.items()}
