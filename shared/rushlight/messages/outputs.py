"""Rendered files over HTTP: what there is of a task, and what its files are called."""

from rushlight.messages.resources import Resource


class OutputResource(Resource):
    """A finished frame, as its worker reported it; ``sha256`` is null where it did not say."""

    frame: int | None
    path: str
    bytes: int | None
    sha256: str | None
    render_time: float | None


class OutputPage(Resource):
    """A page of the outputs of a task, by frame; a still has one, without a frame."""

    items: list[OutputResource]
    next: str | None
