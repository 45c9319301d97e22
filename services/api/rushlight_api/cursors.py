"""Cursors of lists: opaque to clients, and good only for the list that they came from."""

import base64
import binascii
import hashlib
import json
from typing import Any

from pydantic_core import from_json

from rushlight.errors import InvalidRequest
from rushlight_api.reading import INTEGER_MAX, Query

_NOT_FILTERS = {"limit", "cursor", "workers_cursor"}


def cursor_of(place: int | str, query: Query) -> str:
    """A cursor for what follows ``place`` in the list that ``query`` asks for."""
    text = json.dumps([place, _filters(query)], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def place_of(cursor: str | None, query: Query, kind: type[int | str]) -> Any:
    """Where the list goes on; None for its start.

    Raises:
        InvalidRequest: not a cursor of ours, or one of a list with other filters.
    """
    if cursor is None:
        return None
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        # Pydantic's reader refuses what is nested too deeply, and signs that nobody can keep.
        place, filters = from_json(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (binascii.Error, ValueError, TypeError):
        raise InvalidRequest("query parameter cursor: give `next` of the page before") from None
    if filters != _filters(query):
        raise InvalidRequest("query parameter cursor: it is of a list with other filters")
    if type(place) is not kind or (isinstance(place, int) and not 0 <= place <= INTEGER_MAX):
        raise InvalidRequest("query parameter cursor: it is of another list")
    return place


def _filters(query: Query) -> str:
    """A short digest of the filters and of the list that they are for."""
    given = query.model_dump(mode="json", exclude=_NOT_FILTERS)
    text = json.dumps([type(query).__name__, given], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
