"""A whole farm in this process, under a clock that stands still until it is told to go on.

For tests, and for authors of renderers and clients: ``ManualFarm`` is the real API, dispatcher,
reaper and SQLite log; only time is not real. It is found by the entry point ``parts`` of
``rushlight.services``, so the server's packages must be installed.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import httpx

from rushlight.settings import FarmSettings, ServerSettings

START = datetime(2026, 1, 1, 12, tzinfo=UTC)


class ManualClock:
    """A clock that only ``advance`` moves; whoever sleeps wakes when its time has come."""

    def __init__(self, start: datetime = START) -> None:
        """Stand still at ``start``."""
        self._now = start
        self._start = start
        self._sleepers: list[tuple[datetime, asyncio.Future[None]]] = []

    def now(self) -> datetime:
        """The time in UTC."""
        return self._now

    def not_before(self, moment: datetime) -> None:
        """Stand still there, if that is later."""
        self.advance(max(0.0, (moment - self._now).total_seconds()))

    def elapsed_s(self) -> float:
        """Seconds since the start."""
        return (self._now - self._start).total_seconds()

    async def sleep(self, seconds: float) -> None:
        """Wait until the clock has been moved on by ``seconds``."""
        waiting: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._sleepers.append((self._now + timedelta(seconds=max(0.0, seconds)), waiting))
        await waiting

    def advance(self, seconds: float) -> None:
        """Move on; time never goes back."""
        self._now += timedelta(seconds=seconds)
        for due, waiting in list(self._sleepers):
            if due <= self._now and not waiting.done():
                waiting.set_result(None)
        self._sleepers = [one for one in self._sleepers if not one[1].done()]


@dataclass
class ManualProvisioner:
    """Notes which workers were asked for; the test lets them join."""

    name: str = "test"
    started: list[str] = field(default_factory=list)

    async def start(self, worker_id: str) -> None:
        """Note it."""
        self.started.append(worker_id)


class ManualFarm:
    """A running farm: ``http`` speaks to it, ``advance`` lets time pass, with the sweeps in it."""

    def __init__(
        self, parts: Any, clock: ManualClock, settings: FarmSettings, provisioner: ManualProvisioner
    ) -> None:
        """Use ``manual_farm``."""
        self.parts = parts
        self.clock = clock
        self.settings = settings
        self.provisioner = provisioner
        self.http = httpx.AsyncClient(
            transport=httpx.ASGITransport(app=parts.app), base_url="http://127.0.0.1:3000"
        )

    async def advance(self, seconds: float, *, sweep: bool = True) -> None:
        """Let time pass in steps of a sweep period, with a sweep after each, and one at the end."""
        left = seconds
        while left > 0:
            step = min(left, self.settings.sweep_s)
            self.clock.advance(step)
            left -= step
            if sweep:
                await self.sweep()

    async def advance_to(self, when: str, plus_s: float = 0) -> None:
        """Let time pass until ``plus_s`` seconds after ``when`` (as the API writes times)."""
        until = datetime.fromisoformat(when) + timedelta(seconds=plus_s)
        await self.advance((until - self.clock.now()).total_seconds())

    async def sweep(self) -> None:
        """One sweep of the reaper, now; returns when its effects are on the log."""
        await self.parts.reaper.sweep()

    async def submit(self, **body: Any) -> dict[str, Any]:
        """``POST /renders``; returns the task."""
        return await self._json("POST", "/renders", body, 201)

    async def task(self, task_id: str) -> dict[str, Any]:
        """``GET /renders/{id}``."""
        return await self._json("GET", f"/renders/{task_id}", None, 200)

    async def worker(self, worker_id: str) -> dict[str, Any]:
        """``GET /workers/{id}``."""
        return await self._json("GET", f"/workers/{worker_id}", None, 200)

    async def say(self, worker_id: str, status: str = "ready", **body: Any) -> dict[str, Any]:
        """``PUT /workers/{id}/status``."""
        return await self._json(
            "PUT", f"/workers/{worker_id}/status", {"status": status, **body}, 200
        )

    async def ask(self, worker_id: str) -> dict[str, Any] | None:
        """``POST /workers/{id}/request-task``; None: no work."""
        response = await self.http.post(f"/workers/{worker_id}/request-task")
        if response.status_code == httpx.codes.NO_CONTENT:
            return None
        _expect(response, httpx.codes.OK)
        return dict(response.json())

    async def _json(
        self, method: str, path: str, body: Mapping[str, Any] | None, status: int
    ) -> dict[str, Any]:
        response = await self.http.request(method, path, json=body)
        _expect(response, status)
        return dict(response.json())


def _expect(response: httpx.Response, status: int) -> None:
    if response.status_code != status:
        raise AssertionError(
            f"{response.request.method} {response.request.url.path}:"
            f" {response.status_code}, not {status}: {response.text}"
        )


@asynccontextmanager
async def manual_farm(
    data: Path,
    *,
    settings: FarmSettings | None = None,
    clock: ManualClock | None = None,
    bus: Any = None,
) -> AsyncIterator[ManualFarm]:
    """A farm in the folder ``data``; opening the same folder again goes on with its log."""
    (service,) = entry_points(group="rushlight.services", name="parts")
    clock = clock or ManualClock()
    farm_settings = settings or FarmSettings(provisioned_workers_max=4)
    provisioner = ManualProvisioner()
    parts = service.load().open(
        data,
        server=ServerSettings(data=data),
        farm=farm_settings,
        clock=clock,
        provisioner=provisioner,
        bus=bus,
    )
    parts.start(sweeps=False)
    farm = ManualFarm(parts, clock, farm_settings, provisioner)
    try:
        async with parts.app.lifespan():
            yield farm
    finally:
        await farm.http.aclose()
        await parts.close()
