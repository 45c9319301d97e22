"""HTTP connections under limits: how many there are, and how long a request may take to come.

Uvicorn waits for the rest of a head for ever, and answers what is no HTTP in plain text; here both
end as problems. Bodies are timed where they are read (``reading``). A connection above the limit
gets 503 for its first request; far above it is closed at once, so that files suffice.
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


class Connection(Outflow):
    """One connection; made by uvicorn."""

    limits: ClassVar[Limits]
    _timer: asyncio.TimerHandle | None = None

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
        super().connection_lost(exc)

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

    def _too_slow(self) -> None:
        self._timer = None
        begun, _ = self.conn.trailing_data
        if begun and not self.transport.is_closing():
            within = f"{self.limits.head_timeout_s:g} s"
            self._refuse(408, f"the head of the request was not complete within {within}")
        self.transport.close()

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
