"""The farm's API, JSON in and JSON out: dictionaries as they are on the wire, nothing dropped."""

from collections.abc import Iterator, Sequence
from typing import Any, Literal, NamedTuple
from urllib.parse import quote
from uuid import UUID

from rushlight.client.connection import Connection
from rushlight.client.events import EventStream, event_filters
from rushlight.client.patience import Told

Json = dict[str, Any]
Verb = Literal["cancel", "pause", "resume", "retry", "requeue"]
PAGE = 200
# Of ids in one address; longer addresses are refused by some proxies.
IDS_MAX = 100


class LogPiece(NamedTuple):
    """A part of a log: go on at the offset ``next``, unless it is ``complete``."""

    text: bytes
    next: int
    complete: bool


class WireClient:
    """Every method is one request (lists: one per page); errors are those of ``rushlight.errors``.

    ``key`` is an ``Idempotency-Key``: the same one makes the same change once, over many calls.
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
        self.connection = Connection(url, timeout_s=timeout_s, key=key)

    @property
    def url(self) -> str:
        """The farm's address."""
        return self.connection.url

    def close(self) -> None:
        """End the connection."""
        self.connection.close()

    def __enter__(self) -> "WireClient":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # Submitting

    def submit(self, body: Json, *, key: UUID | None = None) -> Json:
        """Submit one task (a ``RenderBody``); the task."""
        return self._change("POST", "/renders", body, key=key)

    def submit_batch(self, body: Json, *, key: UUID | None = None) -> Json:
        """Submit a ``TasksBody`` or an ``ExpandBody``, all or none; a ``BatchResource``."""
        return self._change("POST", "/renders/batch", body, key=key)

    # Looking

    def task(self, task_id: str) -> Json:
        """One task."""
        return self._get(f"/renders/{_part(task_id)}")

    def tasks_page(self, *, limit: int | None = None, **filters: Any) -> Json:
        """One page of tasks, newest first; filters in the names of the wire, and ``cursor``."""
        return self._get("/renders", limit=limit, **filters)

    def tasks(self, *, limit: int | None = None, **filters: Any) -> Iterator[Json]:
        """All tasks that pass the filters, newest first, at most ``limit``, page by page."""
        return self._pages("/renders", limit, filters)

    def tasks_of(self, task_ids: Sequence[str]) -> list[Json]:
        """These tasks, in that order, up to ``IDS_MAX`` with one request.

        Raises:
            NotFound: one of them is not there.
        """
        found: list[Json] = []
        for start in range(0, len(task_ids), IDS_MAX):
            found += self._tasks_at_once(task_ids[start : start + IDS_MAX])
        return found

    def _tasks_at_once(self, task_ids: Sequence[str]) -> list[Json]:
        if len(task_ids) == 1:
            return [self.task(task_ids[0])]
        page = self._get("/renders", taskId=",".join(task_ids), limit=len(task_ids))
        found = {one["taskId"]: one for one in page["items"]}
        # One that is missing is asked for by itself: the farm says what is wrong with it.
        return [found.get(task_id) or self.task(task_id) for task_id in task_ids]

    def attempts(self, task_id: str) -> list[Json]:
        """All attempts of a task, first to last."""
        items: list[Json] = self._get(f"/renders/{_part(task_id)}/attempts")["items"]
        return items

    def outputs(self, task_id: str) -> Iterator[Json]:
        """The finished frames of a task (``OutputResource``), by frame."""
        return self._pages(f"/renders/{_part(task_id)}/outputs", None, {})

    def output(self, task_id: str, frame: int | None) -> Iterator[bytes]:
        """The file of a finished frame, piece by piece, where the farm sees it; None: a still."""
        name = "still" if frame is None else str(frame)
        return self.connection.pieces(f"/renders/{_part(task_id)}/outputs/{name}")

    def events(self, task_id: str) -> Iterator[Json]:
        """The events of a task, oldest first."""
        return self._pages(f"/renders/{_part(task_id)}/events", None, {})

    def farm_events(self, *, after: int = 0, **filters: Any) -> Iterator[Json]:
        """All events behind the position ``after``, oldest first; filters as for ``stream``."""
        return self._pages("/events", None, {"after": after, **event_filters(**filters)})

    def stream(
        self, after: int | None = None, *, told: Told = lambda error: None, **filters: Any
    ) -> EventStream[Json]:
        """The events behind the position ``after`` as they happen; None: from now on.

        Filters: ``task_ids`` and ``topics`` (several each), ``job_id``, ``worker_id``,
        ``principal``. ``told`` hears why the farm does not answer, and None when it does again.
        """
        found = event_filters(**filters)
        return EventStream(self.connection, found, read=_as_it_is, after=after, told=told)

    def why_task(self, task_id: str) -> Json:
        """Why a task waits, or what it does instead."""
        return self._get(f"/renders/{_part(task_id)}/why")

    def attempt_log(
        self, task_id: str, attempt: int, offset: int = 0, *, wait_s: int = 0
    ) -> LogPiece:
        """What the farm has of an attempt's log, from ``offset`` on.

        Where there is nothing yet, the farm waits for up to ``wait_s`` until there is.
        """
        answer = self.connection.get_raw(
            f"/renders/{_part(task_id)}/attempts/{attempt}/log",
            held_s=wait_s,
            offset=offset,
            wait=wait_s or None,
        )
        return LogPiece(
            answer.content,
            # Not the bytes that came: of a long log the middle is left out.
            int(answer.headers.get("x-log-size", offset + len(answer.content))),
            answer.headers.get("x-log-complete") == "true",
        )

    def job(self, job_id: str) -> Json:
        """The tasks of a job, counted."""
        return self._get(f"/jobs/{_part(job_id)}")

    def workers_page(self, *, limit: int | None = None, cursor: str | None = None) -> Json:
        """One page of workers, by id."""
        return self._get("/workers", limit=limit, cursor=cursor)

    def workers(self) -> Iterator[Json]:
        """All workers, by id."""
        return self._pages("/workers", None, {})

    def worker(self, worker_id: str) -> Json:
        """One worker."""
        return self._get(f"/workers/{_part(worker_id)}")

    def why_worker(self, worker_id: str) -> Json:
        """Why a worker has nothing to do, or what it does."""
        return self._get(f"/workers/{_part(worker_id)}/why")

    # Changing

    def change_task(
        self, task_id: str, verb: Verb, body: Json | None = None, *, key: UUID | None = None
    ) -> Json:
        """Cancel, pause, resume, retry or requeue a task; the task afterwards."""
        return self._change("POST", f"/renders/{_part(task_id)}/{verb}", body, key=key)

    def reprioritise(self, task_id: str, priority: str, *, key: UUID | None = None) -> Json:
        """Give a task another priority; the task afterwards."""
        return self._change("PATCH", f"/renders/{_part(task_id)}", {"priority": priority}, key=key)

    def change_job(self, job_id: str, verb: Verb, *, key: UUID | None = None) -> Json:
        """The same verb for all tasks of a job: how many changed, how many refused."""
        return self._change("POST", f"/jobs/{_part(job_id)}/{verb}", None, key=key)

    def reprioritise_job(self, job_id: str, priority: str, *, key: UUID | None = None) -> Json:
        """Give all tasks of a job another priority: how many changed, how many refused."""
        return self._change("PATCH", f"/jobs/{_part(job_id)}", {"priority": priority}, key=key)

    def drain(self, worker_id: str, *, key: UUID | None = None) -> Json:
        """Give a worker no more tasks; the worker afterwards."""
        return self._change("POST", f"/workers/{_part(worker_id)}/drain", None, key=key)

    def undrain(self, worker_id: str, *, key: UUID | None = None) -> Json:
        """Give a drained worker tasks again; the worker afterwards."""
        return self._change("POST", f"/workers/{_part(worker_id)}/undrain", None, key=key)

    # Keys

    def whoami(self) -> Json:
        """As whom the farm knows this client."""
        return self._get("/whoami")

    def create_key(self, body: Json, *, key: UUID | None = None) -> Json:
        """Make a key (a ``KeyBody``); its text is in the answer, this once."""
        return self._change("POST", "/keys", body, key=key)

    def keys(self) -> Iterator[Json]:
        """All keys, oldest first, revoked ones too; without their texts."""
        return self._pages("/keys", None, {})

    def revoke_key(self, key_id: str, *, key: UUID | None = None) -> Json:
        """End a key; the key afterwards."""
        return self._change("DELETE", f"/keys/{_part(key_id)}", None, key=key)

    def enrol(self, worker_id: str, *, key: UUID | None = None) -> Json:
        """A token that a worker changes for its key, once."""
        return self._change("POST", f"/workers/{_part(worker_id)}/enrolment", None, key=key)

    # How

    def _get(self, path: str, **query: Any) -> Json:
        found: Json = self.connection.get(path, **query)
        return found

    def _change(self, method: str, path: str, body: Json | None, *, key: UUID | None) -> Json:
        answer: Json = self.connection.change(method, path, body, key=key)
        return answer

    def _pages(self, path: str, limit: int | None, filters: Json) -> Iterator[Json]:
        left = limit
        cursor: str | None = None
        while left is None or left > 0:
            size = PAGE if left is None else min(left, PAGE)
            page = self._get(path, limit=size, cursor=cursor, **filters)
            items: Sequence[Json] = page["items"]
            yield from items
            cursor = page["next"]
            if cursor is None:
                return
            left = None if left is None else left - len(items)


def _as_it_is(event: Json) -> Json:
    return event


def _part(name: str) -> str:
    # Names may hold spaces, and what people type may hold anything.
    return quote(name, safe="")
