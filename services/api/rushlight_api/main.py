"""The API as an application: what it serves, and what runs beside it while it does."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import structlog
from litestar import Litestar, Response, Router
from litestar.datastructures import State
from prometheus_client import CollectorRegistry

from rushlight.bus.port import Bus, Queue
from rushlight.clock import Clock
from rushlight.keys.store import KeyStore
from rushlight.messages.work import FarmEvent
from rushlight.metrics.api import ApiMetrics
from rushlight.metrics.farm import FarmCollector
from rushlight.metrics.registry import new_registry
from rushlight.settings import FarmSettings, ServerSettings
from rushlight_api.attempt_logs import AttemptLogs
from rushlight_api.farm import Farm
from rushlight_api.feed import Feed
from rushlight_api.identity import DOOR_HANDLERS, Door, admit
from rushlight_api.mailboxes import GONE, Mailboxes
from rushlight_api.observing import Observed
from rushlight_api.openapi.parameters import SIGNIFICANT
from rushlight_api.origin import is_loopback
from rushlight_api.ports import Checks, LivenessPort, LogPort
from rushlight_api.preferences import tell_preferences
from rushlight_api.problems import HANDLERS, Malformed
from rushlight_api.pulse import Pulse
from rushlight_api.rates import Rates
from rushlight_api.reading import Incoming, receive_body
from rushlight_api.routes import (
    agents,
    attempt_logs,
    audit,
    documents,
    events,
    farm,
    jobs,
    keys,
    metrics,
    outputs,
    renders,
    verbs,
    workers,
)
from rushlight_api.streams import Streams

LOGS_FOLDER = "logs"
_log = structlog.get_logger("rushlight.api")
COMINGS_AND_GOINGS = frozenset(
    {"rushlight.worker.joined", "rushlight.worker.left", "rushlight.worker.lost"}
)


def build_app(
    *,
    bus: Bus,
    log: LogPort,
    liveness: LivenessPort,
    keys: KeyStore,
    settings: ServerSettings,
    farm_settings: FarmSettings,
    clock: Clock,
    registry: CollectorRegistry | None = None,
    checks: Checks | None = None,
) -> Litestar:
    """The API over a bus and a log; serve it with ``rushlight_api.server``.

    ``registry`` may hold what other parts of this process count, ``checks`` say how they are.
    """
    served = Farm(
        bus=bus,
        log=log,
        liveness=liveness,
        settings=settings,
        farm_settings=farm_settings,
        clock=clock,
        pulse=Pulse(bus),
        mailboxes=Mailboxes(bus),
        attempt_logs=AttemptLogs(settings.data / LOGS_FOLDER, settings.attempt_log_max_bytes),
        streams=Streams(Feed(log), settings, clock),
        registry=registry or new_registry(),
        checks=checks or {},
    )
    _count(served)
    door = Door(
        keys,
        Rates(settings.rate_per_s, settings.rate_burst),
        clock,
        public=not is_loopback(settings.host),
    )
    large = Router(
        path="/",
        route_handlers=LARGE,
        request_max_body_size=settings.batch_body_max_bytes,
    )
    app = Litestar(
        route_handlers=[large, *_handlers()],
        before_request=_before,
        before_send=[tell_preferences],
        exception_handlers={**HANDLERS, **DOOR_HANDLERS},
        lifespan=[_lifespan],
        state=State({"farm": served, "door": door}),
        request_max_body_size=settings.body_max_bytes,
        openapi_config=None,
        logging_config=None,
    )
    app.asgi_handler = Observed(
        app.asgi_handler,
        metrics=ApiMetrics(served.registry),
        clock=clock,
        logged=settings.log_requests,
    )
    return app


def _count(served: Farm) -> None:
    """Put the farm's own numbers on its registry."""
    served.registry.register(
        FarmCollector(
            log=served.log,
            liveness=served.liveness,
            clock=served.clock,
            commands_waiting=lambda: served.bus.waiting(Queue.COMMANDS),
            mailboxes=lambda: served.mailboxes.count,
            streams=lambda: served.streams.count,
        )
    )


# Bodies that name many tasks or frames have a larger bound.
LARGE = [renders.submit_batch, agents.report]


def all_handlers() -> list[Any]:
    """Every address, for those who only want to know what there is."""
    return [*_handlers(), *LARGE]


def _handlers() -> list[Any]:
    groups = (
        metrics,
        renders,
        verbs,
        attempt_logs,
        outputs,
        jobs,
        workers,
        keys,
        agents,
        events,
        audit,
        farm,
    )
    return [*(one for group in groups for one in group.HANDLERS), *documents.handlers()]


async def _before(request: Incoming) -> Response[bytes] | None:
    """What holds for every address."""
    admit(request)
    if request.method == "OPTIONS":
        return _options(request)
    declared = request.route_handler.opt.get("operation")
    if declared is not None and declared.query is None and request.query_params:
        names = ", ".join(sorted(set(request.query_params)))
        raise Malformed(f"query parameter {names}: this address takes none")
    if declared is not None and (declared.bodies or declared.holds):
        farm: Farm = request.app.state["farm"]
        await receive_body(request, farm.settings.body_timeout_s)
    return None


def _options(request: Incoming) -> Response[bytes]:
    """The framework's own answer forgets methods where a path was registered in parts."""
    template = request.scope["path_template"]
    known = {
        method
        for path, handlers in request.app.route_handler_method_map.items()
        if SIGNIFICANT.sub(r"{\1}", path) == template
        for method in handlers
    }
    return Response(b"", status_code=204, headers={"Allow": ", ".join(sorted(known))})


@asynccontextmanager
async def _lifespan(app: Litestar) -> AsyncIterator[None]:
    """Listen to the farm's events, and take what is sent to the agents that are there."""
    served: Farm = app.state["farm"]
    served.pulse.tell(lambda event: _hear(served, event))
    served.pulse.tell(lambda _: served.streams.feed.stir())
    listening = asyncio.create_task(served.pulse.run(), name="pulse")
    listening.add_done_callback(_listened)
    following = asyncio.create_task(served.streams.feed.run(), name="feed")
    following.add_done_callback(_listened)
    await served.pulse.listening.wait()
    await served.mailboxes.open_all(await served.read(served.log.views.all_workers))
    try:
        yield
    finally:
        served.stop()
        listening.cancel()
        following.cancel()
        await asyncio.gather(listening, following, return_exceptions=True)
        await served.mailboxes.close()
        await app.state["door"].close()


def _listened(listening: asyncio.Task[None]) -> None:
    """What ended it, at once; ``/readyz`` says no from here on."""
    if not listening.cancelled() and listening.exception() is not None:
        _log.error("listening_failed", what=listening.get_name(), exc_info=listening.exception())


def _hear(served: Farm, event: FarmEvent) -> None:
    """Only the instance that is there gets messages."""
    name = event.worker_id
    if event.topic in COMINGS_AND_GOINGS and name is not None and served.mailboxes.serves(name):
        served.mailboxes.later(_keep_current(served, name))


async def _keep_current(served: Farm, worker_id: str) -> None:
    """Look again: events are hints. One closed too early is opened by the next poll."""
    row = await served.read(served.log.views.worker, worker_id)
    if row is not None:
        gone = row["status"] in GONE
        served.mailboxes.keep_only(worker_id, None if gone else row["instance"])
