"""What a client prefers (RFC 7240): ``respond-async``, or ``wait=N`` seconds for an answer.

A preference is a wish. Those that are unknown, or make no sense, are passed over; what was honoured
stands in ``Preference-Applied`` of the answer. Of a preference given twice the first counts.
"""

import re
from collections.abc import Mapping
from urllib.request import parse_http_list

from litestar.types import Message, Scope

from rushlight_api.operations import Operation
from rushlight_api.reading import Incoming

APPLIED = "Preference-Applied"
_KEPT = "preference_applied"
_SECONDS = re.compile(r"\d{1,6}")


def preferences_in(text: str) -> Mapping[str, str]:
    """The wishes of a ``Prefer`` header by their names; without a value: an empty text."""
    found: dict[str, str] = {}
    for wish in parse_http_list(text):
        name, _, value = wish.partition(";")[0].partition("=")
        found.setdefault(name.strip().lower(), value.strip().strip('"'))
    return found


def preferred_wait_s(request: Incoming) -> float | None:
    """How long the client wants to wait; None where it does not say."""
    value = _wishes(request).get("wait", "")
    return float(value) if _SECONDS.fullmatch(value) else None


def patience_s(request: Incoming, most_s: float) -> float | None:
    """How long to wait for the outcome of a change, up to ``most_s``; None: as the farm likes.

    0 is not at all. ``respond-async, wait=5`` waits 5 seconds, then answers without the outcome.
    """
    wait_s = preferred_wait_s(request)
    if wait_s is not None:
        wait_s = min(wait_s, most_s)
        applied = f"wait={wait_s:g}"
    elif "respond-async" in _wishes(request):
        wait_s, applied = 0.0, "respond-async"
    else:
        return None
    note_applied(request, applied)
    return wait_s


def note_applied(request: Incoming, applied: str) -> None:
    """From here on the answer says that this was honoured, whatever it will be."""
    request.scope["state"][_KEPT] = applied


async def tell_preferences(message: Message, scope: Scope) -> None:
    """Hook before an answer is sent: say what was honoured, and that answers vary by it."""
    declared = _operation_in(scope)
    if message["type"] != "http.response.start" or declared is None or not declared.prefers:
        return
    headers = [*message["headers"], (b"vary", b"Prefer")]
    applied = scope["state"].get(_KEPT)
    if applied is not None:
        headers.append((APPLIED.lower().encode(), str(applied).encode()))
    message["headers"] = headers


def _operation_in(scope: Scope) -> Operation | None:
    handler = scope.get("route_handler")
    found = None if handler is None else handler.opt.get("operation")
    return found if isinstance(found, Operation) else None


def _wishes(request: Incoming) -> Mapping[str, str]:
    return preferences_in(", ".join(request.headers.getall("prefer", [])))
