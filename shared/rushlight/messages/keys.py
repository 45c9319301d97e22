"""Keys, enrolments and who asks, as HTTP takes and gives them; a key's text is given once."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from rushlight.messages.resources import Body, Resource
from rushlight.messages.times import Time

KeyRole = Literal["submitter", "operator", "worker", "auditor", "admin"]
Principal = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-][A-Za-z0-9._@-]{0,63}$")]
WorkerId = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]


class KeyBody(Body):
    """A key to make."""

    name: Principal = Field(description="who did it, on events", examples=["ann"])
    role: KeyRole = Field(examples=["submitter"])
    worker_id: WorkerId | None = Field(None, description="for role worker: the one that it is for")
    expires_at: Annotated[Time, Field(strict=False)] | None = Field(
        None, description="from then on it does not count; none: until it is revoked"
    )


class KeyResource(Resource):
    """What is known of a key; its text is known to its holder alone."""

    key_id: str
    name: str
    role: KeyRole
    worker_id: str | None
    principal: str = Field(description="who did it, on events")
    created_at: datetime
    created_by: str
    expires_at: datetime | None
    revoked_at: datetime | None
    revoked_by: str | None
    last_used_at: datetime | None = Field(description="to the minute")


class NewKeyResource(KeyResource):
    """A key that was just made; its text is not told again."""

    key: str = Field(description="rlk_…: send it as `Authorization: Bearer`")


class KeyPage(Resource):
    """A page of keys, oldest first."""

    items: list[KeyResource]
    next: str | None


class EnrolmentResource(Resource):
    """A token that a worker changes for its key, once."""

    worker_id: str
    token: str = Field(description="rle_…")
    expires_at: datetime


class TokenBody(Body):
    """A token to change for a key."""

    token: Annotated[str, Field(min_length=1, max_length=256)]


class CallerResource(Resource):
    """Who asks, as the farm knows it; without keys everybody is ``anonymous`` with every right."""

    principal: str
    role: KeyRole | None
    worker_id: str | None
    key_id: str | None
