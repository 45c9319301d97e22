"""Views that an older version wrote: dropped before a farm starts, and made anew from the log.

The events stand; only what follows from them has another form now.
"""

import sqlite3
from contextlib import closing
from pathlib import Path

import structlog

from rushlight.eventlog.failures import log_errors
from rushlight.eventlog.rows import FORMAT

_log = structlog.get_logger(__name__)


def drop_older_views(path: Path) -> None:
    """Drop views (and the checkpoint) of an older format; whoever opens the log makes them anew."""
    if not path.exists():
        return
    with log_errors(path), closing(sqlite3.connect(path, isolation_level=None)) as connection:
        found = connection.execute("PRAGMA user_version").fetchone()[0]
        if not 0 < found < FORMAT:
            return
        _log.info("views_made_anew", path=str(path), format=found, now=FORMAT)
        connection.execute("BEGIN IMMEDIATE")
        for table in ("tasks", "workers", "checkpoint"):
            connection.execute(f"DROP TABLE IF EXISTS {table}")
        connection.execute("PRAGMA user_version=0")
        connection.execute("COMMIT")
