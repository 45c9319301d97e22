"""Jobs: the tasks that share a ``jobId``, counted, and the same verb for all of them."""

from typing import Any, Literal

from litestar import Response, get, patch, post
from litestar.params import FromPath

from rushlight.errors import NotFound
from rushlight.messages.commands import JobCommand
from rushlight.messages.resources import (
    AcceptedResource,
    JobResource,
    JobVerbResource,
    PriorityBody,
)
from rushlight.shapes import job_resource
from rushlight_api.access import READERS, SUBMITTERS
from rushlight_api.asking import ask, job_address
from rushlight_api.farm import farm_of
from rushlight_api.operations import operation
from rushlight_api.ownership import only_of
from rushlight_api.reading import Incoming, NoBody, read_body
from rushlight_api.showing import answer
from rushlight_api.stamps import stamp_of

TAG = "jobs"
PROBLEMS = (400, 404, 409, 413, 415, 503)
ANSWERS: dict[int, Any] = {200: JobVerbResource, 202: AcceptedResource}
Verb = Literal["cancel", "pause", "resume", "retry", "requeue", "reprioritise"]


@get(
    "/jobs/{job_id:str}",
    **operation("readJob", TAG, {200: JobResource}, allowed=READERS, problems=(404,)),
)
async def read_job(request: Incoming, job_id: FromPath[str]) -> Response[bytes]:
    """Read how far a job is."""
    farm = farm_of(request)
    row = await farm.read(farm.log.views.job, job_id)
    if row is None:
        raise NotFound(f"no task belongs to job {job_id}")
    return answer(job_resource(row))


@patch(
    "/jobs/{job_id:str}",
    **operation(
        "changeJob",
        TAG,
        ANSWERS,
        allowed=SUBMITTERS,
        bodies=(PriorityBody,),
        body_required=True,
        problems=PROBLEMS,
        examples={"first of all": {"priority": "RUSH"}},
    ),
)
async def change_job(request: Incoming, job_id: FromPath[str]) -> Response[bytes]:
    """Change the priority of every task of a job that has not ended."""
    body = await read_body(request, PriorityBody)
    fields = stamp_of(request, body).fields
    command = JobCommand(**fields, job_id=job_id, verb="reprioritise", priority=body.priority)
    return await _done(request, command)


async def _done(request: Incoming, command: JobCommand) -> Response[bytes]:
    command = command.model_copy(update={"only_of": await only_of(request, command.job_id)})
    outcome = await ask(request, command, location=job_address(command.job_id))
    changed = len(outcome.task_ids)
    return answer(JobVerbResource(job_id=command.job_id, changed=changed, refused=outcome.refused))


def _verb(name: Verb, summary: str) -> Any:
    """One address per verb; tasks that do not allow it are counted, not an error."""

    @post(
        f"/jobs/{{job_id:str}}/{name}",
        name=f"{name}_job",
        summary=summary,
        **operation(
            f"{name}Job",
            TAG,
            ANSWERS,
            allowed=SUBMITTERS,
            bodies=(NoBody,),
            problems=PROBLEMS,
            keyed=True,
        ),
    )
    async def handler(request: Incoming, job_id: FromPath[str]) -> Response[bytes]:
        body = await read_body(request, NoBody)
        command = JobCommand(**stamp_of(request, body).fields, job_id=job_id, verb=name)
        return await _done(request, command)

    return handler


HANDLERS = [
    read_job,
    change_job,
    _verb("cancel", "End every task of a job without a result."),
    _verb("retry", "Try the failed tasks of a job again."),
    _verb("requeue", "Render the ended tasks of a job again."),
    _verb("pause", "Hold the pending tasks of a job."),
    _verb("resume", "Let the paused tasks of a job wait again."),
]
