"""What a provisioner does; ``local`` and ``none`` are here, others come as plug-ins."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Offer:
    """What a worker will have that it starts."""

    renderers: tuple[str, ...] = ()
    default_scene: bool = False


class Provisioner(Protocol):
    """Starts workers under names that the farm chose; whether they join is seen on the log."""

    @property
    def name(self) -> str:
        """Goes on the log with what it claims, and into the names of its workers."""
        ...

    def offers(self) -> Offer:
        """What its workers will have."""
        ...

    async def start(self, worker_id: str) -> None:
        """Start a worker of this name, unless it runs already."""
        ...

    async def close(self) -> None:
        """End all that it started."""
        ...
