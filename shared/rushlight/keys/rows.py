"""Rows of the file of keys: what is known of a key, and the tables that hold it."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, get_args

Role = Literal["submitter", "operator", "worker", "auditor", "admin"]
ROLES: tuple[str, ...] = get_args(Role)
NAME = r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}"
WORKER_ID = r"[A-Za-z0-9_-]{1,64}"
# Principals of the farm's own parts, and of everybody where there are no keys.
RESERVED = frozenset({"anonymous", "dispatcher", "farm", "reaper"})
FORMAT = 1

TABLES = (
    "CREATE TABLE IF NOT EXISTS keys ("
    "key_id TEXT PRIMARY KEY, name TEXT NOT NULL, role TEXT NOT NULL, worker_id TEXT,"
    " digest TEXT NOT NULL, created_at TEXT NOT NULL, created_by TEXT NOT NULL, expires_at TEXT,"
    " revoked_at TEXT, revoked_by TEXT, last_used_at TEXT)",
    "CREATE INDEX IF NOT EXISTS keys_unrevoked ON keys (role) WHERE revoked_at IS NULL",
    "CREATE TABLE IF NOT EXISTS enrolments ("
    "token_id TEXT PRIMARY KEY, worker_id TEXT NOT NULL, digest TEXT NOT NULL,"
    " created_at TEXT NOT NULL, created_by TEXT NOT NULL, expires_at TEXT NOT NULL,"
    " redeemed_at TEXT, key_id TEXT)",
)


@dataclass(frozen=True, slots=True)
class KeyRow:
    """What is known of a key; the key itself is known to its holder alone."""

    key_id: str
    name: str
    role: Role
    worker_id: str | None
    created_at: datetime
    created_by: str
    expires_at: datetime | None
    revoked_at: datetime | None
    revoked_by: str | None
    last_used_at: datetime | None

    @property
    def principal(self) -> str:
        """The name that events carry."""
        return principal_of(self.role, self.name, self.worker_id)


@dataclass(frozen=True, slots=True)
class Key:
    """A key that counts: who asks, and as what."""

    key_id: str
    name: str
    role: Role
    worker_id: str | None
    expires_at: datetime | None
    last_used_at: datetime | None

    @property
    def principal(self) -> str:
        """The name that events carry."""
        return principal_of(self.role, self.name, self.worker_id)


def principal_of(role: str, name: str, worker_id: str | None) -> str:
    """A worker speaks in its own name only; others have the name that their key was given."""
    return f"worker:{worker_id}" if role == "worker" else name


def key_row(found: Any) -> KeyRow:
    """A row of the table."""
    return KeyRow(
        key_id=found["key_id"],
        name=found["name"],
        role=found["role"],
        worker_id=found["worker_id"],
        created_at=datetime.fromisoformat(found["created_at"]),
        created_by=found["created_by"],
        expires_at=time_of(found["expires_at"]),
        revoked_at=time_of(found["revoked_at"]),
        revoked_by=found["revoked_by"],
        last_used_at=time_of(found["last_used_at"]),
    )


def key_of(found: Any) -> Key:
    """The same as far as a request needs it."""
    return Key(
        key_id=found["key_id"],
        name=found["name"],
        role=found["role"],
        worker_id=found["worker_id"],
        expires_at=time_of(found["expires_at"]),
        last_used_at=time_of(found["last_used_at"]),
    )


def text_of(moment: datetime) -> str:
    """A time in the one form that sorts as text."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def time_of(text: str | None) -> datetime | None:
    """A time from its text."""
    return None if text is None else datetime.fromisoformat(text)
