"""What lists have in common: how long a page is, and filters that take several values."""

import re
from collections.abc import Collection
from typing import Any

from pydantic import AfterValidator, Field

from rushlight_api.reading import Query

LIMIT = 50
LIMIT_MAX = 500
UUID_PATTERN = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"


class PageQuery(Query):
    """A page of a list that has no filters."""

    limit: int = Field(LIMIT, ge=1, le=LIMIT_MAX)
    cursor: str | None = Field(None, description="`next` of the page before")


def several(text: str | None) -> list[str]:
    """The values of a filter, which have commas between them."""
    return [one for one in (text or "").split(",") if one]


def listed(*values: str) -> dict[str, Any]:
    """The JSON schema of such a filter; ``values`` are patterns."""
    one = f"({'|'.join(values)})"
    return {"pattern": f"^{one}(,{one})*$"}


def only(known: Collection[str]) -> AfterValidator:
    """For a filter whose values are all ``known``."""
    pattern = re.compile(listed(*known)["pattern"])

    def check(text: str | None) -> str | None:
        if text is not None and not pattern.fullmatch(text):
            raise ValueError(f"should be of {', '.join(known)}")
        return text

    return AfterValidator(check)
