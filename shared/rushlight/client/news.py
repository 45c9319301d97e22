"""What has changed on a farm since one last looked, gathered by a thread of its own.

Holds ids, never events, and of a bounded number of tasks: beyond it, everything may have changed.
So it may as well, every now and then, where the farm answers but has no stream to spare.
"""

from collections.abc import Callable, Set
from threading import Condition, Thread
from typing import NamedTuple

from rushlight.client.patience import passes
from rushlight.client.wire import WireClient
from rushlight.errors import RushlightError

CHANGED_MAX = 1000
JOIN_S = 1.0


class Changes(NamedTuple):
    """Tasks that have changed; ``everything``: and perhaps any other."""

    task_ids: Set[str] = frozenset()
    everything: bool = False

    def also(self, task_ids: Set[str]) -> "Changes":
        """These tasks too."""
        return Changes(self.task_ids | task_ids, self.everything)


class News:
    """The stream of a farm's events, as the set of tasks that have changed."""

    def __init__(
        self,
        client: WireClient,
        *,
        task_ids: Set[str] = frozenset(),
        job_id: str | None = None,
        concerns: Callable[[str], bool] = lambda task_id: True,
    ) -> None:
        """Listen from now on, to events of these tasks or this job; ``concerns`` leaves out more.

        Raises:
            RushlightError: the farm does not answer, or refuses.
        """
        self._concerns = concerns
        self._changed = Condition()
        self._task_ids: set[str] = set()
        self._everything = False
        self._outage: RushlightError | None = None
        self._crowded = False
        self._ended: Exception | None = None
        self._thread = Thread(target=self._listen, name="news", daemon=True)
        try:
            self._stream = client.stream(told=self._tell, task_ids=sorted(task_ids), job_id=job_id)
        except RushlightError as error:
            if not _has_none_to_spare(error):
                raise
            self._crowded = True
        else:
            self._thread.start()

    def wait(self, seconds: float) -> RushlightError | None:
        """Until something has changed, or the farm answers no more or again; or for ``seconds``.

        The answer is why the farm does not answer; None: it does.

        Raises:
            RushlightError: it has not answered for too long, or refuses.
        """
        with self._changed:
            before = self._outage
            came = self._changed.wait_for(lambda: self._is_news(before), seconds)
            if self._ended is not None:
                raise self._ended
            if self._crowded and not came:
                self._everything = True
            return self._outage

    def take(self) -> Changes:
        """What has changed since it was last taken."""
        with self._changed:
            changes = Changes(frozenset(self._task_ids), self._everything)
            self._task_ids, self._everything = set(), False
            return changes

    def put(self, changes: Changes) -> None:
        """These have changed too, or were not looked at."""
        with self._changed:
            self._task_ids |= changes.task_ids
            self._everything |= changes.everything
            if len(self._task_ids) > CHANGED_MAX:
                self._task_ids, self._everything = set(), True
            self._changed.notify_all()

    def close(self) -> None:
        """Stop listening."""
        if self._thread.ident is not None:
            self._stream.close()
            self._thread.join(JOIN_S)

    def _is_news(self, before: RushlightError | None) -> bool:
        if self._ended is not None or (self._outage is None) != (before is None):
            return True
        # While the farm does not answer there is no use in looking.
        return self._outage is None and (bool(self._task_ids) or self._everything)

    def _listen(self) -> None:
        try:
            for event in self._stream:
                task_id = event["taskId"]
                if task_id is not None and self._concerns(task_id):
                    self.put(Changes(frozenset((task_id,))))
        except Exception as error:  # noqa: BLE001 - raised where the news are waited for
            with self._changed:
                self._ended = None if _has_none_to_spare(error) else error
                self._changed.notify_all()

    def _tell(self, outage: RushlightError | None) -> None:
        with self._changed:
            self._crowded = outage is not None and _has_none_to_spare(outage)
            self._outage = None if self._crowded else outage
            self._changed.notify_all()


def _has_none_to_spare(error: Exception) -> bool:
    """The farm answers, and has as many streams open as it may; or it stops, which looks tell."""
    return isinstance(error, RushlightError) and passes(error) and "status" in error.facts
