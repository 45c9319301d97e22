"""The one checkpoint of a log: a document, and the position of the event that it was taken after.

Losing it costs only time: the log is the truth, and a start without it folds everything.
"""

from pathlib import Path
from typing import Any

import orjson
from eventsourcing.sqlite import SQLiteDatastore

from rushlight.eventlog.failures import log_errors

TABLE = (
    "CREATE TABLE IF NOT EXISTS checkpoint ("
    "slot INTEGER PRIMARY KEY CHECK (slot = 1), position INTEGER NOT NULL, doc BLOB NOT NULL)"
)
_SAVE = "INSERT OR REPLACE INTO checkpoint (slot, position, doc) VALUES (1, ?, ?)"


class Checkpoints:
    """Saves and loads it."""

    def __init__(self, datastore: SQLiteDatastore, path: Path) -> None:
        """Through the log's own connections."""
        self._datastore = datastore
        self._path = path

    def save(self, position: int, document: dict[str, Any]) -> None:
        """Replace the checkpoint.

        Raises:
            LogUnavailable: it cannot be written; the one before stands.
        """
        with log_errors(self._path), self._datastore.transaction(commit=True) as cursor:
            cursor.execute(
                _SAVE, (position, orjson.dumps(document, option=orjson.OPT_NON_STR_KEYS))
            )

    def load(self) -> tuple[int, dict[str, Any]] | None:
        """Position and document; None: there is none that reads."""
        with log_errors(self._path), self._datastore.transaction(commit=False) as cursor:
            cursor.execute("SELECT position, doc FROM checkpoint WHERE slot = 1")
            row = cursor.fetchone()
        if row is None:
            return None
        try:
            document = orjson.loads(row["doc"])
        except orjson.JSONDecodeError:
            return None
        return row["position"], document
