"""What handlers share: a row as a resource, and the answer to a verb."""

from urllib.parse import quote
from uuid import UUID

from litestar import Response

from rushlight.errors import NoAnswer
from rushlight.messages.commands import Command
from rushlight.messages.outcomes import Outcome
from rushlight.messages.resources import TaskResource, WorkerResource
from rushlight.shapes import progress_in, task_resource, worker_resource
from rushlight_api.farm import Farm, farm_of
from rushlight_api.ports import Row
from rushlight_api.preferences import patience_s
from rushlight_api.reading import Incoming
from rushlight_api.showing import answer


async def shown_task(farm: Farm, row: Row) -> TaskResource:
    """A task with its worker's word on how far it is."""
    heard = None
    if row["status"] == "rendering" and row["worker_id"] is not None:
        heard = await farm.read(farm.liveness.row, row["worker_id"])
    return task_resource(row, progress_in([heard] if heard else []), farm.clock.now())


async def shown_worker(farm: Farm, row: Row) -> WorkerResource:
    """A worker with its last heartbeat."""
    return worker_resource(row, await farm.read(farm.liveness.row, row["worker_id"]))


async def ask(request: Incoming, command: Command, *, location: str) -> Outcome:
    """Have the command of a request decided, and wait for that as its client prefers.

    Raises:
        RushlightError: as ``Farm.ask``.
    """
    farm = farm_of(request)
    wait_s = patience_s(request, farm.settings.outcome_wait_s)
    return await farm.ask(command, location=location, wait_s=wait_s)


async def ask_as_worker(
    request: Incoming, command: Command, *, location: str, worker_id: str | None
) -> None:
    """The same where a worker speaks: if it is a pull worker, that is a heartbeat as well.

    Raises:
        RushlightError: as ``Farm.ask``.
    """
    farm = farm_of(request)
    try:
        await ask(request, command, location=location)
    except NoAnswer:
        await farm.note_pull_worker(worker_id)
        raise
    await farm.note_pull_worker(worker_id)


def job_address(job_id: str) -> str:
    """Where a job is, fit for a header: an id that comes from a path may hold any signs."""
    return f"/jobs/{quote(job_id, safe='')}"


async def task_answer(request: Incoming, task_id: UUID, command: Command) -> Response[bytes]:
    """Have a command about a task decided, and answer with the task as it is then."""
    await ask(request, command, location=f"/renders/{task_id}")
    return await task_now(farm_of(request), task_id)


async def task_now(farm: Farm, task_id: UUID) -> Response[bytes]:
    """A task as it is."""
    return answer(await shown_task(farm, await farm.task(task_id)))


async def worker_answer(request: Incoming, worker_id: str, command: Command) -> Response[bytes]:
    """Have a command about a worker decided, and answer with the worker as it is then."""
    await ask(request, command, location=f"/workers/{worker_id}")
    return await worker_now(farm_of(request), worker_id)


async def worker_now(farm: Farm, worker_id: str) -> Response[bytes]:
    """A worker as it is."""
    return answer(await shown_worker(farm, await farm.worker(worker_id)))
