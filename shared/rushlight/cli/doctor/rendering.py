"""What a worker on this machine would have: renderers, roots, scratch."""

import os
import tempfile
from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path

from rushlight.cli.doctor.finding import Finding, Patient, fail, ok, warn
from rushlight.cli.doctor.folder import may, space

GROUP = "rushlight.renderers"
# What makes a shipped renderer work; others say so themselves.
ADVICE = {
    "command": "name programs with the setting programs",
    "mitsuba": "pip install 'rushlight[mitsuba]'",
    "povray": "install the system's package povray",
}


def look(patient: Patient) -> Iterator[Finding]:
    """Everything about rendering here."""
    yield from renderers(patient)
    for name, folder in sorted(patient.worker.roots.items()):
        yield root(f"root {name}", folder)
    scratch = patient.worker.scratch or Path(tempfile.gettempdir())
    yield root("scratch", scratch)
    if scratch.is_dir():
        yield space("scratch space", scratch)


def renderers(patient: Patient) -> Iterator[Finding]:
    """Each plug-in that a worker would try, tried."""
    wanted = patient.worker.renderers
    for entry in sorted(entry_points(group=GROUP), key=lambda one: one.name):
        if wanted is not None and entry.name not in wanted:
            continue
        about = f"renderer {entry.name}"
        try:
            version = entry.load()().probe(patient.worker)
        except Exception as error:  # noqa: BLE001 - somebody else's package may raise anything
            yield fail(about, f"does not load ({error!r}): reinstall its package, or take it out")
            continue
        if version is not None:
            yield ok(about, version)
        else:
            advice = ADVICE.get(entry.name, "see its documentation")
            yield (warn if wanted is None else fail)(about, f"does not work here: {advice}")
    unknown = sorted(set(wanted or ()) - {one.name for one in entry_points(group=GROUP)})
    if unknown:
        yield fail(f"renderer {unknown[0]}", "is not installed, but the setting renderers names it")


def root(about: str, folder: Path) -> Finding:
    """Whether a worker could read and write there."""
    if not folder.is_dir():
        return fail(about, f"{folder} is no folder: is it mounted?")
    if not may(folder, os.R_OK | os.X_OK):
        return fail(about, f"{folder}: this user may not read it; chown or chmod it")
    if not may(folder, os.W_OK):
        # A root of scenes alone is often read only.
        return warn(about, f"{folder} is read only: nothing can be rendered into it")
    return ok(about, str(folder))
