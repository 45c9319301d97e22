"""What a provisioner says of the workers that it would start."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Offer:
    """What a worker will have that it starts."""

    renderers: tuple[str, ...] = ()
    default_scene: bool = False
