"""The parts of an embedded farm, put together; whoever makes them decides when they run.

``rushlight up`` runs them under the machine's clock, ``rushlight.testing`` under a manual one.
"""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Self

import structlog
from litestar import Litestar

from rushlight.bus.local import LocalBus, LocalLimits
from rushlight.bus.port import Bus
from rushlight.clock import FarmClock
from rushlight.eventlog.liveness import Liveness
from rushlight.eventlog.log import FarmLog
from rushlight.keys.store import KeyStore
from rushlight.metrics.dispatcher import DispatcherMetrics
from rushlight.metrics.reaper import ReaperMetrics
from rushlight.metrics.registry import new_registry
from rushlight.settings import FarmSettings, ServerSettings
from rushlight_api.main import build_app
from rushlight_dispatcher.main import Dispatcher
from rushlight_reaper.main import Provisioner, Reaper

_log = structlog.get_logger("rushlight.up")


@dataclass(slots=True)
class Parts:
    """Log, bus, services; ``start`` runs the loops, ``close`` ends them."""

    bus: Bus
    log: FarmLog
    liveness: Liveness
    keys: KeyStore
    dispatcher: Dispatcher
    reaper: Reaper
    app: Litestar
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)

    @classmethod
    def open(
        cls,
        data: Path,
        *,
        server: ServerSettings,
        farm: FarmSettings,
        clock: FarmClock,
        provisioner: Provisioner | None = None,
        bus: Bus | None = None,
    ) -> Self:
        """Open the log in ``data`` and make the services.

        Raises:
            LogError: the log is in use, damaged, or cannot be opened.
        """
        log = FarmLog.open(data, clock=clock)
        liveness = Liveness.open(data, clock=clock)
        keys = KeyStore.open(data, clock=clock)
        _go_on_from(log, liveness, clock)
        bus = bus or LocalBus(clock, LocalLimits(commands_max=server.commands_max))
        registry = new_registry()
        dispatcher = Dispatcher(
            bus=bus, log=log, settings=farm, clock=clock, metrics=DispatcherMetrics(registry)
        )
        reaper = Reaper(
            bus=bus,
            views=log.views,
            liveness=liveness,
            settings=farm,
            clock=clock,
            provisioner=provisioner,
            metrics=ReaperMetrics(registry),
        )
        return cls(
            bus=bus,
            log=log,
            liveness=liveness,
            keys=keys,
            dispatcher=dispatcher,
            reaper=reaper,
            app=build_app(
                bus=bus,
                log=log,
                liveness=liveness,
                keys=keys,
                settings=server,
                farm_settings=farm,
                clock=clock,
                registry=registry,
                checks={"dispatcher": dispatcher.health, "reaper": reaper.health},
            ),
        )

    def start(self, *, sweeps: bool = True) -> list[asyncio.Task[None]]:
        """Run dispatcher and reaper; if one of them ends, something is wrong.

        Without ``sweeps`` the reaper only listens, and whoever holds the clock says when to sweep.
        """
        self._tasks = [
            asyncio.create_task(self.dispatcher.run(), name="dispatcher"),
            asyncio.create_task(self.reaper.run(sweeps=sweeps), name="reaper"),
        ]
        return self._tasks

    async def close(self) -> None:
        """End the loops, then close the log."""
        await self.bus.close()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.keys.close()
        self.liveness.close()
        self.log.close()


def _go_on_from(log: FarmLog, liveness: Liveness, clock: FarmClock) -> None:
    """The farm's time goes on from the last that it wrote down, though the machine's was set back.

    Or whoever was heard at a time that is still to come would not be lost until then.
    """
    known: list[datetime] = [event.timestamp for _, event in log.replay(max(0, log.head() - 1))]
    latest = max([*known, *(row.seen_at for row in liveness.rows())], default=clock.now())
    behind_s = (latest - clock.now()).total_seconds()
    if behind_s > 1:
        _log.warning("clock_behind_log", seconds=round(behind_s), goes_on_from=latest.isoformat())
    clock.not_before(latest)
