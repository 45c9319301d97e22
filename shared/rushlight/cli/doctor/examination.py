"""Looks everywhere, one part after the other."""

from collections.abc import Iterator
from pathlib import Path

from rushlight.cli.doctor import folder, machine, rendering, serving
from rushlight.cli.doctor.finding import Finding, Look, Patient, fail
from rushlight.cli.farm import DEFAULT_URL, default_data, note_of
from rushlight.errors import SettingsInvalid
from rushlight.settings import ServerSettings, WorkerSettings, read_settings

PARTS: tuple[tuple[str, Look], ...] = (
    ("this machine", machine.look),
    ("data folder", folder.look),
    ("farm", serving.look),
    ("rendering here", rendering.look),
)


def examine(
    data: Path | None, url: str | None, settings: Path | None, key_file: Path | None
) -> Iterator[tuple[str, list[Finding]]]:
    """Each part with what was found; settings only where they are wrong."""
    server, wrong = _settings(settings)
    yield from ([("settings", wrong)] if wrong else [])
    here = data or default_data()
    noted = note_of(here)
    patient = Patient(
        data=here,
        url=(url or (noted or {}).get("url") or DEFAULT_URL).rstrip("/"),
        named=url is not None,
        key_file=key_file,
        server=server[0],
        worker=server[1],
    )
    for part, look in PARTS:
        yield part, list(_looked(look, patient))


def _looked(look: Look, patient: Patient) -> Iterator[Finding]:
    """What a look finds; what stops it is a finding, too."""
    try:
        yield from look(patient)
    except OSError as error:
        yield fail("the rest", f"cannot be looked at: {error}")


def _settings(file: Path | None) -> tuple[tuple[ServerSettings, WorkerSettings], list[Finding]]:
    """The settings, or the defaults with what is wrong."""
    server, worker, wrong = ServerSettings(), WorkerSettings(), []
    try:
        server = read_settings(ServerSettings, file=file)
    except SettingsInvalid as error:
        wrong.append(fail("of the server", str(error)))
    try:
        worker = read_settings(WorkerSettings, file=file)
    except SettingsInvalid as error:
        wrong.append(fail("of a worker", str(error)))
    return (server, worker), wrong
