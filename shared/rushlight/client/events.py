"""The farm's events as they happen: ``GET /events`` as server-sent events.

A stream resumes by itself after a broken connection, a restart of the farm, or a ``reset`` for
being too slow, from the id that came last: it misses nothing and gives nothing twice. It does not
promise how soon an event comes.
"""

import json
import socket
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import closing, suppress
from itertools import chain
from threading import Event, Lock
from typing import Any, Generic, TypeVar

import httpx
from httpx_sse import EventSource, ServerSentEvent, SSEError

from rushlight.client.connection import Connection
from rushlight.client.patience import Patience, Told
from rushlight.errors import RushlightError, Unavailable

T = TypeVar("T")
PATH = "/events"
HEARTBEAT_S = 15.0
# One heartbeat may be late; two that are missing are a broken connection.
SILENCE_MAX_S = 2.5 * HEARTBEAT_S
RESET = "reset"
ENDED = "the farm has ended the stream of events"


class EventStream(Generic[T]):
    """Events, oldest first; iterate over it, and ``close`` it or use it as a context manager.

    One thread iterates. Any thread may ``close`` it, which ends the iteration at once.
    """

    def __init__(
        self,
        connection: Connection,
        filters: Mapping[str, Any],
        *,
        read: Callable[[Any], T],
        after: int | str | None = None,
        told: Told = lambda error: None,
    ) -> None:
        """Open it: from here on no event that passes ``filters`` is missed.

        ``after`` is a position to begin behind; None: now. ``told`` hears why the farm does not
        answer, again and again, and with None that it does.

        Raises:
            RushlightError: the farm does not answer, or refuses.
        """
        self._connection = connection
        self._filters = {name: value for name, value in filters.items() if value is not None}
        self._read = read
        self._told = told
        self._position = None if after is None else str(after)
        self._patience = Patience()
        self._closed = Event()
        self._turn = Lock()
        self._outage = False
        self._answer = self._open()
        self._frames = self._frames_in(self._answer)
        self._begin()
        self._events = self._all_events()

    @property
    def position(self) -> int:
        """How far it has come: give it as ``after`` to go on from there elsewhere."""
        return int(self._position or 0)

    def __iter__(self) -> Iterator[T]:
        return self

    def __next__(self) -> T:
        with self._turn:
            return next(self._events)

    def close(self) -> None:
        """End it."""
        self._closed.set()
        answer = self._answer
        if not answer.is_closed:
            # Only this wakes a thread that waits for the next event; closing the socket does not.
            wire = answer.extensions["network_stream"].get_extra_info("socket")
            with suppress(OSError):  # it was broken already
                wire.shutdown(socket.SHUT_RDWR)
        # A thread that iterates closes the answer itself.
        if self._turn.acquire(blocking=False):
            try:
                self._events.close()
                self._answer.close()
            finally:
                self._turn.release()

    def __enter__(self) -> "EventStream[T]":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _begin(self) -> None:
        """Wait for the frame that says where the stream stands: with it, a break loses nothing."""
        try:
            first = next(self._frames, None)
        except RushlightError:
            self._answer.close()
            raise
        if first is None:
            self._answer.close()
            raise Unavailable(ENDED)
        self._frames = chain((first,), self._frames)

    def _all_events(self) -> Generator[T, None, None]:
        while not self._closed.is_set():
            error: RushlightError = Unavailable(ENDED)
            try:
                with closing(self._answer):
                    for frame in self._frames:
                        if frame.data:
                            yield self._read(self._json(frame))
            except Unavailable as broken:
                error = broken
            self._open_again(error)

    def _frames_in(self, answer: httpx.Response) -> Iterator[ServerSentEvent]:
        try:
            for frame in EventSource(answer).iter_sse():
                self._patience.answered()
                if frame.event == RESET:
                    return
                self._position = frame.id or self._position
                yield frame
        except SSEError as error:
            raise RushlightError(
                f"what answers at {self._connection.url} is no Rushlight farm: {error}"
            ) from None
        except httpx.TransportError as fault:
            raise self._connection.unreachable(fault) from None

    def _open_again(self, error: RushlightError) -> None:
        """Until it is open, or closed for good."""
        while not self._closed.wait(self._patience.wait_s(error)):
            try:
                self._answer = self._open()
            except RushlightError as another:
                error = another
                self._tell(error)
            else:
                self._frames = self._frames_in(self._answer)
                self._tell(None)
                break
        if self._closed.is_set():
            self._answer.close()

    def _tell(self, error: RushlightError | None) -> None:
        """A connection that is there again at once is no news."""
        if error is not None or self._outage:
            self._told(error)
        self._outage = error is not None

    def _open(self) -> httpx.Response:
        headers = {"Accept": "text/event-stream", "Cache-Control": "no-store"}
        if self._position is not None:
            headers["Last-Event-ID"] = self._position
        return self._connection.open_stream(
            PATH, self._filters, headers=headers, silence_max_s=SILENCE_MAX_S
        )

    def _json(self, frame: ServerSentEvent) -> Any:
        try:
            return json.loads(frame.data)
        except ValueError:
            raise RushlightError(
                f"an event of the farm at {self._connection.url} is not JSON: {frame.data[:80]!r}"
            ) from None


def event_filters(
    *,
    task_ids: Iterable[str] = (),
    job_id: str | None = None,
    worker_id: str | None = None,
    topics: Iterable[str] = (),
    principal: str | None = None,
) -> dict[str, str | None]:
    """Filters of events in the names of the wire."""
    return {
        "taskId": ",".join(task_ids) or None,
        "jobId": job_id,
        "workerId": worker_id,
        "topic": ",".join(topics) or None,
        "principal": principal,
    }
