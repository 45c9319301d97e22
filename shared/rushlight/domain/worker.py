"""A worker: a place where one attempt renders at a time, and its events.

requested --joined--> ready --occupied--> busy --freed--> ready
    |                   |        draining: no new work
    +--lost             +--left--> offline | failed,  --lost--> failed
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from rushlight.domain.base import NEVER, FarmAggregate, FarmEvent, stream_of_worker
from rushlight.domain.task import plain, running_of, time_of


class Worker(FarmAggregate):
    """The state of a worker; changed by its events only."""

    def start(self) -> None:
        """Before ``requested`` or ``joined``."""
        self.worker_id = ""
        self.presence = "offline"
        self.mode: str | None = None
        self.instance: str | None = None
        self.host: str | None = None
        self.renderers: dict[str, str] | None = None
        self.default_scene = False
        self.memory_mib: int | None = None
        self.tags: list[str] = []
        self.provisioned = False
        self.draining = False
        self.task_id: UUID | None = None
        self.attempt: int | None = None
        self.requested_for: UUID | None = None
        self.claimed_by: str | None = None
        self.reason: str | None = None
        self.faults = 0
        self.never_joined = 0
        self.requested_at: datetime | None = None
        self.joined_at = NEVER
        self.idle_since = NEVER

    @property
    def status(self) -> str:
        """requested, ready, busy, draining, offline or failed."""
        if self.presence != "here":
            return self.presence
        if self.draining:
            return "draining"
        return "ready" if self.task_id is None else "busy"

    @property
    def running(self) -> str:
        """What a task that avoids it has noted."""
        return running_of(self.worker_id, self.instance)

    @property
    def here(self) -> bool:
        """Joined, and neither left nor lost."""
        return self.presence == "here"

    @property
    def idle(self) -> bool:
        """Could take a task now."""
        return self.presence == "here" and not self.draining and self.task_id is None

    def row(self) -> dict[str, Any]:
        """The worker as a row of the view: JSON values only; ``load`` reads it back."""
        row = {name: plain(value) for name, value in vars(self).items() if name[0] != "_"}
        return {**row, "status": self.status, "version": self.version}

    @classmethod
    def load(cls, row: dict[str, Any]) -> "Worker":
        """The worker that a row was made of."""
        worker = cls.blank(stream_of_worker(row["worker_id"]))
        for name in vars(worker):
            if name[0] != "_":
                setattr(worker, name, row[name])
        for name in ("requested_at", "joined_at", "idle_since"):
            setattr(worker, name, time_of(row[name]))
        for name in ("task_id", "requested_for"):
            setattr(worker, name, None if row[name] is None else UUID(row[name]))
        worker.version = row["version"]
        return worker


class WorkerEvent(FarmEvent):
    """Something that happened to a worker."""

    worker_id: str


class Requested(WorkerEvent):
    """A waiting task needs a worker that is not there yet."""

    TOPIC = "rushlight.worker.requested"
    for_task_id: UUID

    def apply(self, worker: Worker) -> None:
        """A provisioner shall start it."""
        worker.worker_id = self.worker_id
        worker.presence = "requested"
        worker.provisioned = True
        worker.claimed_by = worker.reason = None
        worker.requested_for = self.for_task_id
        worker.requested_at = self.timestamp


class Claimed(WorkerEvent):
    """A provisioner starts the requested worker."""

    TOPIC = "rushlight.worker.claimed"
    provisioner: str

    def apply(self, worker: Worker) -> None:
        """No other provisioner does."""
        worker.claimed_by = self.provisioner


class Joined(WorkerEvent):
    """A worker is there: a new instance of a push agent, or a pull worker (no instance).

    A pull worker that is there already only says that it offers something else.
    """

    TOPIC = "rushlight.worker.joined"
    mode: str
    instance: str | None
    host: str | None
    renderers: dict[str, str] | None
    default_scene: bool
    memory_mib: int | None
    tags: tuple[str, ...]
    provisioned: bool
    holds_lock: bool

    def apply(self, worker: Worker) -> None:
        """It can work."""
        for name in (
            "worker_id mode instance host renderers default_scene memory_mib provisioned"
        ).split():
            setattr(worker, name, getattr(self, name))
        worker.tags = list(self.tags)
        if worker.presence != "here" or self.instance is not None:
            worker.draining = False
            worker.reason = None
            worker.faults = 0
        worker.presence = "here"
        worker.never_joined = 0
        worker.requested_for = worker.claimed_by = None
        worker.joined_at = worker.idle_since = self.timestamp


class Occupied(WorkerEvent):
    """The worker holds an attempt."""

    TOPIC = "rushlight.worker.occupied"
    task_id: UUID
    attempt: int

    def apply(self, worker: Worker) -> None:
        """It is busy."""
        worker.task_id = self.task_id
        worker.attempt = self.attempt


class Freed(WorkerEvent):
    """The attempt is over; ``faults`` counts failures in a row that were the worker's own."""

    TOPIC = "rushlight.worker.freed"
    task_id: UUID
    attempt: int
    faults: int

    def apply(self, worker: Worker) -> None:
        """It can work again."""
        worker.task_id = worker.attempt = None
        worker.faults = self.faults
        worker.idle_since = self.timestamp


class Draining(WorkerEvent):
    """The worker gets no new work."""

    TOPIC = "rushlight.worker.draining"
    reason: str

    def apply(self, worker: Worker) -> None:
        """It finishes what it has."""
        worker.draining = True
        worker.reason = self.reason


class Undrained(WorkerEvent):
    """The worker gets work again."""

    TOPIC = "rushlight.worker.undrained"

    def apply(self, worker: Worker) -> None:
        """It can work."""
        worker.draining = False
        worker.reason = None
        worker.faults = 0
        worker.idle_since = self.timestamp


class Left(WorkerEvent):
    """The worker said that it ends (``status`` offline) or cannot go on (failed)."""

    TOPIC = "rushlight.worker.left"
    instance: str | None
    status: str
    reason: str

    def apply(self, worker: Worker) -> None:
        """It is gone."""
        worker.presence = self.status
        worker.reason = self.reason
        worker.draining = False


class WorkerLost(WorkerEvent):
    """The worker was silent for too long, or never joined."""

    TOPIC = "rushlight.worker.lost"
    instance: str | None
    reason: str
    last_heartbeat: datetime | None
    sequence: int | None

    def apply(self, worker: Worker) -> None:
        """It counts as dead; its instance is never heard again."""
        worker.never_joined += worker.presence == "requested"
        worker.presence = "failed"
        worker.reason = self.reason
        worker.draining = False
        worker.requested_for = None
