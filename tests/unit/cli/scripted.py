"""A real HTTP server on loopback that answers as a test says, and remembers what it heard."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
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


@dataclass(frozen=True)
class Said:
    """An answer; ``breaks`` closes the connection instead."""

    status: int = 200
    body: Any = None
    kind: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)
    breaks: bool = False


Answer = Said | Callable[[Heard], Said]


def problem(status: int, code: str, detail: str, **more: Any) -> Said:
    """A problem as the API gives it."""
    body = {"type": f"/problems/{code}", "title": code, "status": status, "detail": detail, **more}
    return Said(status, body, "application/problem+json")


class ScriptedFarm:
    """Routes by method and path; a list of answers is given one after the other, then its last."""

    def __init__(self) -> None:
        self.heard: list[Heard] = []
        self._answers: dict[tuple[str, str], list[Answer]] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def on(self, method: str, path: str, *answers: Answer) -> None:
        """Answer this from now on."""
        self._answers[method, path] = list(answers)

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
                )
                self._say(farm.answer(heard))

            do_GET = do_POST = do_PATCH = _serve  # noqa: N815

            def _say(self, said: Said) -> None:
                if said.breaks:
                    self.close_connection = True
                    self.connection.close()
                    return
                body = said.body
                raw = body if isinstance(body, bytes) else json.dumps(body).encode()
                self.send_response(said.status)
                self.send_header("content-type", said.kind)
                self.send_header("content-length", str(len(raw)))
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
        "submittedBy": "anonymous",
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
        "version": 1,
        "newerField": "kept",
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
