"""Keys of the farm's own workers: made by the farm, kept beside their logs, used over restarts.

They have one also while the farm asks for none, so that nobody is locked out when it begins to:
such keys alone do not make a farm ask for keys (``rushlight.keys.store``).
"""

from collections.abc import Mapping
from pathlib import Path

import structlog

from rushlight.client.credentials import KEY, KEY_FILE, read_secret, write_secret
from rushlight.clock import Clock
from rushlight.errors import InvalidRequest
from rushlight.keys.store import KeyStore

FARM = "farm"
# What the farm's own environment may say of keys is for whoever started it, not for its workers.
NOT_FOR_WORKERS = (KEY, KEY_FILE, "RUSHLIGHT_ENROLMENT", "RUSHLIGHT_ENROLMENT_FILE")
_log = structlog.get_logger("rushlight.up")


class WorkerKeys:
    """Hands out key files; one call at a time per worker, from any thread."""

    def __init__(self, data: Path, clock: Clock) -> None:
        """The keys of the farm in ``data``."""
        self._data = data
        self._clock = clock

    def environment_of(self, worker_id: str) -> Mapping[str, str]:
        """What tells a worker where its key is; the key is made, or made anew, if need be.

        Raises:
            OSError: the file cannot be written.
            KeysUnavailable: the farm's keys cannot be read or written.
        """
        file = self._data / "workers" / f"{worker_id}.key"
        with KeyStore.open(self._data, clock=self._clock) as store:
            if not _counts(store, file, worker_id):
                _revoke_lost(store, worker_id)
                row, text = store.create(worker_id, "worker", worker_id, created_by=FARM)
                # Before `write_secret` does, for its owner alone: the logs are there too.
                file.parent.mkdir(parents=True, exist_ok=True)
                write_secret(file, text)
                _log.info("worker_key_made", worker_id=worker_id, key_id=row.key_id)
        return {KEY_FILE: str(file)}


def _counts(store: KeyStore, file: Path, worker_id: str) -> bool:
    """Whether the file holds a key of that worker which the farm takes."""
    if not file.exists():
        return False
    try:
        found = read_secret(file)
    except InvalidRequest as error:
        _log.warning("worker_key_unread", worker_id=worker_id, reason=str(error))
        return False
    key = store.find(found.text)
    return key is not None and found.warning is None and key.worker_id == worker_id


def _revoke_lost(store: KeyStore, worker_id: str) -> None:
    """Keys that the farm made for this worker before, and whose file nobody has any more."""
    for row in store.every():
        if (row.worker_id, row.created_by, row.revoked_at) == (worker_id, FARM, None):
            store.revoke(row.key_id, FARM)
