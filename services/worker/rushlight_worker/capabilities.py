"""What this node can render: its plug-ins tried, its memory, its tags."""

import importlib.metadata
from collections.abc import Mapping
from pathlib import Path

import psutil
import structlog

from rushlight.errors import SettingsInvalid
from rushlight.messages.resources import CapabilitiesBody
from rushlight.settings import WorkerSettings
from rushlight_worker.renderers.port import Renderer

GROUP = "rushlight.renderers"
MIB = 1024 * 1024
_CONTAINER_LIMIT = Path("/sys/fs/cgroup/memory.max")
_log = structlog.get_logger("rushlight.worker")


def find_renderers(settings: WorkerSettings) -> tuple[dict[str, Renderer], dict[str, str]]:
    """The renderers that work here, and their versions; tries each, which takes a second or so.

    Raises:
        SettingsInvalid: one that the settings ask for does not work, or there is none at all.
    """
    wanted = settings.renderers
    renderers, versions = {}, {}
    for name, renderer in _plug_ins(wanted).items():
        version = renderer.probe(settings)
        if version is not None:
            renderers[name], versions[name] = renderer, version
    missing = sorted(set(wanted or ()) - renderers.keys())
    if missing:
        raise SettingsInvalid(
            f"renderer {', '.join(missing)} does not work here; working ones:"
            f" {', '.join(sorted(renderers)) or 'none'}. Install it (for mitsuba: pip install"
            " 'rushlight[mitsuba]'; for povray: apt-get install povray povray-includes, or set"
            " povray_program; for command: set programs), or take it out of renderers"
        )
    if not renderers:
        raise SettingsInvalid(
            "no renderer works here: pip install 'rushlight[mitsuba]', or install POV-Ray"
            " (apt-get install povray povray-includes), or name programs for the"
            """ renderer command, say RUSHLIGHT_PROGRAMS='{"convert": ["convert"]}'"""
        )
    return renderers, versions


def _plug_ins(wanted: tuple[str, ...] | None) -> dict[str, Renderer]:
    found = {}
    for entry in importlib.metadata.entry_points(group=GROUP):
        if wanted is not None and entry.name not in wanted:
            continue
        try:
            renderer: Renderer = entry.load()()
        except Exception:  # noqa: BLE001
            # Somebody else's package: the others may still work.
            _log.exception("renderer_does_not_load", renderer=entry.name)
            continue
        found[entry.name] = renderer
    return found


def capabilities(settings: WorkerSettings, versions: Mapping[str, str]) -> CapabilitiesBody:
    """What the farm is told at the join."""
    return CapabilitiesBody(
        renderers=dict(versions),
        default_scene=settings.default_scene is not None and settings.default_renderer in versions,
        memory_mib=settings.memory_mib or memory_mib(),
        tags=list(settings.tags),
    )


def memory_mib() -> int:
    """The machine's memory, or the container's if that is less."""
    total = int(psutil.virtual_memory().total)
    try:
        limit = _CONTAINER_LIMIT.read_text(encoding="ascii").strip()
    except OSError:
        limit = "max"
    if limit.isdigit():
        total = min(total, int(limit))
    return max(1, total // MIB)
