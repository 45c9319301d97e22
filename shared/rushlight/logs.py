"""Logs: one stable event name and ids per line, on stderr; text in a terminal, JSON otherwise.

Each ``main`` calls ``set_up_logs`` once; everything else does ``log = structlog.get_logger()`` and
``log.info("task_assigned", task_id=…, attempt=…)``. What libraries log goes the same way. Nothing
here reads settings or keeps files.
"""

import logging
import os
import sys
from typing import Any, TextIO

import structlog
from structlog.typing import EventDict

# These repeat at INFO what our own events say better, once per request.
QUIET_LIBRARIES = ("httpcore", "httpx", "uvicorn.access")


def set_up_logs(
    service: str, *, level: str = "INFO", stream: TextIO | None = None, **ids: Any
) -> None:
    """Send this process's logs, our own and those of libraries, to ``stream`` (stderr).

    Every line carries ``service`` and ``ids`` (say ``worker_id="w1"``). Calling it again replaces
    what was set up before.
    """
    stream = sys.stderr if stream is None else stream

    # Context variables would not reach threads.
    def add_ids(_: Any, __: str, line: EventDict) -> EventDict:
        return {**line, "service": service, **ids, **line}

    for_people = stream.isatty()
    time_format = "%H:%M:%S" if for_people else "iso"
    first: list[Any] = [
        add_ids,
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt=time_format, utc=not for_people),
        structlog.processors.StackInfoRenderer(),
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *first,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    _lead_to(stream, level, _formatter(first, for_people=for_people))


def _formatter(first: list[Any], *, for_people: bool) -> structlog.stdlib.ProcessorFormatter:
    last: list[Any] = [structlog.stdlib.ProcessorFormatter.remove_processors_meta]
    if for_people:
        last.append(
            structlog.dev.ConsoleRenderer(
                colors="NO_COLOR" not in os.environ,
                pad_event_to=24,
                pad_level=False,
                exception_formatter=structlog.dev.plain_traceback,
            )
        )
    else:
        traces = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
        last += [
            structlog.processors.ExceptionRenderer(traces),
            structlog.processors.JSONRenderer(default=str),
        ]
    return structlog.stdlib.ProcessorFormatter(foreign_pre_chain=first, processors=last)


def _lead_to(stream: TextIO, level: str, formatter: logging.Formatter) -> None:
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in ("uvicorn", "uvicorn.error"):
        # A server that ran here before may have set one of its own.
        logging.getLogger(name).setLevel(logging.NOTSET)
    for name in QUIET_LIBRARIES:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = True
