"""What an API counts: requests by route, answers, problems, what is held open.

Labels are bounded: a route is a template of ours (``/renders/{task_id}``), never a path.
"""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

PREFIX = "rushlight_http"
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class _Answers:
    """The counters of one method, route and status, found once."""

    __slots__ = ("count", "seconds")

    def __init__(self, seconds: Histogram, count: Counter) -> None:
        self.seconds = seconds
        self.count = count


class ApiMetrics:
    """Made once per API."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Register all of it."""
        self._seconds = Histogram(
            f"{PREFIX}_request_seconds",
            "Seconds from a request's first line to the end of its answer; held requests wait.",
            ["method", "route"],
            buckets=SECONDS,
            registry=registry,
        )
        self._responses = Counter(
            f"{PREFIX}_responses", "Answers.", ["method", "route", "status"], registry=registry
        )
        self._problems = Counter(
            f"{PREFIX}_problems",
            "Answers that were problems, by code.",
            ["code", "route", "status"],
            registry=registry,
        )
        self.open = Gauge(
            f"{PREFIX}_requests_open", "Requests that are being answered.", registry=registry
        )
        self._known: dict[tuple[str, str, int], _Answers] = {}

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """A request is over; status 0: its client left first."""
        found = self._known.get((method, route, status))
        if found is None:
            found = self._known[method, route, status] = _Answers(
                self._seconds.labels(method, route), self._responses.labels(method, route, status)
            )
        found.seconds.observe(seconds)
        found.count.inc()

    def problem(self, code: str, route: str, status: int) -> None:
        """The answer was a problem."""
        self._problems.labels(code, route, status).inc()
