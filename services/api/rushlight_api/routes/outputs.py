"""Rendered files: which there are of a task, and the files themselves where the API sees them."""

from collections.abc import AsyncIterator
from urllib.parse import quote

from litestar import Response, get
from litestar.params import FromPath
from litestar.response import Stream

from rushlight.errors import NotFound
from rushlight.messages.outputs import OutputPage
from rushlight.shapes import output_resource
from rushlight_api.access import READERS
from rushlight_api.cursors import cursor_of, place_of
from rushlight_api.farm import Farm, farm_of
from rushlight_api.listing import PageQuery
from rushlight_api.operations import Media, operation
from rushlight_api.output_files import ROOT, OpenOutput, OutputFiles
from rushlight_api.ports import Row
from rushlight_api.reading import Incoming, read_query, task_id_of
from rushlight_api.showing import answer

TAG = "renders"
STILL = "still"
# Whatever it is, a browser shall keep it and not run it.
BYTES = "application/octet-stream"


@get(
    "/renders/{task_id:str}/outputs",
    **operation(
        "readRenderOutputs",
        TAG,
        {200: OutputPage},
        allowed=READERS,
        query=PageQuery,
        problems=(400, 404, 503),
    ),
)
async def read_outputs(request: Incoming, task_id: FromPath[str]) -> Response[bytes]:
    """Read which frames of a task are finished, and where their files are."""
    query = read_query(request, PageQuery)
    row = await farm_of(request).task(task_id_of(task_id))
    start = place_of(query.cursor, query, int) or 0
    end = start + query.limit
    found = row["rendered"]
    return answer(
        OutputPage(
            items=[output_resource(one) for one in found[start:end]],
            next=cursor_of(end, query) if end < len(found) else None,
        )
    )


@get(
    "/renders/{task_id:str}/outputs/{frame:str}",
    **operation(
        "readRenderOutput",
        TAG,
        {200: Media(BYTES)},
        allowed=READERS,
        problems=(404, 503),
        headers={
            "ETag": "SHA-256 of the file, where its worker has reported it",
            "Content-Disposition": "the name of the file",
            "X-Content-Type-Options": "`nosniff`",
        },
    ),
)
async def read_output(request: Incoming, task_id: FromPath[str], frame: FromPath[str]) -> Stream:
    """Read the file of a finished frame; of a still, the frame is `still`.

    404 `not-here` where the file is in a root that the farm's API does not see.
    """
    farm = farm_of(request)
    output = _output(await farm.task(task_id_of(task_id)), frame)
    found = await farm.read(OutputFiles(farm.settings.data / ROOT).open, output)
    sha256 = output.get("sha256")
    tag = {"ETag": f'"{sha256}"'} if sha256 else {}
    return Stream(
        _pieces(farm, found),
        media_type=BYTES,
        headers={
            **tag,
            "Content-Length": str(found.size),
            "Content-Disposition": f"attachment; filename*=UTF-8''{quote(found.name, safe='')}",
            "X-Content-Type-Options": "nosniff",
        },
    )


def _output(row: Row, frame: str) -> Row:
    for output in row["rendered"]:
        if frame == (STILL if output["frame"] is None else str(output["frame"])):
            found: Row = output
            return found
    raise NotFound(
        f"Output not found: the task has no finished frame {frame!r};"
        f" GET /renders/{row['task_id']}/outputs lists those that there are"
    )


async def _pieces(farm: Farm, found: OpenOutput) -> AsyncIterator[bytes]:
    pieces = found.pieces()
    try:
        while (piece := await farm.read(next, pieces, None)) is not None:
            yield piece
    finally:
        found.file.close()


HANDLERS = [read_outputs, read_output]
