"""Serves the API on a socket of this machine, and stops within the time that the settings give."""

import asyncio
import logging
import socket
import ssl
from pathlib import Path

import structlog
import uvicorn
from litestar import Litestar

from rushlight.errors import SettingsInvalid, Unavailable
from rushlight.keys.store import KEYS_FILE, KeyStore
from rushlight.settings import ServerSettings
from rushlight_api.farm import Farm
from rushlight_api.origin import is_loopback, refuse_public_bind
from rushlight_api.outflow import Outflow
from rushlight_api.transport_limits import Limits, limited

BACKLOG = 2048
KEEP_ALIVE_S = 30
# Of the time for a clean stop; the rest is for the farm behind the API.
DRAIN_SHARE = 0.25
# Of that, so long a reader may take for what it was answered.
LINGER_SHARE = 0.6
ANY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - how clients here reach it
_log = structlog.get_logger("rushlight.api")


def listen(settings: ServerSettings) -> socket.socket:
    """A listening socket; taken before anything else starts, so a port in use is told at once.

    Raises:
        SettingsInvalid: others reach the address and there are no keys; no such certificate.
        Unavailable: the port is in use.
    """
    _look_at_the_way_in(settings)
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


def _look_at_the_way_in(settings: ServerSettings) -> None:
    """Who can reach the farm needs a key, and the key should not be read on its way."""
    _check_certificate(settings)
    if is_loopback(settings.host):
        return
    refuse_public_bind(settings.host, has_keys=_has_keys(settings.data), data=settings.data)
    if settings.tls_certificate is None:
        _log.warning(
            "keys_travel_unencrypted",
            host=settings.host,
            advice="set tls_certificate and tls_key, or let a proxy on this machine do TLS",
        )
    elif settings.public_url is None and settings.host in ANY_ADDRESS:
        raise SettingsInvalid(
            "public_url is needed with a certificate: the address in it, as"
            " https://farm.example:3000"
        )


def _has_keys(data: Path) -> bool:
    if not (data / KEYS_FILE).exists():
        return False
    with KeyStore.open(data) as keys:
        return keys.any_active()


def _check_certificate(settings: ServerSettings) -> None:
    """Uvicorn would find out when everything else has started."""
    if settings.tls_certificate is None:
        return
    try:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(settings.tls_certificate, settings.tls_key)
    except OSError as error:
        raise SettingsInvalid(
            f"tls_certificate {settings.tls_certificate} with tls_key {settings.tls_key} cannot be"
            f" used ({error.strerror or error}): give PEM files that belong together"
        ) from None


def url_of(listener: socket.socket, settings: ServerSettings | None = None) -> str:
    """The address that clients use."""
    if settings is not None and settings.public_url is not None:
        return settings.public_url
    scheme = "http" if settings is None or settings.tls_certificate is None else "https"
    host, port = listener.getsockname()[:2]
    host = ANY_ADDRESS.get(host, host)
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


def _limits(settings: ServerSettings) -> Limits:
    """Readers of events have a time of their own, which must not be cut short."""
    stall_s = max(settings.body_timeout_s, settings.events_stall_s)
    return Limits(settings.connections_max, settings.head_timeout_s, stall_s)


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
                http=limited(_limits(settings)),
                ws="none",
                lifespan="on",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                timeout_keep_alive=KEEP_ALIVE_S,
                timeout_graceful_shutdown=drain_s,
                ssl_certfile=settings.tls_certificate,
                ssl_keyfile=settings.tls_key,
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

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Drain the connections; uvicorn calls this.

        A reader that does not take what it was answered is cut off before the time is over, or
        uvicorn would call it an error.
        """
        within_s = (self.config.timeout_graceful_shutdown or 0) * LINGER_SHARE
        timer = asyncio.get_running_loop().call_later(within_s, self._cut_off_lingering)
        try:
            await super().shutdown(sockets)
        finally:
            timer.cancel()

    def _cut_off_lingering(self) -> None:
        for connection in list(self.server_state.connections):
            if isinstance(connection, Outflow):
                connection.abort_if_closing()

    async def until_started(self) -> None:
        """Wait until it accepts requests."""
        while not self.started:
            await asyncio.sleep(0.01)
