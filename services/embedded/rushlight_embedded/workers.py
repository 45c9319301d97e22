"""The workers of an embedded farm: what they offer, and what they are told at their start."""

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from importlib.metadata import entry_points
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path

from rushlight.errors import SettingsInvalid
from rushlight.settings import PREFIX, FarmSettings, ServerSettings, WorkerSettings
from rushlight_embedded.worker_keys import NOT_FOR_WORKERS, WorkerKeys
from rushlight_reaper.provisioners.local import Launch
from rushlight_reaper.provisioners.offer import Offer
from rushlight_worker.capabilities import GROUP, find_renderers

DEFAULT_SCENE = "demo:orrery.xml"
# So long a worker's attempt may still run when the farm stops; the whole stop has `shutdown_s`.
DRAIN_S = 0.5


def worker_count(server: ServerSettings) -> int:
    """How many workers run all the time: half the cores if the settings do not say."""
    if server.workers is not None:
        return server.workers
    return max(1, (os.cpu_count() or 1) // 2)


def launch_of(server: ServerSettings, worker: WorkerSettings, url: str, keys: WorkerKeys) -> Launch:
    """How the farm at ``url`` starts its workers; what ``worker`` says itself stands.

    But for keys: each of them gets one of its own from ``keys``.
    """
    data = server.data.resolve()
    has_mitsuba = find_spec("mitsuba") is not None
    given = worker.model_dump(
        mode="json", include=worker.model_fields_set - {"key_file", "enrolment_file"}
    )
    told = {
        "default_scene": DEFAULT_SCENE if has_mitsuba else None,
        "drain_s": DRAIN_S,
        "scratch": str(data / "scratch"),
        "threads": max(1, (os.cpu_count() or 1) // max(1, worker_count(server))),
        **given,
        "url": url,
        "roots": {
            "out": str(data / "out"),
            "scenes": str(Path.cwd()),
            "demo": str(files("rushlight_worker") / "scenes"),
            **given.get("roots", {}),
        },
    }
    renderers = worker.renderers or working_renderers(worker, has_mitsuba=has_mitsuba)
    inherited = {name: text for name, text in os.environ.items() if name not in NOT_FOR_WORKERS}
    return Launch(
        environment={**inherited, **_environment(told)},
        folder=data / "workers",
        offer=Offer(
            renderers=tuple(renderers),
            default_scene=told["default_scene"] is not None
            and worker.default_renderer in renderers,
        ),
        also=keys.environment_of,
    )


def working_renderers(worker: WorkerSettings, *, has_mitsuba: bool) -> tuple[str, ...]:
    """What a worker with these settings will have.

    Each renderer is tried, but for Mitsuba: that takes seconds, and is as good as its package.
    """
    found = ["mitsuba"] if has_mitsuba else []
    for name in sorted(entry_points(group=GROUP).names - {"mitsuba"}):
        with suppress(SettingsInvalid):
            found += find_renderers(worker.model_copy(update={"renderers": (name,)}))[1]
    return tuple(sorted(found))


def _environment(told: Mapping[str, object]) -> dict[str, str]:
    """Settings as variables, in the form that ``read_settings`` reads."""
    texts = {
        name: json.dumps(value) if isinstance(value, dict | list) else str(value)
        for name, value in told.items()
    }
    return {
        PREFIX + name.upper(): "none" if told[name] is None else text
        for name, text in texts.items()
    }


def with_provisioner(farm: FarmSettings, server: ServerSettings, offer: Offer) -> FarmSettings:
    """The farm's settings with what its provisioner may start and what its workers will have."""
    count = worker_count(server)
    most = max(count, os.cpu_count() or 1)
    if "provisioned_workers_max" in farm.model_fields_set:
        most = farm.provisioned_workers_max
    return farm.model_copy(
        update={
            "provisioned_workers_max": 0 if count == 0 else most,
            "provisioned_renderers": offer.renderers,
            "provisioned_default_scene": offer.default_scene,
        }
    )
