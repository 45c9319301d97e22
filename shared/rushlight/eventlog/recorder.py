"""The library's seams: our mapper, a durable pool, and a recorder that writes views with events.

No transcoder takes part: an event writes and reads its own bytes.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

from eventsourcing.application import Application
from eventsourcing.persistence import InfrastructureFactory, Mapper, StoredEvent
from eventsourcing.sqlite import (
    SQLiteApplicationRecorder,
    SQLiteConnection,
    SQLiteConnectionPool,
    SQLiteCursor,
    SQLiteFactory,
)
from eventsourcing.utils import Environment, EnvType

from rushlight.domain.base import EVENTS, FarmEvent
from rushlight.errors import LogDamaged
from rushlight.eventlog import checkpoints, rows
from rushlight.eventlog.failures import damaged
from rushlight.eventlog.rows import Row

EVENTS_TABLE = rows.EVENTS_TABLE
INSERT_EVENT = (
    f"INSERT INTO {EVENTS_TABLE} (originator_id, originator_version, topic, state)"  # noqa: S608
    " VALUES (?, ?, ?, ?)"
)


class EventMapper(Mapper[UUID]):
    """Events to stored rows and back, by their ``TOPIC`` and their own bytes."""

    # The library types events by a Protocol; on this log there is only ours.
    def to_stored_event(self, domain_event: Any) -> StoredEvent:
        """The row of an event."""
        return StoredEvent(
            originator_id=domain_event.originator_id,
            originator_version=domain_event.originator_version,
            topic=domain_event.TOPIC,
            state=domain_event.encode(),
        )

    def to_domain_event(self, stored_event: StoredEvent) -> FarmEvent:
        """The event of a row."""
        return read_event(stored_event)


def read_event(stored: StoredEvent) -> FarmEvent:
    """The event of a row.

    Raises:
        LogDamaged: its topic is not known, or it does not read as that event.
    """
    kind = EVENTS.get(stored.topic)
    if kind is None:
        raise LogDamaged(
            f"{stored.topic!r} is no event that this version knows; if a newer"
            " Rushlight wrote the log, run that one"
        )
    stream = stored.originator_id
    stream = stream if isinstance(stream, UUID) else UUID(stream)
    return kind.decode(stream, stored.originator_version, stored.state)


def stored_in(row: Any) -> StoredEvent:
    """What a row of the events' table holds."""
    return StoredEvent(
        UUID(row["originator_id"]), row["originator_version"], row["topic"], row["state"]
    )


def read_at(path: Path, position: int, stored: StoredEvent) -> FarmEvent:
    """The event at a position of the log ``path``.

    Raises:
        LogDamaged: it does not read; names the position before it, and what to do.
    """
    try:
        return read_event(stored)
    except LogDamaged as error:
        raise damaged(path, position - 1, f"at {position}: {error}") from error


class DurablePool(SQLiteConnectionPool):
    """Connections on which a commit has returned only when it is on the disk."""

    def _create_connection(self) -> SQLiteConnection:
        if "mode=ro" in self.db_name:
            # A reader takes the file as it is: a copy need not be in WAL mode.
            self.is_journal_mode_wal = True
        connection = super()._create_connection()
        connection.cursor().execute("PRAGMA synchronous=FULL")
        return connection


class FarmRecorder(SQLiteApplicationRecorder):
    """Writes the rows of the views and the outcomes in the transaction of the events."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.insert_events_statement = INSERT_EVENT

    def construct_create_table_statements(self) -> list[str]:
        """The library's table, with its rowid (our position) as a real column, and the views.

        A named ``rowid`` is kept by VACUUM, which may renumber an unnamed one.
        """
        events = (
            f"CREATE TABLE IF NOT EXISTS {self.events_table_name} ("
            "rowid INTEGER PRIMARY KEY, "
            "originator_id TEXT NOT NULL, "
            "originator_version INTEGER NOT NULL, "
            "topic TEXT NOT NULL, "
            "state BLOB NOT NULL, "
            "UNIQUE (originator_id, originator_version))"
        )
        return [events, *rows.TABLES, checkpoints.TABLE]

    def _insert_events(
        self,
        c: SQLiteCursor,
        stored_events: Sequence[StoredEvent],
        *,
        task_rows: Iterable[Row] = (),
        worker_rows: Iterable[Row] = (),
        outcomes: Iterable[Row] = (),
        **kwargs: Any,
    ) -> Sequence[int] | None:
        positions = super()._insert_events(c, stored_events, **kwargs)
        c.executemany(rows.PUT_TASK, map(rows.task_columns, task_rows))
        c.executemany(rows.PUT_WORKER, map(rows.worker_columns, worker_rows))
        c.executemany(rows.PUT_OUTCOME, map(rows.outcome_columns, outcomes))
        return positions


class FarmFactory(SQLiteFactory):
    """The library's SQLite factory with our pool and recorder."""

    application_recorder_class = FarmRecorder

    def __init__(self, env: Environment | EnvType | None) -> None:
        super().__init__(env)
        name = self.datastore.pool.db_name
        self.datastore.pool = DurablePool(db_name=name)


class FarmApplication(Application[UUID]):
    """The library's application over our parts; configured by its arguments only.

    The environment is left out on purpose: a stray ``COMPRESSOR_TOPIC`` there would write a log
    that nobody else can read.
    """

    name = "Farm"

    def construct_env(self, name: str, env: EnvType | None = None) -> Environment:
        """Only what the caller gave."""
        return Environment(name, env)

    def construct_factory(self, env: Environment) -> InfrastructureFactory[Any]:
        """Our factory."""
        factory = FarmFactory(env)
        self.datastore = factory.datastore
        return factory

    def construct_mapper(self) -> Mapper[UUID]:
        """Our mapper."""
        return EventMapper(self.construct_transcoder())


def application(db_name: str, *, create: bool) -> FarmApplication:
    """An application on a database file, or on a ``file:`` URI of one."""
    return FarmApplication(
        env={"SQLITE_DBNAME": db_name, "CREATE_TABLE": "yes" if create else "no"}
    )
