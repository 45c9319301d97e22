"""What is noted of every request, also of those that no route takes: its id, its time, its answer.

Stands before the framework, so nothing passes it. Never noted: what stands behind the question
mark, and headers; both may hold secrets.
"""

import re
from collections.abc import Iterable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Literal
from uuid import uuid4

import structlog
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from rushlight.clock import Clock
from rushlight.metrics.api import ApiMetrics

REQUEST_ID = b"x-request-id"
PATH_MAX = 200
SERVER_ERROR = 500
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
# A client's own id is taken over if it can stand in any log.
_FIT_ID = re.compile(rb"[A-Za-z0-9._:-]{1,64}")
Logged = Literal["none", "failed", "all"]
_log = structlog.get_logger("rushlight.api")


@dataclass(slots=True)
class Observation:
    """What is known of a request while it is answered."""

    request_id: str
    principal: str | None = None
    problem: str | None = None


_current: ContextVar[Observation | None] = ContextVar("observation", default=None)


def observation() -> Observation | None:
    """Of the request that is being answered; None outside of one."""
    return _current.get()


class Observed:
    """An application under observation."""

    def __init__(
        self, app: ASGIApp, *, metrics: ApiMetrics, clock: Clock, logged: Logged = "failed"
    ) -> None:
        """Log ``none`` of the requests, those that ``failed`` by our fault, or ``all``."""
        self._app = app
        self._metrics = metrics
        self._clock = clock
        self._logged = logged

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        seen = Observation(_request_id(scope["headers"]))
        status = 0
        sent_id = seen.request_id.encode()

        async def note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (REQUEST_ID, sent_id)]
            await send(message)

        token = _current.set(seen)
        # `bound_contextvars` would go through all variables that there are.
        bound = structlog.contextvars.bind_contextvars(request_id=seen.request_id)
        started_s = self._clock.elapsed_s()
        self._metrics.open.inc()
        try:
            await self._app(scope, receive, note)
        finally:
            structlog.contextvars.reset_contextvars(**bound)
            _current.reset(token)
            self._metrics.open.dec()
            self._over(scope, seen, status, self._clock.elapsed_s() - started_s)

    def _over(self, scope: Any, seen: Observation, status: int, seconds: float) -> None:
        method = scope["method"] if scope["method"] in METHODS else "OTHER"
        route = scope.get("path_template") or "none"
        self._metrics.answered(method, route, status, seconds)
        if seen.problem is not None:
            self._metrics.problem(seen.problem, route, status)
        failed = status >= SERVER_ERROR and route != "/readyz"
        if self._logged == "all" or (failed and self._logged == "failed"):
            tell = _log.warning if failed else _log.info
            tell(
                "request",
                request_id=seen.request_id,
                principal=seen.principal,
                method=method,
                path=_path(scope),
                route=route,
                status=status,
                problem=seen.problem,
                ms=round(seconds * 1000, 1),
            )


def _request_id(headers: Iterable[tuple[bytes, bytes]]) -> str:
    for name, value in headers:
        if name == REQUEST_ID and _FIT_ID.fullmatch(value):
            return value.decode()
    return uuid4().hex


def _path(scope: Any) -> str:
    """As it was sent: percent signs and all, so no terminal obeys it."""
    raw: bytes = scope.get("raw_path") or b""
    return raw.partition(b"?")[0][:PATH_MAX].decode("ascii", "backslashreplace")
