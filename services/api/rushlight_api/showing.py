"""What handlers answer: a resource as JSON."""

from collections.abc import Mapping

from litestar import Response
from pydantic import BaseModel

from rushlight.messages.resources import TaskResource, WorkerResource
from rushlight_api.versions import tag_of

VERSIONED = (TaskResource, WorkerResource)


def answer(
    resource: BaseModel, *, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response[bytes]:
    """A resource as a JSON response; a task's or worker's version is its ``ETag``."""
    tag = {"ETag": tag_of(resource.version)} if isinstance(resource, VERSIONED) else {}
    return Response(
        resource.model_dump_json(by_alias=True).encode(),
        status_code=status,
        media_type="application/json",
        headers={**tag, **(headers or {})},
    )
