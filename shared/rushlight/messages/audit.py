"""The farm as it was: what ``GET /audit/state`` answers and ``rushlight audit show`` prints."""

from datetime import datetime
from typing import Any

from pydantic import Field

from rushlight.messages.resources import Resource, TaskPage, TaskStatus, WorkerPage


class StateResource(Resource):
    """The farm after one position of its log, in the forms that tasks and workers have now.

    What is not on the log is null: ``progress`` of a rendering task, ``lastHeartbeat`` of a worker.
    """

    position: int = Field(description="the last event that counts; 0: before the first")
    time: datetime | None = Field(description="of that event")
    round: int = Field(description="the last round that was closed by then")
    planner: int | None = Field(description="version of the placement rules in that round")
    settings: dict[str, Any] | None = Field(description="what decisions read, by their names")
    head: int = Field(description="the last position of the log now")
    counts: dict[TaskStatus, int] | None = Field(
        description="all tasks of the farm by status, whatever the filters; null on later pages"
    )
    tasks: TaskPage
    workers: WorkerPage
