"""What handlers share: a row as a resource, and the answer to a verb."""

from typing import Any
from uuid import UUID

from litestar import Response

from rushlight.messages.commands import Command
from rushlight.messages.resources import TaskResource, WorkerResource
from rushlight.shapes import progress_in, task_resource, worker_resource
from rushlight_api.farm import Farm
from rushlight_api.ports import Row
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


async def task_answer(
    farm: Farm, task_id: UUID, command: Command, **kwargs: Any
) -> Response[bytes]:
    """Have a command about a task decided, and answer with the task as it is then."""
    await farm.ask(command, location=f"/renders/{task_id}")
    return answer(await shown_task(farm, await farm.task(task_id)), **kwargs)


async def worker_answer(farm: Farm, worker_id: str, command: Command) -> Response[bytes]:
    """Have a command about a worker decided, and answer with the worker as it is then."""
    await farm.ask(command, location=f"/workers/{worker_id}")
    return answer(await shown_worker(farm, await farm.worker(worker_id)))
