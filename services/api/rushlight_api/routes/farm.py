"""Commands, health, and what the codes of problems mean."""

from collections.abc import Callable
from uuid import UUID

from litestar import HttpMethod, Response, get, route
from litestar.params import FromPath

from rushlight.errors import NotFound, RushlightError
from rushlight.messages.resources import CommandResource, HealthResource
from rushlight_api.access import KEYHOLDERS, PUBLIC
from rushlight_api.farm import Farm, farm_of
from rushlight_api.identity import door_of
from rushlight_api.operations import Media, operation
from rushlight_api.problems import text_of
from rushlight_api.reading import Incoming, uuid_of
from rushlight_api.showing import answer

TAG = "farm"
PROBES = [HttpMethod.GET, HttpMethod.HEAD]
FOLDER = "DATA"


@get(
    "/commands/{command_id:str}",
    **operation("readCommand", TAG, {200: CommandResource}, allowed=KEYHOLDERS, problems=(404,)),
)
async def read_command(request: Incoming, command_id: FromPath[str]) -> Response[bytes]:
    """Read what became of a command; 404 with `Retry-After` before that is known."""
    farm = farm_of(request)
    number: UUID = uuid_of(command_id, "Command not found")
    outcome = await farm.known_outcome(number)
    if outcome is None:
        raise NotFound("Command not found: it is not decided yet, or unknown", retry_after_s=1)
    return answer(
        CommandResource(
            command_id=number,
            status=outcome.status,
            code=outcome.code,
            detail=outcome.detail,
            task_ids=list(outcome.task_ids),
        )
    )


@route(
    "/healthz",
    http_method=PROBES,
    **operation("health", TAG, {200: HealthResource}, allowed=PUBLIC),
)
async def healthz(request: Incoming) -> Response[bytes]:
    """Ask whether the process lives."""
    return answer(HealthResource(status="ok", checks={"process": "ok"}))


@route(
    "/readyz",
    http_method=PROBES,
    **operation("readiness", TAG, {200: HealthResource, 503: HealthResource}, allowed=PUBLIC),
)
async def readyz(request: Incoming) -> Response[bytes]:
    """Ask whether the farm can serve: each of its parts is well, and no shutdown has begun."""
    farm = farm_of(request)
    checks = {
        "log": await _check(farm, farm.log.head),
        "heartbeats": await _check(farm, farm.liveness.rows),
        "keys": await _check(farm, door_of(request).keys.any_active),
        "events": "ok" if farm.pulse.listening.is_set() else "not listening",
        **{name: says() for name, says in farm.checks.items()},
        "shutdown": "begun" if farm.closing else "ok",
    }
    ready = all(found == "ok" for found in checks.values())
    # Everybody may read this, and where the farm's files are is not for everybody.
    folder = str(farm.settings.data.absolute())
    told = {name: found.replace(folder, FOLDER) for name, found in checks.items()}
    resource = HealthResource(status="ok" if ready else "unavailable", checks=told)
    return answer(resource, status=200 if ready else 503)


async def _check(farm: Farm, call: Callable[[], object]) -> str:
    try:
        await farm.read(call)
    except RushlightError as error:
        return str(error)
    return "ok"


@get(
    "/problems/{code:str}",
    **operation("readProblem", TAG, {200: Media("text/plain")}, allowed=PUBLIC, problems=(404,)),
)
async def read_problem(request: Incoming, code: FromPath[str]) -> Response[str]:
    """Read what the type of a problem means."""
    return Response(text_of(code) + "\n", media_type="text/plain")


HANDLERS = [read_command, healthz, readyz, read_problem]
