"""The real API over the real dispatcher, reaper, bus and log, on a real socket of this machine."""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.documented import check_answer

from rushlight.client.certificates import trusted
from rushlight.clock import SystemClock
from rushlight.settings import FarmSettings, ServerSettings
from rushlight_api.farm import Farm
from rushlight_api.server import Server, listen, url_of
from rushlight_embedded.parts import Parts

JSON = {"content-type": "application/json"}


@dataclass
class ServedFarm:
    """A farm that serves; ``http`` speaks to it."""

    url: str
    http: httpx.AsyncClient
    parts: Parts
    server: Server
    serving: asyncio.Task[None]

    @property
    def farm(self) -> Farm:
        """What its handlers use."""
        return self.parts.app.state["farm"]  # type: ignore[no-any-return]

    async def json(self, method: str, path: str, body: Any = None, *, status: int) -> Any:
        """One request with the status that it has to have."""
        answer = await self.http.request(method, path, json=body)
        assert answer.status_code == status, answer.text
        return answer.json() if answer.content else None

    async def submit(self, **body: Any) -> str:
        """A new task's id."""
        return str((await self.json("POST", "/renders", body, status=201))["taskId"])

    async def join(self, worker_id: str, instance: str, **more: Any) -> httpx.Response:
        """A push agent's first call."""
        body = {
            "status": "ready",
            "instance": instance,
            "capabilities": {"renderers": {"mitsuba": "3.9.1"}, "defaultScene": True},
            **more,
        }
        return await self.http.put(f"/workers/{worker_id}/status", json=body)

    async def messages(
        self, worker_id: str, instance: str, *, after: int = 0, wait: float = 5
    ) -> Any:
        """What a push agent's poll gives."""
        query = f"instance={instance}&after={after}&wait={wait}"
        return await self.json("GET", f"/workers/{worker_id}/messages?{query}", status=200)


@asynccontextmanager
async def serve(
    data: Path, farm: FarmSettings | None = None, **settings: Any
) -> AsyncIterator[ServedFarm]:
    """Serve a farm from the folder ``data`` on a free port, without sweeps.

    A machine that is busy with other tests may take long to decide; that is no 202 here.
    """
    server_settings = ServerSettings(data=data, port=0, **{"outcome_wait_s": 30, **settings})
    listener = listen(server_settings)
    parts = Parts.open(
        data, server=server_settings, farm=farm or FarmSettings(), clock=SystemClock()
    )
    parts.start(sweeps=False)
    server = Server(parts.app, server_settings)
    serving = asyncio.create_task(server.run_on(listener))
    await server.until_started()
    async with httpx.AsyncClient(
        base_url=url_of(listener),
        timeout=30,
        # Reading certificates would be a quarter of what starting such a farm costs.
        verify=trusted("http"),
        event_hooks={"response": [check_answer]},
    ) as http:
        try:
            yield ServedFarm(url_of(listener), http, parts, server, serving)
        finally:
            server.stop()
            await serving
            await parts.close()


@asynccontextmanager
async def held_up(served: ServedFarm) -> AsyncIterator[None]:
    """The dispatcher is busy with something else, as with a slow disk."""
    release = threading.Event()
    served.parts.dispatcher._thread.submit(release.wait)
    try:
        yield
    finally:
        release.set()


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[ServedFarm]:
    """A farm that serves."""
    async with serve(tmp_path) as running:
        yield running
