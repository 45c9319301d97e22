"""A real HTTP server on loopback that answers as a test says, and remembers what it heard."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Queue
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit


@dataclass(frozen=True)
class Heard:
    """A request."""

    method: str
    path: str
    query: dict[str, str]
    key: str | None
    body: Any
    last_event_id: str | None = None
    authorization: str | None = None


class Frames:
    """The frames of one stream of events, sent as the test gives them."""

    def __init__(self, *frames: bytes) -> None:
        self._frames: Queue[bytes | None] = Queue()
        for frame in frames:
            self._frames.put(frame)

    def send(self, *frames: bytes) -> None:
        """Send these too."""
        for frame in frames:
            self._frames.put(frame)

    def end(self) -> None:
        """End the connection after what was given so far."""
        self._frames.put(None)

    def all(self) -> Iterator[bytes]:
        """What to send, until the end."""
        return iter(self._frames.get, None)


def reached(position: int) -> bytes:
    """A frame that only says where the stream stands."""
    return b"id: %d\n\n" % position


def happened(position: int, task_id: str | None = None, **fields: Any) -> bytes:
    """A frame with an event."""
    text = json.dumps(event(position, task_id, **fields))
    return b"id: %d\nevent: task.assigned\ndata: %s\n\n" % (position, text.encode())


@dataclass(frozen=True)
class Said:
    """An answer; ``breaks`` closes the connection instead."""

    status: int = 200
    body: Any = None
    kind: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)
    breaks: bool = False
    # What the head of the answer says it has; the connection ends before.
    pretended: int | None = None
    frames: Frames | None = None


Answer = Said | Callable[[Heard], Said]


def problem(status: int, code: str, detail: str, **more: Any) -> Said:
    """A problem as the API gives it."""
    body = {"type": f"/problems/{code}", "title": code, "status": status, "detail": detail, **more}
    return Said(status, body, "application/problem+json")


def send_stream(handler: BaseHTTPRequestHandler, frames: Frames) -> None:
    """Answer with frames until their end, or until whoever has read enough hangs up."""
    handler.close_connection = True
    handler.send_response(200)
    handler.send_header("content-type", "text/event-stream; charset=utf-8")
    handler.send_header("connection", "close")
    handler.end_headers()
    with suppress(ConnectionError):
        for frame in frames.all():
            handler.wfile.write(frame)
            handler.wfile.flush()


class ScriptedFarm:
    """Routes by method and path; a list of answers is given one after the other, then its last."""

    def __init__(self) -> None:
        self.heard: list[Heard] = []
        self._answers: dict[tuple[str, str], list[Answer]] = {}
        self._streams: list[Frames] = []
        self._position = 0
        self._missed: str | None = None
        self.on("GET", "/events", self._stream)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def on(self, method: str, path: str, *answers: Answer) -> None:
        """Answer this from now on."""
        self._answers[method, path] = list(answers)

    def on_changing(self, path: str, *answers: Answer) -> None:
        """Answer these one after the other; after each but the last, an event says: look again."""
        task_id = path.rpartition("/")[2]

        def answer(given: Answer, *, last: bool) -> Callable[[Heard], Said]:
            def answer_and_tell(heard: Heard) -> Said:
                if not last:
                    self.tell(task_id)
                return given if isinstance(given, Said) else given(heard)

            return answer_and_tell

        last = len(answers) - 1
        self.on("GET", path, *(answer(one, last=i == last) for i, one in enumerate(answers)))

    def tell(self, *task_ids: str) -> None:
        """Something has happened to these tasks."""
        for task_id in task_ids:
            self._position += 1
            for stream in self._streams:
                stream.send(happened(self._position, task_id))

    def break_streams(self) -> None:
        """End all that are open; whoever connects again gets what ``/events`` answers by then."""
        for stream in self._streams:
            stream.end()

    def serve_streams(self, *, after: str) -> None:
        """Take streams again; something has happened to the task ``after`` in between."""
        self._missed = after
        self.on("GET", "/events", self._stream)

    def _stream(self, heard: Heard) -> Said:
        self._streams.append(Frames(reached(self._position)))
        if self._missed is not None:
            self.tell(self._missed)
        return Said(frames=self._streams[-1])

    def told(self, method: str, path: str) -> list[Heard]:
        """What was asked there."""
        return [one for one in self.heard if (one.method, one.path) == (method, path)]

    def answer(self, heard: Heard) -> Said:
        self.heard.append(heard)
        answers = self._answers.get((heard.method, heard.path))
        if answers is None:
            return problem(404, "not-found", f"There is no {heard.path}")
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        return answer if isinstance(answer, Said) else answer(heard)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        farm = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            # Head and body in one packet; otherwise each answer waits 40 ms for an acknowledgement.
            wbufsize = -1

            def _serve(self) -> None:
                url = urlsplit(self.path)
                length = int(self.headers.get("content-length") or 0)
                raw = self.rfile.read(length)
                heard = Heard(
                    self.command,
                    unquote(url.path),
                    {name: values[0] for name, values in parse_qs(url.query).items()},
                    self.headers.get("idempotency-key"),
                    json.loads(raw) if raw else None,
                    self.headers.get("last-event-id"),
                    self.headers.get("authorization"),
                )
                self._say(farm.answer(heard))

            do_GET = do_POST = do_PATCH = do_DELETE = _serve  # noqa: N815

            def _say(self, said: Said) -> None:
                if said.breaks:
                    self.close_connection = True
                    self.connection.close()
                    return
                if said.frames is not None:
                    send_stream(self, said.frames)
                    return
                body = said.body
                raw = body if isinstance(body, bytes) else json.dumps(body).encode()
                self.send_response(said.status)
                self.send_header("content-type", said.kind)
                self.send_header("content-length", str(said.pretended or len(raw)))
                self.close_connection = said.pretended is not None
                for name, value in said.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(raw)

            def log_message(self, format: str, *args: Any) -> None:
                return None

        return Handler

    def __enter__(self) -> "ScriptedFarm":
        threading.Thread(target=self._server.serve_forever, args=(0.005,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        for stream in self._streams:
            stream.end()
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def scripted_farm() -> Iterator[ScriptedFarm]:
    with ScriptedFarm() as farm:
        yield farm


def task(number: int = 1, **fields: Any) -> dict[str, Any]:
    """A task as the API gives it."""
    return {
        "taskId": f"019a0000-0000-7000-8000-{number:012x}",
        "name": None,
        "jobId": None,
        "status": "pending",
        "priority": "MEDIUM",
        "estimatedRenderTime": None,
        "overrun": False,
        "attempt": 0,
        "workerId": None,
        "retries": 0,
        "maxRetries": 1,
        "losses": 0,
        "preemptions": 0,
        "errorMessage": None,
        "retryAt": None,
        "creationTime": "2026-01-02T03:04:05Z",
        "startTime": None,
        "completionTime": None,
        "renderer": None,
        "scene": None,
        "output": "out:x/x.####.png",
        "frames": None,
        "framesRendered": None,
        "framesTotal": 1,
        "framesDone": 0,
        "progress": None,
        "outputPath": None,
        "outputSize": None,
        "finalRenderTime": None,
        "settings": {},
        "args": [],
        "requires": {},
        "stop": None,
        "submittedBy": "anonymous",
        "version": 1,
        "newerField": "kept",
        **fields,
    }


def event(position: int, task_id: str | None = None, **fields: Any) -> dict[str, Any]:
    """An event as the API gives it."""
    return {
        "position": position,
        "topic": "rushlight.task.assigned",
        "time": "2026-01-02T03:04:05Z",
        "version": position,
        "taskId": task_id,
        "workerId": None,
        "principal": "anonymous",
        "commandId": None,
        "command": "SubmitTasks",
        "payload": {},
        **fields,
    }


def page(*items: dict[str, Any], next: str | None = None) -> Said:
    """A page of a list."""
    return Said(body={"items": list(items), "next": next})


WORKER = {
    "workerId": "w1",
    "status": "ready",
    "mode": "push",
    "lastHeartbeat": "2026-01-02T03:04:05Z",
    "currentTaskId": None,
    "currentAttempt": None,
    "instance": "i",
    "renderers": {"mitsuba": "3.9.1"},
    "defaultScene": False,
    "memoryMib": 8000,
    "tags": ["gpu"],
    "provisioned": False,
    "requestedFor": None,
    "reason": None,
    "version": 3,
}


def rows(text: str) -> list[list[str]]:
    """What a command printed into a pipe."""
    return [line.split("\t") for line in text.splitlines()]
