"""What flows out to a reader: buffers that a stream keeps small, and an end that does not wait.

Uvicorn waits while a connection's buffer is full and cannot be told to give up. Here a request's
``state`` has its connection, so that a stream sees a slow reader soon and can cut it off.
"""

import asyncio
import socket
from typing import cast

from litestar.types import Scope
from uvicorn.protocols.http.h11_impl import H11Protocol

# For one stream: what this process holds, and what the system does beneath it (it doubles that).
STREAM_BUFFER_BYTES = 32_768
STREAM_SOCKET_BYTES = 65_536
_KEY = "rushlight.outflow"


class Outflow(H11Protocol):
    """Uvicorn's connection, which hands itself to the requests on it."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin."""
        self.app_state = {**self.app_state, _KEY: self}
        super().connection_made(transport)

    def keep_small(self) -> None:
        """Hold little for this reader, so that it is soon seen when it takes nothing."""
        self.transport.set_write_buffer_limits(high=STREAM_BUFFER_BYTES)
        found: socket.socket | None = self.transport.get_extra_info("socket")
        # A reader that has gone already has left a closed socket.
        if found is not None and found.fileno() >= 0:
            found.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, STREAM_SOCKET_BYTES)

    def abort(self) -> None:
        """Cut it off; what was not sent yet is lost."""
        self.transport.abort()

    def abort_if_closing(self) -> None:
        """Cut it off where all was answered and the reader does not take the rest."""
        if self.transport.is_closing():
            self.transport.abort()


def outflow_of(scope: Scope) -> Outflow | None:
    """The connection of a request; None where another server serves it."""
    return cast("Outflow | None", scope.get("state", {}).get(_KEY))
