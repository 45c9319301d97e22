"""HTTP connections under limits: how many there are, and how long a request may take to come.

Uvicorn waits for the rest of a head for ever, and answers what is no HTTP in plain text; here both
end as problems. It would wait for ever, too, for a client that takes nothing of its answer. Bodies
are timed where they are read (``reading``). A connection above the limit gets 503 for its first
request; far above it is closed at once, so that files suffice.
"""

import asyncio
import resource
import sys
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, ClassVar

import h11
from litestar import Response
from uvicorn.protocols.http.h11_impl import STATUS_PHRASES

from rushlight_api.outflow import Outflow
from rushlight_api.problems import framework_problem

# Connections above the limit that still get an answer.
SPARE = 50
# Files that this process has open beside its connections: the log, pipes of workers, and so on.
OTHER_FILES = 200
Headers = list[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Limits:
    """What one server takes."""

    connections_max: int
    head_timeout_s: float
    # So long a client may take nothing of its answer.
    stall_s: float


class Connection(Outflow):
    """One connection; made by uvicorn."""

    limits: ClassVar[Limits]
    _timer: asyncio.TimerHandle | None = None
    _stall: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take it, or refuse it where there are too many."""
        super().connection_made(transport)
        above = len(self.connections) - self.limits.connections_max
        if above > SPARE:
            transport.abort()
        elif above > 0:
            self.app = _too_many
        self._expect_head()

    def data_received(self, data: bytes) -> None:
        """Read on; the time for a head runs while no request is being answered."""
        super().data_received(data)
        if self.cycle is None or self.cycle.response_complete:
            self._expect_head()
        else:
            self._head_came()

    def on_response_complete(self) -> None:
        """An answer is out; part of the next head may be here already."""
        super().on_response_complete()
        begun, _ = self.conn.trailing_data
        if begun and self.cycle.response_complete:
            self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """It is over."""
        self._head_came()
        self._taken()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """The client does not take what it asked for; it may not hold its place for ever so."""
        super().pause_writing()
        self._expect_taking()

    def resume_writing(self) -> None:
        """It has taken some."""
        self._taken()
        super().resume_writing()

    def timeout_keep_alive_handler(self) -> None:
        """Nothing was asked for a while; what is still on its way has its time as well."""
        super().timeout_keep_alive_handler()
        self._expect_taking()

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP, as far as that can be answered; uvicorn calls this."""
        error = sys.exception()
        status = error.error_status_hint if isinstance(error, h11.RemoteProtocolError) else 400
        self._refuse(status, f"this is not HTTP as the server takes it: {error or msg}")

    def _expect_head(self) -> None:
        if self._timer is None:
            self._timer = self.loop.call_later(self.limits.head_timeout_s, self._too_slow)

    def _head_came(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _expect_taking(self) -> None:
        if self._stall is None:
            self._stall = self.loop.call_later(self.limits.stall_s, self.abort)

    def _taken(self) -> None:
        if self._stall is not None:
            self._stall.cancel()
            self._stall = None

    def _too_slow(self) -> None:
        self._timer = None
        begun, _ = self.conn.trailing_data
        if begun and not self.transport.is_closing():
            within = f"{self.limits.head_timeout_s:g} s"
            self._refuse(408, f"the head of the request was not complete within {within}")
        self.transport.close()
        self._expect_taking()

    def _refuse(self, status: int, detail: str) -> None:
        """Say why, if no answer has begun, and close."""
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            answer = framework_problem(status, detail)
            reason = STATUS_PHRASES[status]
            for event in (
                h11.Response(status_code=status, headers=_head_of(answer), reason=reason),
                h11.Data(data=answer.content),
                h11.EndOfMessage(),
            ):
                self.transport.write(self.conn.send(event) or b"")
        self.transport.close()
        self._expect_taking()


def limited(limits: Limits) -> type[Connection]:
    """Connections of a server with these limits; the process may have so many files open."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = limits.connections_max + SPARE + OTHER_FILES
    if soft != resource.RLIM_INFINITY and soft < wanted:
        most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    return type("LimitedConnection", (Connection,), {"limits": limits})


def _head_of(answer: Response[bytes]) -> Headers:
    return [
        (b"content-type", (answer.media_type or "").encode()),
        (b"content-length", str(len(answer.content)).encode()),
        (b"connection", b"close"),
        *((name.lower().encode(), value.encode()) for name, value in answer.headers.items()),
    ]


async def _too_many(scope: Any, receive: Any, send: Any) -> None:
    """The application for connections above the limit."""
    answer = framework_problem(
        HTTPStatus.SERVICE_UNAVAILABLE, "too many connections: try again, or close some"
    )
    status, headers = answer.status_code, _head_of(answer)
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.content})
