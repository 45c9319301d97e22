"""How the command line says things: ids, times, sizes, states."""

import json
from datetime import datetime
from typing import Any

from rushlight.clock import SystemClock

Json = dict[str, Any]
SHORT_ID = 8
_KIB = 1024
_MINUTE_S, _HOUR_S = 60, 3600

STYLES = {
    "pending": "",
    "rendering": "cyan",
    "completed": "green",
    "failed": "red",
    "cancelled": "yellow",
    "paused": "magenta",
    "requested": "magenta",
    "ready": "green",
    "busy": "cyan",
    "draining": "yellow",
    "offline": "dim",
}


def short(task_id: str | None) -> str | None:
    """The end of an id; the beginnings of ids made on the same day are alike."""
    return None if task_id is None else task_id[-SHORT_ID:]


def title(task: Json) -> str:
    """What people call the task: what to type, and its name."""
    return " ".join(filter(None, (short(task["taskId"]), task["name"])))


def local_time(text: str | None) -> str | None:
    """A time of the wire, in the time zone of this machine."""
    if text is None:
        return None
    return f"{datetime.fromisoformat(text).astimezone():%Y-%m-%d %H:%M:%S}"


def listed_time(text: str | None) -> str | None:
    """The same for tables, which are narrow: today without the day, else to the minute."""
    if text is None:
        return None
    moment = datetime.fromisoformat(text).astimezone()
    today = SystemClock().now().astimezone().date()
    return f"{moment:%H:%M:%S}" if moment.date() == today else f"{moment:%Y-%m-%d %H:%M}"


def clock_time(text: str) -> str:
    """The same without the day."""
    return f"{datetime.fromisoformat(text).astimezone():%H:%M:%S}"


def duration(seconds: float | None) -> str | None:
    """Seconds as people say them."""
    if seconds is None:
        return None
    if seconds < _MINUTE_S:
        return f"{seconds:.1f} s"
    if seconds < _HOUR_S:
        return f"{int(seconds // 60)} min {int(seconds % 60):02d} s"
    return f"{int(seconds // 3600)} h {int(seconds % 3600 // 60):02d} min"


def between(start: str | None, end: str | None) -> float | None:
    """Seconds from one time of the wire to another."""
    if start is None or end is None:
        return None
    return (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds()


def size(count: int | None) -> str | None:
    """Bytes as people say them."""
    if count is None:
        return None
    amount = float(count)
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if amount < _KIB:
            return f"{amount:.0f} {unit}" if unit == "bytes" else f"{amount:.1f} {unit}"
        amount /= _KIB
    return f"{amount:.1f} TiB"


def plural(count: int, noun: str) -> str:
    """``1 task``, ``2 tasks``."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def done_share(task: Json) -> float:
    """How much of the task is done, 0 to 1."""
    if task["status"] == "completed":
        return 1.0
    kept = task["framesDone"] / task["framesTotal"] if task["framesTotal"] else 0.0
    progress = task.get("progress") if task["status"] == "rendering" else None
    return min(1.0, max(kept, progress or 0.0))


def state(task: Json) -> str:
    """The status, with what makes it special."""
    status = str(task["status"])
    if task["stop"] is not None and status == "rendering":
        return f"stopping ({task['stop']['reason']})"
    if status == "failed" and task["retryAt"] is not None:
        return "failed, will be retried"
    if status == "rendering":
        return f"rendering {done_share(task):.0%}" + (", overrun" if task["overrun"] else "")
    return status


def state_style(task: Json) -> str:
    """The colour of a task's or worker's state."""
    return STYLES.get(task["status"], "")


def frames_done(task: Json) -> str:
    """``12/48``."""
    return f"{task['framesDone']}/{task['framesTotal']}"


def first_line(text: str | None) -> str:
    """The first line of an error message: the reason. What follows is the end of a log."""
    return (text or "").strip().split("\n", 1)[0]


def as_json(value: Any) -> str:
    """The value on one line."""
    return json.dumps(value, ensure_ascii=False)


def topic(event: Json) -> str:
    """The kind of an event, as people read it."""
    return str(event["topic"]).removeprefix("rushlight.")


def payload(event: Json) -> str:
    """What an event says, without what it does not say."""
    said = event["payload"].items()
    return ", ".join(
        f"{name}={value if isinstance(value, str) else as_json(value)}"
        for name, value in said
        if value not in (None, [], {})
    )
