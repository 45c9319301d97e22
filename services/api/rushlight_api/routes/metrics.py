"""``/metrics``: the farm and this process in numbers, for Prometheus."""

import asyncio

from litestar import Response, get

from rushlight.metrics.registry import exposition
from rushlight_api.access import AUDITORS
from rushlight_api.farm import farm_of
from rushlight_api.operations import Media, operation
from rushlight_api.reading import Incoming

TEXT = Media("text/plain")
OPEN_METRICS = Media("application/openmetrics-text")


@get(
    "/metrics",
    **operation("readMetrics", "farm", {200: (TEXT, OPEN_METRICS)}, allowed=AUDITORS),
)
async def read_metrics(request: Incoming) -> Response[bytes]:
    """Read the farm in numbers, as Prometheus takes them; OpenMetrics by `Accept`."""
    farm = farm_of(request)
    # One after the other: nobody shall read the farm many times at once.
    async with farm.scrapes:
        accept = request.headers.get("accept", "")
        text, media_type = await asyncio.to_thread(exposition, farm.registry, accept)
    # Not as the media type: that would get a second charset.
    return Response(text, headers={"content-type": media_type, "vary": "Accept"})


HANDLERS = [read_metrics]
