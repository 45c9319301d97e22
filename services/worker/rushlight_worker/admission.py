"""The key with which this worker speaks to the farm: given, kept, or changed for a token.

A token counts once, so the key that it brought is kept in a file of the worker's own. A farm
without keys lets everybody in: no key and no token is no error here.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

import structlog

from rushlight.client.credentials import (
    KEY,
    Found,
    find_key,
    read_secret,
    secret_of,
    unencrypted_to,
    write_secret,
)
from rushlight.errors import SettingsInvalid, TokenSpent, Unauthenticated, Unavailable
from rushlight.settings import WorkerSettings
from rushlight_worker.backoff import Backoff
from rushlight_worker.leaving import Leaving

ENROLMENT = "RUSHLIGHT_ENROLMENT"
RETRY_FIRST_S, RETRY_MOST_S = 0.5, 15.0
_log = structlog.get_logger("rushlight.worker")


class Door(Protocol):
    """The part of the transport that is about keys."""

    def use_key(self, key: str) -> None:
        """Speak with this key from now on."""
        ...

    async def is_shut_out(self) -> bool:
        """Whether the farm does not know the key."""
        ...

    async def redeem(self, token: str) -> str:
        """The key of this worker, for a token."""
        ...


class Admission:
    """Finds the key of one worker; use it once, before the worker joins."""

    def __init__(
        self,
        settings: WorkerSettings,
        worker_id: str,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """``settings`` say where a key and a token may be."""
        self._settings = settings
        self._environment = os.environ if environment is None else environment
        self._worker_id = worker_id

    async def enter(self, door: Door, leaving: Leaving) -> None:
        """Give ``door`` the worker's key, if it has one or gets one.

        Raises:
            InvalidRequest: a file does not read, or holds no key.
            SettingsInvalid: a key could not be kept.
            Unauthenticated: it has no key that counts, and the token does not count either.
        """
        key = self._key()
        token = self._token(needed=key is None)
        self._say_warnings(key, token)
        if key is not None:
            door.use_key(key.text)
        if token is None or (key is not None and key.source == KEY):
            return
        fresh = await self._changed(door, token, leaving, has_key=key is not None)
        if fresh is not None:
            self._keep(fresh)
            door.use_key(fresh)

    def _key(self) -> Found | None:
        if self._environment.get(KEY):
            return find_key(None, self._environment)
        if self._settings.key_file is not None and not self._may_enrol():
            return read_secret(self._settings.key_file)
        place = self._place() if self._may_enrol() or _has_home(self._environment) else None
        return read_secret(place) if place is not None and place.exists() else None

    def _may_enrol(self) -> bool:
        return bool(self._environment.get(ENROLMENT)) or self._settings.enrolment_file is not None

    def _token(self, *, needed: bool) -> Found | None:
        text, file = self._environment.get(ENROLMENT), self._settings.enrolment_file
        if text:
            return secret_of(text, ENROLMENT)
        # Its settings may go on naming the file of a token that was used and removed.
        return read_secret(file) if file is not None and (needed or file.exists()) else None

    def _place(self) -> Path:
        """Where a key is kept: not in the scratch folder, which a restart may empty."""
        if self._settings.key_file is not None:
            return self._settings.key_file
        if not _has_home(self._environment):
            raise SettingsInvalid("there is no home folder to keep the key in: set key_file")
        state = self._environment.get("XDG_STATE_HOME")
        folder = Path(state) if state else Path(self._environment["HOME"]) / ".local" / "state"
        farm = urlsplit(self._settings.url).netloc.replace(":", "_")
        return folder / "rushlight" / "keys" / farm / f"{self._worker_id}.key"

    async def _changed(
        self, door: Door, token: Found, leaving: Leaving, *, has_key: bool
    ) -> str | None:
        """The key for the token, once the farm answers; None: there is no need, or no time."""
        self._check_place()
        backoff = Backoff(RETRY_FIRST_S, RETRY_MOST_S)
        while not leaving.asked.is_set():
            try:
                if has_key and not await door.is_shut_out():
                    return None
                return await door.redeem(token.text)
            except TokenSpent as error:
                raise Unauthenticated(
                    f"the farm does not let worker {self._worker_id} in: {error}; it is made by"
                    f" `rushlight worker enroll {self._worker_id}`"
                ) from error
            except Unavailable as error:
                pause_s = backoff.next_s()
                _log.warning("farm_away", error=str(error), next_try_s=round(pause_s, 1))
                await leaving.asked_within(pause_s)
        return None

    def _check_place(self) -> None:
        """Before the token is used up: a key that cannot be kept is lost with this process."""
        place = self._place()
        try:
            place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            writable = os.access(place.parent, os.W_OK)
        except OSError:
            writable = False
        if not writable:
            raise SettingsInvalid(
                f"the key of this worker cannot be kept in {place.parent}: set key_file to a file"
                " in a folder that this user may write to"
            )

    def _keep(self, key: str) -> None:
        place = self._place()
        try:
            write_secret(place, key)
        except OSError as error:
            _log.error("key_not_kept", file=str(place), reason=error.strerror)
        else:
            _log.info("enrolled", key_file=str(place))

    def _say_warnings(self, *given: Found | None) -> None:
        found = [one for one in given if one is not None]
        for one in found:
            if one.warning is not None:
                _log.warning("key_file_open_to_others", reason=one.warning)
        unencrypted = unencrypted_to(self._settings.url)
        if found and unencrypted is not None:
            _log.warning("key_unencrypted", reason=unencrypted)


def _has_home(environment: Mapping[str, str]) -> bool:
    return bool(environment.get("XDG_STATE_HOME") or environment.get("HOME"))
