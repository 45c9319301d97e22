"""The farm at one moment, as its API shows it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from uuid import UUID

from rushlight.cli.demo.script import JOB
from rushlight.client import FarmClient
from rushlight.messages.resources import TaskResource, WorkerResource


@dataclass(frozen=True)
class Snapshot:
    """All tasks, oldest first, and all workers, by id."""

    tasks: dict[UUID, TaskResource] = field(default_factory=dict)
    workers: dict[str, WorkerResource] = field(default_factory=dict)

    @property
    def animation(self) -> list[TaskResource]:
        """The tasks of the animation, by their frames."""
        tasks = [task for task in self.tasks.values() if task.job_id == JOB]
        return sorted(tasks, key=lambda task: int((task.frames or "0").split("-")[0]))

    @property
    def frames_done(self) -> int:
        """Finished frames of the animation."""
        return sum(task.frames_done for task in self.animation)

    @property
    def frames_total(self) -> int:
        """Frames of the animation."""
        return sum(task.frames_total for task in self.animation)

    @property
    def waiting(self) -> int:
        """Tasks that no worker has."""
        return sum(task.status == "pending" for task in self.tasks.values())

    @property
    def settled(self) -> bool:
        """Whether nothing more becomes of any task by itself."""
        return bool(self.tasks) and all(map(_has_ended, self.tasks.values()))

    def rendering(self) -> Iterator[TaskResource]:
        """Tasks that render now and were not asked to stop."""
        for task in self.tasks.values():
            if task.status == "rendering" and task.stop is None:
                yield task


def look(client: FarmClient) -> Snapshot:
    """Ask the farm. Workers first: a worker is never seen with a task that is not there yet."""
    workers = {worker.worker_id: worker for worker in client.workers()}
    tasks = sorted(client.tasks(), key=lambda task: task.creation_time)
    return Snapshot({task.task_id: task for task in tasks}, workers)


def _has_ended(task: TaskResource) -> bool:
    if task.status == "failed":
        return task.retry_at is None
    return task.status in {"completed", "cancelled"}
