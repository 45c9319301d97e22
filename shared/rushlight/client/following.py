"""Following tasks until they have ended, by asking again every ``POLL_S``.

``follow`` is the only place that knows how news comes: whatever replaces polling replaces it alone.
Every state is seen late by up to ``POLL_S``, and one that lasts shorter may not be seen at all.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from rushlight.client.wire import Json, WireClient
from rushlight.clock import SystemClock
from rushlight.errors import LogError, NoAnswer, RushlightError, Unavailable

POLL_S = 1.0
OUTAGE_MAX_S = 120.0
# So many tasks are asked for one by one; of more, the live ones are listed.
ONE_BY_ONE_MAX = 20
LIVE_STATUSES = "pending,rendering,paused,failed"

FollowedTask = Json


class Look(NamedTuple):
    """What one look at the farm gave: the tasks that changed, or why there was no answer."""

    changed: Sequence[FollowedTask]
    outage: RushlightError | None = None


def has_ended(task: Json) -> bool:
    """Whether nothing more becomes of it by itself; a failed task may still be tried again."""
    if task["status"] == "failed":
        return task["retryAt"] is None
    return task["status"] in ("completed", "cancelled")


def follow(
    client: WireClient,
    task_ids: Sequence[str] = (),
    *,
    job_id: str | None = None,
    timeout_s: float | None = None,
    poll_s: float = POLL_S,
) -> Iterator[Look]:
    """Look at tasks, at all of a job, or (with neither) at all live ones, until all have ended.

    The first look gives every task as it is. New tasks of the job are followed too. While the farm
    does not answer, looks say so; after ``OUTAGE_MAX_S`` of that the error is raised.

    Raises:
        NoAnswer: not all have ended within ``timeout_s``.
        NotFound: there is no such task or job.
    """
    clock = SystemClock()
    started_s = answered_s = clock.elapsed_s()
    selection = _Selection(client, job_id, tuple(task_ids))
    yield Look(selection.first())
    while selection.open:
        if timeout_s is not None and clock.elapsed_s() - started_s >= timeout_s:
            left = len(selection.open)
            count = "1 task has" if left == 1 else f"{left} tasks have"
            raise NoAnswer(f"{count} not ended within {timeout_s:g} s")
        time.sleep(poll_s)
        try:
            changed = selection.again()
        except (Unavailable, LogError) as error:
            if clock.elapsed_s() - answered_s > OUTAGE_MAX_S:
                raise
            yield Look((), error)
        else:
            answered_s = clock.elapsed_s()
            yield Look(changed)


def wait_for(
    client: WireClient,
    task_ids: Sequence[str] = (),
    *,
    job_id: str | None = None,
    timeout_s: float | None = None,
    seen: Callable[[FollowedTask], None] = lambda task: None,
    poll_s: float = POLL_S,
) -> list[FollowedTask]:
    """Wait as ``follow`` does, and give every task as it ended, in the order first seen."""
    tasks: dict[str, FollowedTask] = {}
    for look in follow(client, task_ids, job_id=job_id, timeout_s=timeout_s, poll_s=poll_s):
        for task in look.changed:
            tasks[task["taskId"]] = task
            seen(task)
    return list(tasks.values())


@dataclass
class _Selection:
    """The tasks that are followed; ``open`` holds those that have not ended, as last seen."""

    client: WireClient
    job_id: str | None
    task_ids: tuple[str, ...]
    open: dict[str, Json] = field(default_factory=dict)

    def first(self) -> list[Json]:
        if self.task_ids:
            found = [self.client.task(task_id) for task_id in self.task_ids]
        elif self.job_id is not None:
            self.client.job(self.job_id)
            found = list(self.client.tasks(jobId=self.job_id))[::-1]
        else:
            found = [one for one in self._live() if not has_ended(one)][::-1]
        return [task for task in found if self._note(task)]

    def again(self) -> list[Json]:
        if self.task_ids and len(self.open) <= ONE_BY_ONE_MAX:
            found = [self.client.task(task_id) for task_id in list(self.open)]
        else:
            found = [one for one in self._live() if self._concerns(one)]
            listed = {one["taskId"] for one in found}
            found += [self.client.task(task_id) for task_id in self.open.keys() - listed]
        return [task for task in found if self._note(task)]

    def _live(self) -> list[Json]:
        return list(self.client.tasks(status=LIVE_STATUSES, jobId=self.job_id))

    def _concerns(self, task: Json) -> bool:
        if task["taskId"] in self.open:
            return True
        return not self.task_ids and not has_ended(task)

    def _note(self, task: Json) -> bool:
        """Remember it; whether it is news."""
        task_id = task["taskId"]
        if has_ended(task):
            self.open.pop(task_id, None)
            return True
        news = self.open.get(task_id) != task
        self.open[task_id] = task
        return news
