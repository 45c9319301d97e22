"""The keys of one farm, in a file of their own beside the log; docs/adr/0010 says why.

Several processes use it at once: the farm, and ``rushlight key`` before or while it runs. Every
look is a look at the file, so what one process changes holds for the next request of another. Rows
are never deleted: they say who made and who revoked what. Calls block, for microseconds where they
only read; all are thread-safe.

A farm *asks for keys* as soon as it has one, of another role than worker, that is not revoked. One
that has run out counts here: time alone never opens a farm.
"""

import sqlite3
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Self

from rushlight.clock import Clock, SystemClock
from rushlight.errors import AdminKeyNeeded, NotFound, RuleBroken, TokenSpent
from rushlight.keys.checks import check_key, check_worker
from rushlight.keys.file import KeyFile
from rushlight.keys.rows import Key, KeyRow, key_of, key_row, text_of
from rushlight.keys.tokens import TOKEN_PREFIX, Minted, Parsed, mint, parse, same_digest

KEYS_FILE = "keys.sqlite3"
ENROLMENT_S = 600.0
# Keys that are not revoked; a bound for those who list and for a program that runs wild.
KEYS_MAX = 10_000
USED_EVERY_S = 60.0
PAGE = 500

_INSERT = (
    "INSERT INTO keys (key_id, name, role, worker_id, digest, created_at, created_by, expires_at)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
)
_ASKS = "SELECT EXISTS (SELECT 1 FROM keys WHERE revoked_at IS NULL AND role != 'worker')"
_ADMINS = (
    "SELECT COUNT(*) FROM keys WHERE revoked_at IS NULL AND role = 'admin' AND key_id != ?"
    " AND (expires_at IS NULL OR expires_at > ?)"
)
_LS = (
    "SELECT * FROM keys WHERE rowid > coalesce((SELECT rowid FROM keys WHERE key_id = ?), 0)"
    " ORDER BY rowid LIMIT ?"
)
_OTHERS = "SELECT COUNT(*) FROM keys WHERE revoked_at IS NULL AND role != 'worker' AND key_id != ?"


class KeyStore:
    """The file of keys; ``open`` it, ``close`` it."""

    def __init__(self, file: KeyFile, clock: Clock) -> None:
        """Use ``open``."""
        self._file = file
        self._clock = clock

    @classmethod
    def open(cls, data: Path, *, clock: Clock | None = None) -> Self:
        """Open the file in the folder ``data``; makes what is not there, for this user only.

        Raises:
            KeysUnavailable: it cannot be made, read or written; says why.
        """
        return cls(KeyFile(data / KEYS_FILE), clock or SystemClock())

    def close(self) -> None:
        """Close it."""
        self._file.close()

    def __enter__(self) -> Self:
        """Close at the end of the block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()

    def create(
        self,
        name: str,
        role: str,
        worker_id: str | None = None,
        expires_at: datetime | None = None,
        *,
        created_by: str,
    ) -> tuple[KeyRow, str]:
        """Make a key; its text is returned this once and kept nowhere.

        Raises:
            InvalidRequest: a name, role, worker or time that makes no sense.
            AdminKeyNeeded: the first key is an admin's (or a worker's): nobody could make others.
            KeysUnavailable: nothing was made.
        """
        now = self._clock.now()
        check_key(name, role, worker_id, expires_at, now)
        with self._file.change() as cursor:
            if role not in ("admin", "worker") and not _admins(cursor, now):
                raise AdminKeyNeeded(
                    f"a farm with a key for {role} asks everybody for keys, and no key could manage"
                    " them: first make one with --role admin"
                )
            minted = self._insert(
                cursor,
                name=name,
                role=role,
                worker_id=worker_id,
                created_by=created_by,
                expires_at=expires_at,
            )
        return self.get(minted.key_id), minted.text

    def ls(self, *, after: str | None = None, limit: int = PAGE) -> list[KeyRow]:
        """A page of keys, oldest first, revoked too; ``after`` is the id of the last one before."""
        with self._file.look() as cursor:
            cursor.execute(_LS, (after or "", limit))
            return [key_row(one) for one in cursor.fetchall()]

    def every(self) -> Iterator[KeyRow]:
        """All keys, page by page."""
        page = self.ls()
        while page:
            yield from page
            page = self.ls(after=page[-1].key_id)

    def get(self, key_id: str) -> KeyRow:
        """One key.

        Raises:
            NotFound: there is none with that id.
        """
        with self._file.look() as cursor:
            found = cursor.execute("SELECT * FROM keys WHERE key_id = ?", (key_id,)).fetchone()
        if found is None:
            raise NotFound(f"no key has the id {key_id}: `rushlight key ls` shows what there is")
        return key_row(found)

    def revoke(self, key_id: str, by: str) -> KeyRow:
        """From the next request on it counts no more; again: no change.

        Raises:
            NotFound: there is none with that id.
            AdminKeyNeeded: it is the last admin key, and others than workers still have keys.
        """
        now = self._clock.now()
        row = self.get(key_id)
        with self._file.change() as cursor:
            if row.role == "admin" and not _admins(cursor, now, but=key_id):
                _refuse_lockout(cursor, key_id)
            cursor.execute(
                "UPDATE keys SET revoked_at = ?, revoked_by = ?"
                " WHERE key_id = ? AND revoked_at IS NULL",
                (text_of(now), by, key_id),
            )
        return self.get(key_id)

    def find(self, text: str) -> Key | None:
        """Whose key that is; None: it is unknown, revoked, run out, or no key at all."""
        parsed = parse(text)
        if parsed is None:
            return None
        with self._file.look() as cursor:
            found = cursor.execute(
                "SELECT * FROM keys WHERE key_id = ? AND revoked_at IS NULL", (parsed.key_id,)
            ).fetchone()
        if found is None or not same_digest(found["digest"], parsed.digest):
            return None
        key = key_of(found)
        return None if key.expires_at is not None and key.expires_at <= self._clock.now() else key

    def any_active(self) -> bool:
        """Whether the farm asks for keys: one of others than workers is not revoked."""
        with self._file.look() as cursor:
            return bool(cursor.execute(_ASKS).fetchone()[0])

    def is_due(self, key: Key) -> bool:
        """Whether its use should be noted: it was not within the last minute."""
        last = key.last_used_at
        return last is None or (self._clock.now() - last).total_seconds() >= USED_EVERY_S

    def used(self, key: Key) -> None:
        """Note that a key was used; another process may have, within the minute."""
        now = self._clock.now()
        before = text_of(now - timedelta(seconds=USED_EVERY_S))
        with self._file.change() as cursor:
            cursor.execute(
                "UPDATE keys SET last_used_at = ?"
                " WHERE key_id = ? AND (last_used_at IS NULL OR last_used_at <= ?)",
                (text_of(now), key.key_id, before),
            )

    def enrol(self, worker_id: str, by: str, valid_s: float = ENROLMENT_S) -> str:
        """A token that a new worker changes for its key, once and within ``valid_s``.

        Raises:
            InvalidRequest: no worker can have that id.
        """
        now = self._clock.now()
        check_worker(worker_id)
        token = mint(TOKEN_PREFIX)
        with self._file.change() as cursor:
            cursor.execute(
                "INSERT INTO enrolments"
                " (token_id, worker_id, digest, created_at, created_by, expires_at)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                (
                    token.key_id,
                    worker_id,
                    token.digest,
                    text_of(now),
                    by,
                    text_of(now + timedelta(seconds=valid_s)),
                ),
            )
        return token.text

    def redeem(self, token: str, worker_id: str | None = None) -> tuple[KeyRow, str]:
        """Change a token for the worker's key; of two at once exactly one gets it.

        With ``worker_id`` only a token of that worker counts.

        Raises:
            TokenSpent: it is unknown, another worker's, used, or has run out.
        """
        parsed = parse(token, TOKEN_PREFIX)
        if parsed is None:
            raise TokenSpent("that is no enrolment token: it has the form rle_ID_SECRET")
        now = text_of(self._clock.now())
        # Looked at first without a lock: whoever guesses holds nobody up.
        with self._file.look() as cursor:
            _enrolment(cursor, parsed, worker_id, now)
        with self._file.change() as cursor:
            found = _enrolment(cursor, parsed, worker_id, now)
            named = found["worker_id"]
            minted = self._insert(
                cursor, name=named, role="worker", worker_id=named, created_by=found["created_by"]
            )
            cursor.execute(
                "UPDATE enrolments SET redeemed_at = ?, key_id = ? WHERE token_id = ?",
                (now, minted.key_id, parsed.key_id),
            )
        return self.get(minted.key_id), minted.text

    def _insert(
        self,
        cursor: sqlite3.Cursor,
        *,
        name: str,
        role: str,
        worker_id: str | None,
        created_by: str,
        expires_at: datetime | None = None,
    ) -> Minted:
        count = cursor.execute("SELECT COUNT(*) FROM keys WHERE revoked_at IS NULL").fetchone()[0]
        if count >= KEYS_MAX:
            raise RuleBroken(f"the farm has {KEYS_MAX:,} keys: revoke some first")
        minted = mint()
        expires = None if expires_at is None else text_of(expires_at)
        now = text_of(self._clock.now())
        cursor.execute(
            _INSERT,
            (minted.key_id, name, role, worker_id, minted.digest, now, created_by, expires),
        )
        return minted


def _enrolment(
    cursor: sqlite3.Cursor, token: Parsed, worker_id: str | None, now: str
) -> sqlite3.Row:
    """The row of a token that can still be changed for a key.

    Raises:
        TokenSpent: it cannot.
    """
    found: sqlite3.Row | None = cursor.execute(
        "SELECT * FROM enrolments WHERE token_id = ?", (token.key_id,)
    ).fetchone()
    if found is None or not same_digest(found["digest"], token.digest):
        raise TokenSpent("no such enrolment token: ask an operator for a new one")
    if worker_id not in (None, found["worker_id"]):
        raise TokenSpent(
            f"the enrolment token is for worker {found['worker_id']}, not for {worker_id}"
        )
    if found["redeemed_at"] is not None or found["expires_at"] <= now:
        how = "has run out" if found["redeemed_at"] is None else "was used already"
        raise TokenSpent(f"the enrolment token {how}: ask an operator for a new one")
    return found


def _admins(cursor: sqlite3.Cursor, now: datetime, *, but: str = "") -> int:
    """How many other admin keys there are that count."""
    return int(cursor.execute(_ADMINS, (but, text_of(now))).fetchone()[0])


def _refuse_lockout(cursor: sqlite3.Cursor, key_id: str) -> None:
    others = cursor.execute(_OTHERS, (key_id,)).fetchone()[0]
    if others:
        raise AdminKeyNeeded(
            f"{key_id} is the last admin key, and {others} more would be left that nobody could"
            " manage: make another admin key first, or revoke those before it"
        )
