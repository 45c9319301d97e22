"""Starts the worker: its settings, its place on this node, its renderers, then the agent."""

import asyncio
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import structlog

from rushlight.clock import SystemClock
from rushlight.errors import Unavailable
from rushlight.logs import set_up_logs
from rushlight.settings import WorkerSettings, read_settings
from rushlight_worker.admission import Admission
from rushlight_worker.agent import Agent
from rushlight_worker.capabilities import capabilities, find_renderers
from rushlight_worker.leaving import Leaving
from rushlight_worker.node import Node
from rushlight_worker.scratch import Place, take
from rushlight_worker.transport import HttpTransport

_log = structlog.get_logger("rushlight.worker")


def run(arguments: Mapping[str, Any] | None = None, file: Path | None = None) -> None:
    """Run a worker until it is told to stop: SIGTERM drains it, a second one hurries it.

    Raises:
        SettingsInvalid: a setting is wrong, the worker id is in use here, or nothing renders here.
        InvalidRequest: the farm does not take this worker as it is.
        Unauthenticated, Forbidden: the farm does not let it in.
        Unavailable: it has ended, but could not tell the farm.
    """
    settings = read_settings(WorkerSettings, arguments, file=file)
    place = take(settings.worker_id, settings.scratch)
    try:
        set_up_logs("worker", level=settings.log_level, worker_id=place.worker_id)
        told = asyncio.run(_run(settings, place))
    finally:
        place.release()
    if not told:
        raise Unavailable(
            f"worker {place.worker_id} has ended, but the farm at {settings.url} did not hear of"
            " it: it counts as lost after a while"
        )


async def _run(settings: WorkerSettings, place: Place) -> bool:
    leaving = Leaving()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, leaving.signalled)
    swept = await asyncio.to_thread(place.sweep)
    if swept:
        _log.info("leftovers_swept", attempts=swept)
    transport = HttpTransport(settings.url, place.worker_id)
    renderers, versions = await asyncio.to_thread(find_renderers, settings)
    node = Node(settings, renderers, place, SystemClock())
    _log.info("started", url=settings.url, host=place.host, renderers=versions)
    async with transport:
        await Admission(settings, place.worker_id).enter(transport, leaving)
        agent = Agent(
            node=node,
            transport=transport,
            leaving=leaving,
            offered=capabilities(settings, versions),
        )
        told = await agent.run()
    _log.info("ended", reason=leaving.reason)
    return told
