"""Events of the log as HTTP shows them."""

from typing import Any

from rushlight.messages.resources import EventResource


def event_resource(position: int, event: Any) -> EventResource:
    """One event with its position."""
    worker_id = getattr(event, "worker_id", None)
    topic: str = event.TOPIC
    return EventResource(
        position=position,
        topic=topic,
        time=event.timestamp,
        version=event.originator_version,
        task_id=event.originator_id if topic.startswith("rushlight.task.") else None,
        worker_id=worker_id,
        principal=event.principal,
        command_id=event.command_id,
        command=event.command,
        payload=event.payload(),
    )
