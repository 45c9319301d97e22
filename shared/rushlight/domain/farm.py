"""The farm in memory: live tasks, workers, and the indexes that keep a decision cheap.

Everything changes through ``apply``, one event at a time, and live, rebuild and audit share it: so
the queues have the same order however the farm came to be.
"""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from sortedcontainers import SortedList

from rushlight.domain.base import FarmEvent
from rushlight.domain.matching import Offer, misfit, offer_of
from rushlight.domain.outputs import files_of
from rushlight.domain.task import Signature, Task
from rushlight.domain.task_events import Submitted, TaskEvent
from rushlight.domain.term import TERM_STREAM, Term, TermEvent
from rushlight.domain.worker import Worker, WorkerEvent
from rushlight.settings import FarmSettings

FITS_MAX = 100_000


class Farm:
    """The state that decisions read. Ended tasks leave it with ``forget_ended``."""

    def __init__(self) -> None:
        """An empty farm, before the first event."""
        self.term = Term.blank(TERM_STREAM)
        self.tasks: dict[UUID, Task] = {}
        self.workers: dict[str, Worker] = {}
        self.submitted = 0
        self.ended: dict[UUID, None] = {}
        self.waiting: dict[Signature, SortedList] = {}
        self.idle: dict[Offer, dict[str, None]] = {}
        self.outputs: dict[str, UUID] = {}
        self.jobs: dict[str, dict[UUID, None]] = {}
        self.promised: dict[UUID, UUID] = {}
        self.requested: dict[UUID, str] = {}
        self._fits: dict[tuple[Signature, Offer], str | None] = {}

    @property
    def settings(self) -> FarmSettings:
        """The settings in force, from the log."""
        return self._settings

    _settings = FarmSettings()

    def apply(self, event: FarmEvent) -> None:
        """Fold one event into its aggregate and the indexes."""
        if isinstance(event, TaskEvent):
            self._apply_to_task(event)
        elif isinstance(event, WorkerEvent):
            self._apply_to_worker(event)
        elif isinstance(event, TermEvent):
            event.mutate(self.term)
            if "settings" in type(event).model_fields:
                self._settings = FarmSettings.model_validate(self.term.settings)

    def _apply_to_task(self, event: TaskEvent) -> None:
        task = self.tasks.get(event.originator_id)
        was_live = task is not None and not task.ended
        if task is None:
            task = self.tasks[event.originator_id] = Task.blank(event.originator_id)
        else:
            self._unindex(task)
        event.mutate(task)
        if isinstance(event, Submitted):
            self.submitted = max(self.submitted, event.seq)
        self._index(task)
        if was_live and task.ended:
            self._free_outputs(task)
        elif not was_live and not task.ended:
            self._take_outputs(task)

    def _apply_to_worker(self, event: WorkerEvent) -> None:
        worker = self.workers.get(event.worker_id)
        if worker is None:
            worker = self.workers[event.worker_id] = Worker.blank(event.originator_id)
        else:
            self._unindex_worker(worker)
        event.mutate(worker)
        self._index_worker(worker)

    @classmethod
    def of_rows(
        cls,
        task_rows: Iterable[dict[str, Any]],
        worker_rows: Iterable[dict[str, Any]],
        settings: FarmSettings,
    ) -> "Farm":
        """The farm as the views show it, for questions; it is not for folding events."""
        farm = cls()
        farm._settings = settings
        for row in task_rows:
            farm.admit(Task.load(row))
        for row in worker_rows:
            farm.admit_worker(Worker.load(row))
        return farm

    def admit(self, task: Task) -> None:
        """Bring an ended task back into memory, from its stream or row."""
        self.tasks[task.id] = task
        self._index(task)
        if not task.ended:
            self._take_outputs(task)

    def admit_worker(self, worker: Worker) -> None:
        """Bring in a worker from its row."""
        self.workers[worker.worker_id] = worker
        self._index_worker(worker)

    def forget_ended(self) -> None:
        """Let the tasks go to which nothing more happens by itself."""
        for task_id in list(self.ended):
            self._unindex(self.tasks.pop(task_id))

    def misfit(self, signature: Signature, offer: Offer) -> str | None:
        """``matching.misfit``, remembered."""
        key = (signature, offer)
        if key not in self._fits:
            if len(self._fits) > FITS_MAX:
                self._fits.clear()
            self._fits[key] = misfit(signature, offer)
        return self._fits[key]

    def can_run(self, worker: Worker, task: Task) -> bool:
        """Whether the worker has what the task needs, and the task does not avoid it."""
        return (
            worker.running not in task.avoid
            and self.misfit(task.signature, offer_of(worker)) is None
        )

    def conflict(self, files: Iterable[str], but: UUID) -> UUID | None:
        """A live task, other than ``but``, that writes one of these files."""
        writers = (self.outputs.get(file) for file in files)
        return next((one for one in writers if one is not None and one != but), None)

    def _index(self, task: Task) -> None:
        if task.job_id is not None:
            self.jobs.setdefault(task.job_id, {})[task.id] = None
        if task.ended:
            self.ended[task.id] = None
            return
        if task.status == "pending":
            queue = self.waiting.get(task.signature)
            if queue is None:
                queue = self.waiting[task.signature] = SortedList()
            queue.add((task.rank, task.seq, task.id))
        if task.stop is not None and task.stop["for_task_id"] is not None:
            self.promised[UUID(task.stop["for_task_id"])] = task.id

    def _unindex(self, task: Task) -> None:
        self.ended.pop(task.id, None)
        if task.status == "pending" and task.signature in self.waiting:
            queue = self.waiting[task.signature]
            queue.discard((task.rank, task.seq, task.id))
            if not queue:
                del self.waiting[task.signature]
        if task.job_id in self.jobs:
            self.jobs[task.job_id].pop(task.id, None)
            if not self.jobs[task.job_id]:
                del self.jobs[task.job_id]
        if task.stop is not None and task.stop["for_task_id"] is not None:
            self.promised.pop(UUID(task.stop["for_task_id"]), None)

    def _take_outputs(self, task: Task) -> None:
        self.outputs.update(dict.fromkeys(files_of(task.output, task.wanted()), task.id))

    def _free_outputs(self, task: Task) -> None:
        for file in files_of(task.output, task.wanted()):
            if self.outputs.get(file) == task.id:
                del self.outputs[file]

    def _index_worker(self, worker: Worker) -> None:
        if worker.idle:
            self.idle.setdefault(offer_of(worker), {})[worker.worker_id] = None
        if worker.presence == "requested" and worker.requested_for is not None:
            self.requested[worker.requested_for] = worker.worker_id

    def _unindex_worker(self, worker: Worker) -> None:
        if worker.idle:
            offer = offer_of(worker)
            self.idle[offer].pop(worker.worker_id)
            if not self.idle[offer]:
                del self.idle[offer]
        if worker.presence == "requested" and worker.requested_for is not None:
            self.requested.pop(worker.requested_for, None)
