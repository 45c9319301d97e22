"""Who asks, and whether that one may call the address: before anything else is looked at.

A farm that has no key serves this machine only, and everybody there may do everything (origin.py
keeps other sites' pages out). One with keys wants ``Authorization: Bearer rlk_…`` everywhere but at
public addresses. Which task or worker a role may touch is the matter of ``ownership``.
"""

import asyncio
from dataclasses import dataclass
from typing import Any, Final, cast

import structlog
from litestar import Response
from litestar.exceptions import HTTPException

from rushlight.clock import Clock
from rushlight.errors import (
    Forbidden,
    KeysUnavailable,
    RateLimited,
    RushlightError,
    TokenSpent,
    Unauthenticated,
)
from rushlight.keys.rows import Key
from rushlight.keys.store import KeyStore
from rushlight.keys.tokens import parse
from rushlight_api.access import KEYHOLDERS, PUBLIC, Allowed, allowed_at
from rushlight_api.observing import observation
from rushlight_api.origin import refuse_foreign_pages
from rushlight_api.problems import HANDLERS
from rushlight_api.rates import Rates
from rushlight_api.reading import Incoming

ANONYMOUS: Final = "anonymous"
CHALLENGE: Final = 'Bearer realm="rushlight"'
_CALLER: Final = "rushlight.caller"
_SHOWN_MAX = 200
_log = structlog.get_logger("rushlight.api")


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks; without a role it is anybody of a farm that has no keys, who may do everything."""

    principal: str = ANONYMOUS
    role: str | None = None
    worker_id: str | None = None
    key_id: str | None = None


ANYBODY: Final = Caller()


class Door:
    """Lets requests in or refuses them, by the farm's keys."""

    def __init__(self, keys: KeyStore, rates: Rates, clock: Clock, *, public: bool) -> None:
        """``public``: others than this machine reach it, so it asks for keys come what may."""
        self.keys = keys
        self._rates = rates
        self._clock = clock
        self._public = public
        self._noting: set[asyncio.Task[None]] = set()
        self._noted: set[str] = set()

    @property
    def asks_for_keys(self) -> bool:
        """Whether requests need a key."""
        return self._public or self.keys.any_active()

    def admit(self, request: Incoming, allowed: Allowed) -> Caller:
        """Who asks; for an address that ``allowed`` may call.

        Raises:
            Unauthenticated: a key is needed, and none that counts came.
            Forbidden: its role may not call this, or it is a page of another site.
            RateLimited: too many requests of that principal.
        """
        # Not `is`: what routers hand down to their handlers is a copy.
        if allowed == PUBLIC:
            return self._admit_anybody(request)
        text = _bearer(request)
        key = None if text is None else self.keys.find(text)
        # A key of others than workers is itself the proof that the farm asks: one look less.
        if (key is None or key.role == "worker") and not self.asks_for_keys:
            refuse_foreign_pages(request)
            return _remember(request, ANYBODY)
        caller = _remember(request, self._holder(text, key))
        if caller.role not in allowed:
            raise Forbidden(_who_may(caller, allowed))
        if not _is_own_worker(request, caller):
            self._count(caller)
        return caller

    def _admit_anybody(self, request: Incoming) -> Caller:
        """Where no key is asked for: health must be told, also when keys cannot be read."""
        try:
            asks = self.asks_for_keys
        except KeysUnavailable:
            asks = True
        if not asks:
            refuse_foreign_pages(request)
        return _remember(request, ANYBODY)

    def still_admits(self, request: Incoming) -> bool:
        """Whether who was let in would be now: for requests that are held."""
        caller = caller_of(request)
        try:
            if caller.key_id is None:
                return not self.asks_for_keys
            return self.keys.find(_bearer(request) or "") is not None
        except KeysUnavailable as error:
            _log.warning("held_request_ended", principal=caller.principal, reason=str(error))
            return False

    def _holder(self, text: str | None, key: Key | None) -> Caller:
        if text is None:
            raise Unauthenticated(
                "this farm asks for a key: send the header Authorization: Bearer rlk_…",
                challenge=CHALLENGE,
            )
        if key is None:
            raise Unauthenticated(
                "the key is unknown, revoked or has run out: ask the farm's admin for another",
                challenge=f'{CHALLENGE}, error="invalid_token"',
            )
        self._note_use(key)
        return Caller(key.principal, key.role, key.worker_id, key.key_id)

    def _count(self, caller: Caller) -> None:
        wait_s = self._rates.take(caller.principal, self._clock.elapsed_s())
        if wait_s > 0:
            raise RateLimited(
                f"{caller.principal} sends more requests than the farm takes from one: wait"
                f" {wait_s:.1f} s",
                retry_after_s=wait_s,
            )

    def _note_use(self, key: Key) -> None:
        """Written in a thread and once a minute at most, so no request waits for it."""
        if key.key_id in self._noted or not self.keys.is_due(key):
            return
        self._noted.add(key.key_id)
        noting = asyncio.create_task(asyncio.to_thread(self.keys.used, key), name="key used")
        self._noting.add(noting)
        noting.add_done_callback(lambda task: self._has_noted(task, key.key_id))

    def _has_noted(self, task: asyncio.Task[None], key_id: str) -> None:
        self._noting.discard(task)
        self._noted.discard(key_id)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.warning("key_use_not_noted", key_id=key_id, reason=str(error))

    async def close(self) -> None:
        """Wait for what is being written."""
        await asyncio.gather(*self._noting, return_exceptions=True)


def _bearer(request: Incoming) -> str | None:
    """What stands after ``Bearer``; None: there is no such header."""
    scheme, _, text = request.headers.get("authorization", "").partition(" ")
    return text.strip() if scheme.lower() == "bearer" else None


def _remember(request: Incoming, caller: Caller) -> Caller:
    request.scope["state"][_CALLER] = caller
    seen = observation()
    if seen is not None:
        seen.principal = caller.principal
    return caller


def _is_own_worker(request: Incoming, caller: Caller) -> bool:
    """Whether a worker calls an address of its own.

    Raises:
        Forbidden: it is another worker's.
    """
    named = request.path_params.get("worker_id")
    if caller.role != "worker" or named is None:
        return False
    if named != caller.worker_id:
        raise Forbidden(f"this key speaks for worker {caller.worker_id} only, not for {named}")
    return True


def _who_may(caller: Caller, allowed: Allowed) -> str:
    may = ", ".join(sorted(allowed)) or "nobody"
    return f"{caller.principal} has the role {caller.role}; this is for: {may}"


def admit(request: Incoming) -> Caller:
    """Let a request in at the address that it is for.

    Raises:
        RushlightError: as ``Door.admit``.
    """
    allowed = allowed_at(request.route_handler)
    if request.method == "OPTIONS" and not allowed:
        # The framework's own, which says what methods there are.
        allowed = KEYHOLDERS
    return door_of(request).admit(request, allowed)


def caller_of(request: Incoming) -> Caller:
    """Who asks, once let in."""
    return cast("Caller", request.scope["state"].get(_CALLER, ANYBODY))


def door_of(request: Incoming) -> Door:
    """The door of the app that serves this request."""
    return cast("Door", request.app.state["door"])


def on_unrouted(request: Incoming, error: HTTPException) -> Response[bytes]:
    """What the framework refuses; who has no key does not learn what addresses there are."""
    if _CALLER not in request.scope["state"]:
        try:
            door_of(request).admit(request, KEYHOLDERS)
        except RushlightError as refused:
            return on_refused(request, refused)
    response: Response[bytes] = HANDLERS[HTTPException](request, error)
    return response


def on_refused(request: Incoming, error: RushlightError) -> Response[bytes]:
    """Whoever is not let in, with a line in the log that says who tried what from where."""
    response: Response[bytes] = HANDLERS[RushlightError](request, error)
    caller = caller_of(request)
    shown = parse(_bearer(request) or "")
    _log.warning(
        "refused",
        status=response.status_code,
        code=error.code,
        principal=caller.principal,
        key_id=caller.key_id or (shown and shown.key_id),
        method=request.method,
        path=ascii(request.scope["path"])[1:-1][:_SHOWN_MAX],
        remote=request.client.host if request.client else None,
        reason=str(error),
    )
    return response


DOOR_HANDLERS: Final[dict[int | type[Exception], Any]] = {
    Unauthenticated: on_refused,
    Forbidden: on_refused,
    RateLimited: on_refused,
    TokenSpent: on_refused,
    HTTPException: on_unrouted,
}
