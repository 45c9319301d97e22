"""Following tasks until they have ended: the farm's events say what to look at.

News come by ``GET /events``; what changed is looked up at once, many tasks with one request, and no
more often than every ``PAUSE_S``. How far a task has rendered is no event: that is looked up every
``POLL_S`` while something renders. A state that lasts shorter than a look may not be seen.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from math import inf
from typing import NamedTuple
from uuid import UUID

from rushlight.client.news import Changes, News
from rushlight.client.patience import Patience
from rushlight.client.wire import Json, WireClient
from rushlight.clock import SystemClock
from rushlight.errors import LogError, NoAnswer, RushlightError, Unavailable

POLL_S = 2.0
PAUSE_S = 0.1
# Of so many tasks the farm is asked for the events; of more, for those of all tasks.
NAMED_MAX = 20
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
    selection = _Selection(client, job_id, tuple(map(_as_given_back, task_ids)))
    # Listening before looking: what happens in between is looked up twice, and not missed.
    with closing(selection.listen()) as news:
        yield Look(selection.first())
        yield from _looks(selection, news, timeout_s, poll_s)


def _looks(
    selection: "_Selection", news: News, timeout_s: float | None, poll_s: float
) -> Iterator[Look]:
    clock = SystemClock()
    patience = Patience()
    ends_s = inf if timeout_s is None else clock.elapsed_s() + timeout_s
    polled_s = clock.elapsed_s()
    while selection.open:
        left_s = ends_s - clock.elapsed_s()
        if left_s <= 0:
            raise NoAnswer(f"{_count(selection)} not ended within {timeout_s:g} s")
        outage = news.wait(min(poll_s, left_s))
        if outage is not None:
            yield Look((), outage)
            continue
        changes = news.take()
        if clock.elapsed_s() - polled_s >= poll_s:
            polled_s = clock.elapsed_s()
            changes = changes.also(selection.rendering())
        try:
            changed = selection.again(changes)
        except (Unavailable, LogError) as error:
            news.put(changes)
            wait_s = patience.wait_s(error)
            yield Look((), error)
        else:
            patience.answered()
            wait_s = PAUSE_S
            yield Look(changed)
        time.sleep(min(wait_s, poll_s))


def _as_given_back(task_id: str) -> str:
    """An id in the form in which the farm gives it, whatever form people wrote."""
    try:
        return str(UUID(task_id))
    except ValueError:
        return task_id


def _count(selection: "_Selection") -> str:
    left = len(selection.open)
    return "1 task has" if left == 1 else f"{left} tasks have"


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
    _ended_versions: dict[str, int] = field(default_factory=dict)

    def listen(self) -> News:
        if not self.task_ids:
            return News(self.client, job_id=self.job_id)
        wanted = frozenset(self.task_ids)
        if len(wanted) <= NAMED_MAX:
            return News(self.client, task_ids=wanted)
        return News(self.client, concerns=wanted.__contains__)

    def first(self) -> list[Json]:
        if self.task_ids:
            found = self.client.tasks_of(self.task_ids)
        elif self.job_id is not None:
            self.client.job(self.job_id)
            found = list(self.client.tasks(jobId=self.job_id))[::-1]
        else:
            found = [one for one in self._live() if not has_ended(one)][::-1]
        return [task for task in found if self._note(task)]

    def rendering(self) -> frozenset[str]:
        return frozenset(key for key, task in self.open.items() if task["status"] == "rendering")

    def again(self, changes: Changes) -> list[Json]:
        wanted = set(changes.task_ids)
        found: list[Json] = []
        if changes.everything:
            wanted |= self.open.keys()
            if not self.task_ids:
                found = [one for one in self._live() if not has_ended(one)]
                wanted -= {one["taskId"] for one in found}
        found += self.client.tasks_of(sorted(wanted))
        return [task for task in found if self._note(task)]

    def _live(self) -> list[Json]:
        return list(self.client.tasks(status=LIVE_STATUSES, jobId=self.job_id))

    def _note(self, task: Json) -> bool:
        """Remember it; whether it is news."""
        task_id, version = task["taskId"], task["version"]
        if has_ended(task):
            self.open.pop(task_id, None)
            news = bool(self._ended_versions.get(task_id) != version)
            self._ended_versions[task_id] = version
            return news
        self._ended_versions.pop(task_id, None)
        news = bool(self.open.get(task_id) != task)
        self.open[task_id] = task
        return news
