"""What every message on the bus has in common: ``kind`` and ``version``, and nothing unknown."""

from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import to_json

from rushlight.errors import InvalidRequest


class Part(BaseModel):
    """A part of a message; unknown fields are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Message(Part):
    """Something said on the bus.

    ``kind`` is the class's own name; ``version`` rises when the shape changes. A receiver that does
    not know one of the two parks the message, it never guesses.
    """

    version: ClassVar[int] = 1

    @classmethod
    def kind(cls) -> str:
        """The name that stands on the wire."""
        return cls.__name__

    def to_wire(self) -> dict[str, Any]:
        """As plain JSON values, with kind and version."""
        return {"kind": self.kind(), "version": self.version, **self.model_dump(mode="json")}


class Kinds:
    """The messages that a receiver knows."""

    def __init__(self, *classes: type[Message]) -> None:
        """Know these classes by their kind."""
        self._classes = {cls.kind(): cls for cls in classes}

    def read(self, wire: Any) -> Message:
        """Read one message as ``to_wire`` wrote it.

        Raises:
            InvalidRequest: not an object, unknown kind or version, or wrong fields.
        """
        if not isinstance(wire, dict):
            raise InvalidRequest(f"a message is a JSON object, not {type(wire).__name__}")
        fields = dict(wire)
        kind, version = fields.pop("kind", None), fields.pop("version", None)
        cls = self._classes.get(kind) if isinstance(kind, str) else None
        if cls is None:
            raise InvalidRequest(f"unknown kind of message: {kind!r}")
        if type(version) is not int or version != cls.version:
            raise InvalidRequest(f"{kind}: version {version!r} is not known, {cls.version} is")
        try:
            # By way of JSON, as only there strict types know times and ids in their texts.
            return cls.model_validate_json(to_json(fields), strict=True)
        except ValidationError as error:
            fault = error.errors()[0]
            where = ".".join(str(part) for part in fault["loc"])
            raise InvalidRequest(f"{kind}: {where}: {fault['msg']}") from None
