"""Which tasks, jobs and attempts a role may touch: submitters their own, workers what they hold.

Operators and admins touch all, and so does everybody on a farm without keys. Who may call an
address at all is decided before, in ``identity``.
"""

from uuid import UUID

from rushlight.domain.attempts import attempts_of
from rushlight.errors import Forbidden
from rushlight_api.farm import farm_of
from rushlight_api.identity import Caller, caller_of
from rushlight_api.ports import Row
from rushlight_api.reading import Incoming

# What whoever renders says of a task; the other statuses are wishes of whoever submitted it.
REPORTS = frozenset({"rendering", "completed", "failed"})


def own_task(request: Incoming, row: Row) -> UUID:
    """The id of a task that the caller may change as its submitter.

    Raises:
        Forbidden: another principal submitted it.
    """
    caller = caller_of(request)
    if caller.role == "submitter" and row["submitted_by"] != caller.principal:
        raise Forbidden(
            f"{row['submitted_by']} submitted this task: {caller.principal} may change its own"
            " only; this is for: operator, admin"
        )
    return UUID(row["task_id"])


async def only_of(request: Incoming, job_id: str) -> str | None:
    """Whose tasks of a job the caller may change; None: everybody's.

    Raises:
        Forbidden: a submitter has none in it.
    """
    caller = caller_of(request)
    if caller.role != "submitter":
        return None
    views = farm_of(request).log.views
    read = farm_of(request).read
    mine = await read(views.has_tasks_of, job_id, caller.principal)
    if not mine and await read(views.job, job_id) is not None:
        raise Forbidden(
            f"{caller.principal} has no task in job {job_id}, and may change its own only; this is"
            " for: operator, admin"
        )
    return caller.principal


def status_setter(request: Incoming, row: Row, status: str, named: str | None) -> str | None:
    """The worker that a new status speaks for, as the request ``named`` it.

    Raises:
        Forbidden: a submitter reports, or changes what is not its own; a worker wishes, or speaks
            for what it does not hold.
    """
    caller = caller_of(request)
    if caller.role == "worker":
        if status not in REPORTS:
            raise Forbidden(f"a worker reports {', '.join(sorted(REPORTS))}, not {status}")
        if status == "rendering" and row["worker_id"] != caller.worker_id:
            raise _not_held(caller)
        return reporter(request, row, named)
    if caller.role == "submitter" and status in REPORTS:
        raise Forbidden(f"{status} is for whoever renders: worker, operator, admin")
    own_task(request, row)
    return named


def reporter(request: Incoming, row: Row, named: str | None) -> str | None:
    """The worker that a report on a task speaks for.

    A task that nobody holds passes: the report may be a repetition, and the farm refuses any other.

    Raises:
        Forbidden: a worker speaks for another, or on a task that another holds.
    """
    caller = caller_of(request)
    if caller.role != "worker":
        return named
    if named not in (None, caller.worker_id) or row["worker_id"] not in (None, caller.worker_id):
        raise _not_held(caller)
    return caller.worker_id


async def own_attempt(request: Incoming, row: Row, attempt: int) -> None:
    """Refuse a worker what belongs to the attempt of another.

    Raises:
        Forbidden: another worker has, or had, that attempt.
    """
    caller = caller_of(request)
    if caller.role != "worker":
        return
    if row["attempt"] == attempt and row["worker_id"] == caller.worker_id:
        return
    farm = farm_of(request)
    events = [event for _, event in await farm.read(farm.log.stream, UUID(row["task_id"]))]
    if not any(
        one["attempt"] == attempt and one["worker_id"] == caller.worker_id
        for one in attempts_of(events)
    ):
        raise _not_held(caller)


def _not_held(caller: Caller) -> Forbidden:
    return Forbidden(f"this key speaks for worker {caller.worker_id} only, which does not hold it")
