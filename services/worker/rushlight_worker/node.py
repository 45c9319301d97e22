"""What every attempt on this worker shares."""

from collections.abc import Mapping
from dataclasses import dataclass

from rushlight.clock import Clock
from rushlight.settings import WorkerSettings
from rushlight_worker.renderers.port import Renderer
from rushlight_worker.roots import Roots
from rushlight_worker.scratch import Place


@dataclass(frozen=True)
class Node:
    """This worker, once it has started."""

    settings: WorkerSettings
    renderers: Mapping[str, Renderer]
    place: Place
    clock: Clock

    @property
    def roots(self) -> Roots:
        """The folders that tasks name."""
        return Roots(self.settings.roots)
