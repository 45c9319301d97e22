"""Logs: JSON for programs, text for people, libraries the same way."""

import io
import json
import logging
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from rushlight.logs import set_up_logs


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _put_back() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_for_programs_has_event_ids_level_and_time() -> None:
    stream = io.StringIO()
    set_up_logs("worker", stream=stream, worker_id="w1")

    structlog.get_logger().info("attempt_started", attempt=2)

    [line] = lines(stream)
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "attempt_started",
        "level": "info",
        "service": "worker",
        "worker_id": "w1",
        "attempt": 2,
    }


def test_libraries_and_threads_log_the_same_way() -> None:
    stream = io.StringIO()
    set_up_logs("api", stream=stream)

    logging.getLogger("uvicorn.error").warning("listening on %s", "a port")
    thread = threading.Thread(target=structlog.get_logger().info, args=("in_a_thread",))
    thread.start()
    thread.join()

    assert [(one["event"], one["service"]) for one in lines(stream)] == [
        ("listening on a port", "api"),
        ("in_a_thread", "api"),
    ]


def test_what_repeats_every_request_is_left_out() -> None:
    stream = io.StringIO()
    set_up_logs("api", stream=stream)

    logging.getLogger("httpx").info("GET /renders 200")
    logging.getLogger("uvicorn.access").info("GET /renders 200")
    structlog.get_logger().debug("too_small_to_tell")

    assert stream.getvalue() == ""


def test_an_exception_is_part_of_its_line_and_shows_no_values() -> None:
    stream = io.StringIO()
    set_up_logs("api", stream=stream)
    secret = "hunter" + "2"

    try:
        int("no number")
    except ValueError:
        structlog.get_logger().exception("failed", length=len(secret))

    [line] = lines(stream)
    assert line["exception"][0]["exc_type"] == "ValueError"
    assert secret not in stream.getvalue()


def test_people_get_text() -> None:
    stream = Terminal()
    set_up_logs("farm", stream=stream)

    structlog.get_logger().info("farm_up", url="http://here")

    assert "farm_up" in stream.getvalue()
    assert not stream.getvalue().startswith("{")


def test_colours_go_away_when_asked_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    stream = Terminal()
    set_up_logs("farm", stream=stream)

    structlog.get_logger().info("farm_up", url="http://here")

    assert "\x1b" not in stream.getvalue()


def test_setting_up_again_replaces_what_was_there() -> None:
    first, second = io.StringIO(), io.StringIO()
    set_up_logs("farm", stream=first)
    set_up_logs("farm", stream=second)

    structlog.get_logger().info("once")

    assert first.getvalue() == ""
    assert len(lines(second)) == 1
