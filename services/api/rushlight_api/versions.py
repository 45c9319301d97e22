"""Conditional requests (RFC 9110 §13): the ``ETag`` of a task or worker is its version.

What comes with heartbeats (progress, the last heartbeat) is no version: 304 does not speak of it.
"""

import re

from litestar import Response

from rushlight_api.problems import Malformed
from rushlight_api.reading import Incoming

_TAG = re.compile(r'"(\d{1,18})"')
_OPAQUE = r'(?:W/)?"[!#-~]*"'
_TAGS = re.compile(rf"{_OPAQUE}(?:\s*,\s*{_OPAQUE})*")


def tag_of(version: int) -> str:
    """The ``ETag`` of that version."""
    return f'"{version}"'


def version_wanted(request: Incoming) -> int | None:
    """The version that ``If-Match`` names, as answers have it in ``ETag``; None: any.

    Raises:
        Malformed: it is no version.
    """
    text = request.headers.get("if-match", "*").strip()
    if text == "*":
        return None
    found = _TAG.fullmatch(text)
    if found is None:
        raise Malformed(f"header If-Match: give one ETag as it was answered, or *, not {text}")
    return int(found[1])


def unchanged(request: Incoming, version: int) -> Response[bytes] | None:
    """304 where ``If-None-Match`` names this version; None where the whole has to be answered.

    Raises:
        Malformed: the header is no list of ETags.
    """
    text = request.headers.get("if-none-match")
    if text is None:
        return None
    tags = re.findall(r'\*|"[!#-~]*"', text)
    if tags != ["*"] and not _TAGS.fullmatch(text.strip()):
        raise Malformed(f"header If-None-Match: give ETags as they were answered, or *, not {text}")
    tag = tag_of(version)
    if tags == ["*"] or tag in tags:
        return Response(b"", status_code=304, headers={"ETag": tag})
    return None
