"""A registry with what every process tells of itself, and its text in the form that is asked for.

Never the library's global registry: several farms may live in one process.
"""

from prometheus_client import (
    CollectorRegistry,
    GCCollector,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import InfoMetricFamily
from prometheus_client.registry import Collector

from rushlight import __version__


class _Build(Collector):
    """Which version this is."""

    def collect(self) -> list[InfoMetricFamily]:
        """One sample, always 1; what it says is in its labels."""
        told = {"version": __version__}
        return [InfoMetricFamily("rushlight_build", "The version of Rushlight.", told)]


def new_registry() -> CollectorRegistry:
    """A registry that tells of process, interpreter and version; services add theirs."""
    # A second series for each counter, with the time of its first use: twice the size for nothing.
    disable_created_metrics()  # type: ignore[no-untyped-call]
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)
    registry.register(_Build())
    return registry


def exposition(registry: CollectorRegistry, accept: str) -> tuple[bytes, str]:
    """All metrics as text, and its media type, after the header ``Accept``; blocks."""
    encode, media_type = choose_encoder(accept)
    return encode(registry), media_type
