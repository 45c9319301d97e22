"""The farm's HTTP API for Python programs: ``FarmClient`` with models, ``WireClient`` with JSON.

Both do the same calls; every change carries an ``Idempotency-Key`` and is sent again, with the same
key, when the connection breaks. What the farm refuses is raised as the class of
``rushlight.errors`` that it was there. Nothing here knows of commands lines or terminals.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rushlight.client.farm import FarmClient
    from rushlight.client.wire import WireClient

__all__ = ["FarmClient", "WireClient"]

_HOMES = {"FarmClient": "rushlight.client.farm", "WireClient": "rushlight.client.wire"}


def __getattr__(name: str) -> Any:
    # Models cost more time to load than a command of the command line may take.
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
