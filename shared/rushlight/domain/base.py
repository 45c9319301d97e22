"""What all aggregates and events of the farm share, on the ``eventsourcing`` library's classes.

Events are pydantic models with plain payloads and a stable stored name, ``TOPIC``. Aggregates are
made of events only: a blank one (version 0) and ``mutate`` for each event of its stream.
"""

from datetime import UTC, datetime
from typing import Any, ClassVar, Self
from uuid import UUID, uuid5

from eventsourcing.domain import BaseAggregate, CanMutateAggregate
from pydantic import BaseModel, ConfigDict
from pydantic_core import from_json

from rushlight.errors import LogDamaged

NAMESPACE = UUID("5f0d3a52-7b61-4c8e-9d0a-527573686c69")
EVENTS: dict[str, type["FarmEvent"]] = {}
NEVER = datetime(1970, 1, 1, tzinfo=UTC)
_HEADER = {"originator_id", "originator_version"}


def stream_of_worker(worker_id: str) -> UUID:
    """The stream of a worker: a UUID made of its name."""
    return uuid5(NAMESPACE, f"worker:{worker_id}")


class FarmEvent(BaseModel, CanMutateAggregate[UUID]):
    """Something that happened, when (the round's time), and who caused it.

    ``command`` is the kind of the command behind it, or ``plan`` for the planner, whose events have
    no ``command_id``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    TOPIC: ClassVar[str] = ""
    VERSION: ClassVar[int] = 1

    originator_id: UUID
    originator_version: int
    timestamp: datetime
    principal: str
    command: str
    command_id: UUID | None = None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Register the stored name."""
        super().__init_subclass__(**kwargs)
        if cls.TOPIC:
            if cls.TOPIC in EVENTS:
                raise TypeError(f"two events are called {cls.TOPIC}")
            EVENTS[cls.TOPIC] = cls

    def encode(self) -> bytes:
        """What is stored beside id, version and topic: JSON in the order of the fields."""
        state = self.model_dump_json(exclude=_HEADER)
        if self.VERSION > 1:
            state = f'{{"event_version":{self.VERSION},{state[1:]}'
        return state.encode()

    @classmethod
    def decode(cls, originator_id: UUID, originator_version: int, state: bytes) -> Self:
        """Read back what ``encode`` wrote, in this or an earlier version of the event.

        Raises:
            LogDamaged: it does not read as this event.
        """
        try:
            fields = cls._fields(state)
            return cls(originator_id=originator_id, originator_version=originator_version, **fields)
        except (ValueError, TypeError, KeyError) as error:
            raise LogDamaged(
                f"version {originator_version} of {originator_id} does not read as {cls.TOPIC}:"
                f" {error}"
            ) from error

    @classmethod
    def _fields(cls, state: bytes) -> dict[str, Any]:
        fields: dict[str, Any] = from_json(state)
        if not isinstance(fields, dict):
            raise TypeError("it is no JSON object")
        written = fields.pop("event_version", 1)
        if not 1 <= written <= cls.VERSION:
            raise ValueError(f"it is of version {written}: a newer Rushlight wrote it")
        for version in range(written, cls.VERSION):
            fields = getattr(cls, f"upcast_v{version}_v{version + 1}")(fields)
        return fields

    def payload(self) -> dict[str, Any]:
        """The event's own fields, as JSON values."""
        return self.model_dump(mode="json", exclude=_SHARED)

    def apply(self, aggregate: Any) -> None:
        """Record the fact on the aggregate; nothing is decided here."""


_SHARED = set(FarmEvent.model_fields)


class FarmAggregate(BaseAggregate[UUID]):
    """A consistency boundary of the farm."""

    @classmethod
    def blank(cls, stream: UUID) -> Self:
        """An aggregate before its first event."""
        aggregate = cls.__new__(cls)
        aggregate.__base_init__(stream, 0, NEVER)
        aggregate.start()
        return aggregate

    def start(self) -> None:
        """Set the attributes to what they are before the first event."""
