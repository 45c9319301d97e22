"""The folder that the demo writes: replaced when an earlier demo made it, never anything else."""

import json
import shutil
from pathlib import Path

import psutil

from rushlight.errors import InvalidRequest

MARKER = ".rushlight-demo"


def prepare(folder: Path) -> None:
    """Make ``folder`` empty, with the marker in it.

    Raises:
        InvalidRequest: it holds something that no demo made, or a farm that still runs.
    """
    if folder.exists():
        _check_replaceable(folder)
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    (folder / MARKER).write_text("Made by `rushlight demo`, which may replace this folder.\n")


def farm_data(folder: Path) -> Path:
    """Where the demo's farm keeps its log and its outputs."""
    return folder / "farm"


def _check_replaceable(folder: Path) -> None:
    if not folder.is_dir() or (any(folder.iterdir()) and not (folder / MARKER).is_file()):
        raise InvalidRequest(
            f"{folder} is not the output of an earlier demo, so it stays as it is:"
            " name another folder, or move this one away"
        )
    pid = _running_farm(folder)
    if pid is not None:
        raise InvalidRequest(f"a farm still runs in {folder}: end process {pid}, then try again")


def _running_farm(folder: Path) -> int | None:
    """The process of a farm that an earlier demo left running there."""
    note = farm_data(folder) / "farm.json"
    if not note.is_file():
        return None
    try:
        pid = int(json.loads(note.read_text())["pid"])
        command = psutil.Process(pid).cmdline()
    except (ValueError, KeyError, TypeError, psutil.NoSuchProcess, psutil.AccessDenied):
        # Cut short, ended, or another user's by now: no farm of ours.
        return None
    return pid if str(farm_data(folder).resolve()) in command else None
