"""A whole farm in one process: API, dispatcher and reaper on one loop, workers as children.

What is acknowledged is on the log, so this process may end at any moment; the next one on the same
folder goes on. A clean stop only makes it faster and tidier.
"""

import asyncio
import json
import os
import signal
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog

from rushlight.clock import FarmClock, SystemClock
from rushlight.logs import set_up_logs
from rushlight.settings import FarmSettings, ServerSettings, WorkerSettings, read_settings
from rushlight_api.server import Server, listen, url_of
from rushlight_embedded.parts import Parts
from rushlight_embedded.worker_keys import WorkerKeys
from rushlight_embedded.workers import launch_of, with_provisioner, worker_count
from rushlight_reaper.provisioners.local import LocalProvisioner

NOTE = "farm.json"
WORKERS_SHARE = 0.6
SIGNALS = (signal.SIGTERM, signal.SIGINT)
_log = structlog.get_logger("rushlight.up")


@dataclass(frozen=True, slots=True)
class FarmUp:
    """A farm that serves."""

    url: str
    data: Path
    workers: int
    asks_for_keys: bool

    @property
    def docs_url(self) -> str:
        """Where its API is documented."""
        return f"{self.url}/api-docs/"


Started = Callable[[FarmUp], None]


def run(
    arguments: Mapping[str, Any] | None = None,
    file: Path | None = None,
    *,
    started: Started | None = None,
) -> None:
    """Run a farm until SIGTERM or SIGINT; ``started`` hears when it serves.

    Raises:
        SettingsInvalid, Unavailable, LogError: it cannot start; the message says what to do.
    """
    set_up_logs("farm")
    server = read_settings(ServerSettings, arguments, file=file)
    set_up_logs("farm", level=server.log_level)
    farm = read_settings(FarmSettings, file=file)
    worker = read_settings(WorkerSettings, file=file)
    asyncio.run(run_farm(server, farm, worker, started=started))


async def run_farm(
    server: ServerSettings,
    farm: FarmSettings,
    worker: WorkerSettings,
    *,
    started: Started | None = None,
    clock: FarmClock | None = None,
) -> None:
    """Run a farm until it is told to stop by a signal.

    Raises:
        SettingsInvalid, Unavailable, LogError: it cannot start; the message says what to do.
    """
    clock = clock or SystemClock()
    with listen(server) as listener:
        url = url_of(listener, server)
        launch = launch_of(server, worker, url, WorkerKeys(server.data.resolve(), clock))
        provisioner = LocalProvisioner(launch, clock)
        parts = Parts.open(
            server.data,
            server=server,
            farm=with_provisioner(farm, server, provisioner.offers()),
            clock=clock,
            provisioner=provisioner if worker_count(server) else None,
        )
        embedded = Embedded(server, url, parts, provisioner)
        with _signals_to(embedded.told_to_stop):
            await embedded.run(listener, started or _note_start)


@contextmanager
def _signals_to(told: Callable[[signal.Signals], None]) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    for number in SIGNALS:
        loop.add_signal_handler(number, told, number)
    try:
        yield
    finally:
        for number in SIGNALS:
            loop.remove_signal_handler(number)


def _note_start(up: FarmUp) -> None:
    _log.info(
        "farm_up", url=up.url, data=str(up.data), workers=up.workers, asks_for_keys=up.asks_for_keys
    )


class Embedded:
    """How the parts of the farm start and end together."""

    def __init__(
        self, settings: ServerSettings, url: str, parts: Parts, provisioner: LocalProvisioner
    ) -> None:
        """Serve ``parts`` at ``url``."""
        self._settings = settings
        self._url = url
        self._parts = parts
        self._provisioner = provisioner
        self._note = settings.data / NOTE
        self._stopping = asyncio.Event()
        self._server = Server(parts.app, settings)

    def told_to_stop(self, number: signal.Signals) -> None:
        """The first signal stops the farm cleanly, the second at once."""
        if not self._stopping.is_set():
            _log.info("stopping", signal=number.name)
            self._server.closing()
            self._stopping.set()
            return
        self._provisioner.kill()
        self._note.unlink(missing_ok=True)
        os._exit(128 + number)

    async def run(self, listener: socket.socket, started: Started) -> None:
        """Serve until told to stop, or until a part fails."""
        loops = self._parts.start()
        serving = asyncio.create_task(self._server.run_on(listener), name="api")
        stopping = asyncio.create_task(self._stopping.wait())
        ready = asyncio.create_task(self._server.until_started())
        try:
            await _first(ready, stopping, serving, *loops)
            if ready.done():
                self._begin(started)
            await _first(stopping, serving, *loops)
        finally:
            ready.cancel()
            stopping.cancel()
            await self._end(serving)
        for part in (serving, *loops):
            part.result()

    def _begin(self, started: Started) -> None:
        count = worker_count(self._settings)
        (self._settings.data / "out").mkdir(exist_ok=True)
        self._write_note()
        asks = self._parts.keys.any_active()
        started(FarmUp(self._url, self._settings.data, count, asks))
        self._provisioner.keep(count)

    async def _end(self, serving: asyncio.Task[None]) -> None:
        """Workers first: they have something to say to the farm. Then the API, then the rest."""
        self._note.unlink(missing_ok=True)
        await self._provisioner.close(within_s=self._settings.shutdown_s * WORKERS_SHARE)
        self._server.stop()
        await asyncio.wait((serving,))
        await self._parts.close()

    def _write_note(self) -> None:
        """Where the farm is, for clients on this machine."""
        part = self._note.with_suffix(".part")
        part.write_text(json.dumps({"pid": os.getpid(), "url": self._url}) + "\n")
        part.replace(self._note)


async def _first(*tasks: asyncio.Task[Any]) -> None:
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
