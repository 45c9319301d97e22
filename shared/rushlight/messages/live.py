"""What ``GET /events`` answers beside the events themselves; docs/live.md is the page about it."""

from rushlight.messages.resources import EventPage, Resource


class LogPage(EventPage):
    """A page of the log, oldest first; it may be short, or empty, while ``next`` goes on.

    ``position`` is how far the log was read: what comes later is after it.
    """

    position: int


class ResetResource(Resource):
    """The data of the event ``reset``: the stream ends, and goes on from ``position`` if asked."""

    position: int
    reason: str
