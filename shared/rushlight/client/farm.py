"""The farm's API with the models of ``rushlight.messages.resources``."""

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal
from uuid import UUID

from rushlight.client.events import EventStream, event_filters
from rushlight.client.fetching import Roots, fetch_output, outputs_to_fetch
from rushlight.client.following import POLL_S, FollowedTask, wait_for
from rushlight.client.patience import Told
from rushlight.client.wire import Verb, WireClient
from rushlight.messages.commands import Priority
from rushlight.messages.outputs import OutputResource
from rushlight.messages.resources import (
    AttemptResource,
    BatchResource,
    EventResource,
    ExpandBody,
    JobResource,
    JobVerbResource,
    RenderBody,
    TaskResource,
    TasksBody,
    WhyResource,
    WorkerResource,
)

TaskId = UUID | str


class FarmClient:
    """A farm, for programs; use as a context manager, or ``close`` it.

    Every change carries an ``Idempotency-Key`` of its own (or the ``key`` given) and is sent again
    when the connection breaks. Errors are those of ``rushlight.errors``: ``NotFound``,
    ``InvalidRequest``, ``RuleBroken`` and its kinds, ``Unavailable``, ``NoAnswer``.
    """

    def __init__(
        self,
        url: str = "http://127.0.0.1:3000",
        *,
        timeout_s: float = 15,
        key: str | None = None,
    ) -> None:
        """Talk to the farm at ``url``, with ``key``; ``timeout_s`` is for one answer.

        Raises:
            InvalidRequest: ``url`` is no address, or ``key`` no key.
        """
        self.wire = WireClient(url, timeout_s=timeout_s, key=key)

    def close(self) -> None:
        """End the connection."""
        self.wire.close()

    def __enter__(self) -> "FarmClient":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # Submitting

    def submit(self, task: RenderBody | None = None, *, key: UUID | None = None) -> TaskResource:
        """Submit one task; without one, the farm's default scene."""
        body = _sent(task or RenderBody())
        return TaskResource.model_validate(self.wire.submit(body, key=key))

    def submit_batch(
        self,
        tasks: Sequence[RenderBody],
        *,
        job_id: str | None = None,
        key: UUID | None = None,
    ) -> BatchResource:
        """Submit up to 10,000 tasks, all or none; ``job_id`` is for those without one."""
        body: dict[str, Any] = {"tasks": [_sent(task) for task in tasks]}
        body |= {} if job_id is None else {"jobId": job_id}
        TasksBody.model_validate(body)
        return BatchResource.model_validate(self.wire.submit_batch(body, key=key))

    def expand(self, body: ExpandBody, *, key: UUID | None = None) -> BatchResource:
        """Submit one body as tasks of ``frames_per_task`` frames each."""
        return BatchResource.model_validate(self.wire.submit_batch(_sent(body), key=key))

    # Looking

    def task(self, task_id: TaskId) -> TaskResource:
        """One task."""
        return TaskResource.model_validate(self.wire.task(str(task_id)))

    def tasks(self, *, limit: int | None = None, **filters: Any) -> Iterator[TaskResource]:
        """Tasks, newest first; filters: status, jobId, workerId, priority, renderer, name."""
        for one in self.wire.tasks(limit=limit, **filters):
            yield TaskResource.model_validate(one)

    def attempts(self, task_id: TaskId) -> list[AttemptResource]:
        """All attempts of a task, first to last."""
        return [AttemptResource.model_validate(one) for one in self.wire.attempts(str(task_id))]

    def attempt_log(self, task_id: TaskId, attempt: int) -> str:
        """What the renderer of an attempt has said so far."""
        return self.wire.attempt_log(str(task_id), attempt).text.decode(errors="replace")

    def events(self, task_id: TaskId) -> Iterator[EventResource]:
        """The events of a task, oldest first."""
        for one in self.wire.events(str(task_id)):
            yield EventResource.model_validate(one)

    def farm_events(self, *, after: int = 0, **filters: Any) -> Iterator[EventResource]:
        """All events behind the position ``after``, oldest first; filters as for ``stream``."""
        for one in self.wire.farm_events(after=after, **filters):
            yield EventResource.model_validate(one)

    def stream(
        self,
        after: int | None = None,
        *,
        task_ids: Sequence[TaskId] = (),
        job_id: str | None = None,
        worker_id: str | None = None,
        topics: Sequence[str] = (),
        principal: str | None = None,
        told: Told = lambda error: None,
    ) -> EventStream[EventResource]:
        """The events behind the position ``after`` as they happen, without end; None: from now on.

        Only those that fit all that is given; a topic is ``task.failed`` or ``worker.*``. It goes
        on by itself over broken connections, without a miss or a double. Close it at the end, or
        use it as a context manager. ``told`` hears why the farm does not answer, and None when it
        does again.

        Raises:
            RushlightError: here, or while iterating: the farm refuses, or has not answered for
                two minutes.
        """
        filters = event_filters(
            task_ids=map(str, task_ids),
            job_id=job_id,
            worker_id=worker_id,
            topics=topics,
            principal=principal,
        )
        read = EventResource.model_validate
        return EventStream(self.wire.connection, filters, read=read, after=after, told=told)

    def why_task(self, task_id: TaskId) -> WhyResource:
        """Why a task waits, or what it does instead."""
        return WhyResource.model_validate(self.wire.why_task(str(task_id)))

    def job(self, job_id: str) -> JobResource:
        """The tasks of a job, counted."""
        return JobResource.model_validate(self.wire.job(job_id))

    def workers(self) -> Iterator[WorkerResource]:
        """All workers, by id."""
        for one in self.wire.workers():
            yield WorkerResource.model_validate(one)

    def worker(self, worker_id: str) -> WorkerResource:
        """One worker."""
        return WorkerResource.model_validate(self.wire.worker(worker_id))

    def why_worker(self, worker_id: str) -> WhyResource:
        """Why a worker has nothing to do, or what it does."""
        return WhyResource.model_validate(self.wire.why_worker(worker_id))

    # Fetching

    def outputs(self, task_id: TaskId) -> list[OutputResource]:
        """The finished frames of a task, by frame: path, bytes, SHA-256."""
        return [OutputResource.model_validate(one) for one in self.wire.outputs(str(task_id))]

    def fetch(
        self,
        task_id: TaskId,
        folder: str | os.PathLike[str],
        *,
        roots: Roots = MappingProxyType({}),
    ) -> list[Path]:
        """Get the files of all finished frames into ``folder``, made if need be; their paths.

        Those in a root that ``roots`` maps to a folder of this machine are copied from there, the
        others are asked of the farm. What is there already and right stays.

        Raises:
            NotHere: the farm does not see a file; ``roots`` may help.
            OutputInvalid: a file is not what its worker reported.
        """
        target = Path(folder)
        target.mkdir(parents=True, exist_ok=True)
        found = outputs_to_fetch(self.wire, [str(task_id)])
        return [fetch_output(self.wire, of, one, target, roots) for of, one in found]

    # Changing

    def cancel(self, task_id: TaskId) -> TaskResource:
        """End a task without a result; one that renders is stopped first."""
        return self._change(task_id, "cancel")

    def pause(self, task_id: TaskId) -> TaskResource:
        """Hold a pending task."""
        return self._change(task_id, "pause")

    def resume(self, task_id: TaskId) -> TaskResource:
        """Let a paused task wait again."""
        return self._change(task_id, "resume")

    def retry(self, task_id: TaskId) -> TaskResource:
        """Try a failed task again."""
        return self._change(task_id, "retry")

    def requeue(self, task_id: TaskId, frames: str | None = None) -> TaskResource:
        """Render an ended task again: all frames, or these (``1-10``)."""
        return self._change(task_id, "requeue", None if frames is None else {"frames": frames})

    def reprioritise(self, task_id: TaskId, priority: Priority) -> TaskResource:
        """Give a task another priority."""
        return TaskResource.model_validate(self.wire.reprioritise(str(task_id), priority))

    def change_job(self, job_id: str, verb: Verb) -> JobVerbResource:
        """The same verb for all tasks of a job: how many changed, how many refused."""
        return JobVerbResource.model_validate(self.wire.change_job(job_id, verb))

    def reprioritise_job(self, job_id: str, priority: Priority) -> JobVerbResource:
        """Give all tasks of a job another priority."""
        return JobVerbResource.model_validate(self.wire.reprioritise_job(job_id, priority))

    def drain(self, worker_id: str) -> WorkerResource:
        """Give a worker no more tasks."""
        return WorkerResource.model_validate(self.wire.drain(worker_id))

    def undrain(self, worker_id: str) -> WorkerResource:
        """Give a drained worker tasks again."""
        return WorkerResource.model_validate(self.wire.undrain(worker_id))

    # Waiting

    def wait(
        self,
        *task_ids: TaskId,
        job_id: str | None = None,
        timeout_s: float | None = None,
        seen: Callable[[TaskResource], None] | None = None,
        poll_s: float = POLL_S,
    ) -> list[TaskResource]:
        """Wait until these tasks, or all of a job, have ended for good; their last state.

        ``seen`` hears of every change on the way; the farm is asked every ``poll_s``.

        Raises:
            NoAnswer: they have not ended within ``timeout_s``.
            NotFound: there is no such task or job.
        """

        def tell(changed: FollowedTask) -> None:
            if seen is not None:
                seen(TaskResource.model_validate(changed))

        ended = wait_for(
            self.wire,
            [str(task_id) for task_id in task_ids],
            job_id=job_id,
            timeout_s=timeout_s,
            seen=tell,
            poll_s=poll_s,
        )
        return [TaskResource.model_validate(one) for one in ended]

    def _change(
        self,
        task_id: TaskId,
        verb: Literal["cancel", "pause", "resume", "retry", "requeue"],
        body: dict[str, Any] | None = None,
    ) -> TaskResource:
        return TaskResource.model_validate(self.wire.change_task(str(task_id), verb, body))


def _sent(body: RenderBody) -> dict[str, Any]:
    return body.model_dump(mode="json", by_alias=True, exclude_unset=True)
