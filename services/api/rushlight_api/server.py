"""Serves the API on a socket of this machine, and stops within the time that the settings give."""

import asyncio
import logging
import socket

import uvicorn
from litestar import Litestar

from rushlight.errors import Unavailable
from rushlight.settings import ServerSettings
from rushlight_api.farm import Farm
from rushlight_api.origin import refuse_public_bind

BACKLOG = 2048
KEEP_ALIVE_S = 30
# Of the time for a clean stop; the rest is for the farm behind the API.
DRAIN_SHARE = 0.25


def listen(settings: ServerSettings) -> socket.socket:
    """A listening socket; taken before anything else starts, so a port in use is told at once.

    Raises:
        SettingsInvalid: the address is not this machine's alone.
        Unavailable: the port is in use.
    """
    refuse_public_bind(settings.host)
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    # asyncio sends without delay (TCP_NODELAY) only where the protocol is named.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise Unavailable(
            f"port {settings.port} of {settings.host} cannot be used ({error.strerror}): stop what"
            " listens there, or choose another with --port"
        ) from None
    listener.setblocking(False)
    return listener


def url_of(listener: socket.socket) -> str:
    """The address that clients use."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class Server(uvicorn.Server):
    """Uvicorn without its signal handlers; held requests end before connections are drained."""

    def __init__(self, app: Litestar, settings: ServerSettings) -> None:
        """Serve ``app``; whoever runs it calls ``stop``."""
        # Uvicorn tells each step of its own; ours are told once, by whoever runs it.
        logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
        drain_s = max(1, round(settings.shutdown_s * DRAIN_SHARE))
        super().__init__(
            uvicorn.Config(
                app,
                lifespan="on",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                timeout_keep_alive=KEEP_ALIVE_S,
                timeout_graceful_shutdown=drain_s,
            )
        )
        self._farm: Farm = app.state["farm"]

    async def run_on(self, listener: socket.socket) -> None:
        """Serve until stopped."""
        await self._serve(sockets=[listener])

    def closing(self) -> None:
        """Tell who asks that this ends soon; all is still answered."""
        self._farm.close()

    def stop(self) -> None:
        """End: held requests first, then the rest."""
        self._farm.stop()
        self.should_exit = True

    async def until_started(self) -> None:
        """Wait until it accepts requests."""
        while not self.started:
            await asyncio.sleep(0.01)
