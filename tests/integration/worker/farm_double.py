"""The other side of the worker protocol, for what a real farm cannot be made to do on demand.

A real HTTP server with a ledger of what it heard; a test says how it answers. Everything that an
agent sends is read with the farm's own strict models, so a wrong form fails the test.
"""

import asyncio
import json
import re
import socket
import threading
import time
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import parse_qs
from uuid import UUID

import uvicorn

from rushlight.messages.base import Message
from rushlight.messages.commands import COMMAND_KINDS, Report
from rushlight.messages.outcomes import Outcome
from rushlight.messages.resources import ReportsBody, WorkerStatusBody
from rushlight.messages.work import HEARTBEAT_KINDS, Heartbeat, HeartbeatAnswer

DEADLINE_S = 30.0
LOG_PIECE_MAX = 256 * 1024
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Answer = tuple[int, Any]
T = TypeVar("T")
R = TypeVar("R", bound=Report)


@dataclass
class Ledger:
    """What was heard, in order."""

    joins: list[WorkerStatusBody] = field(default_factory=list)
    heartbeats: list[Heartbeat] = field(default_factory=list)
    reports: list[Report] = field(default_factory=list)
    leaves: list[WorkerStatusBody] = field(default_factory=list)
    drains: int = 0
    refused: int = 0
    strangers: int = 0
    """Requests without a key that counts."""
    faults: list[str] = field(default_factory=list)
    logs: dict[tuple[str, int], bytearray] = field(default_factory=dict)


class FarmDouble:
    """Start it, tell it how to answer, look at ``ledger`` by ``wait_for``."""

    def __init__(self, port: int = 0) -> None:
        """Listen on ``port`` of the loopback; 0: any free one."""
        self.ledger = Ledger()
        self.timing: dict[str, float] = {
            "heartbeat_s": 0.2,
            "self_fence_s": 30,
            "fence_kill_s": 60,
            "stop_grace_s": 5,
            "idle_exit_s": 60,
        }
        self.away = False
        """Everything is answered with 503."""
        self.deaf_to_heartbeats = False
        self.lost: set[str] = set()
        """Instances that are answered ``stale``."""
        self.join_answers: list[Answer] = []
        """Answers to the next joins, before they are taken."""
        self.report_answer: Callable[[Report], tuple[str, str]] | None = None
        """Status and code of a report's outcome; none: done."""
        self.refuse_reports: Callable[[Report], int] | None = None
        """A status for the whole request, if not 0."""
        self.keys: set[str] | None = None
        """The keys that count; None: nobody is asked for one."""
        self.tokens: dict[str, str] = {}
        """Enrolment tokens, and the key that each is changed for, once."""
        self._changed = threading.Condition()
        self._messages: list[Message] = []
        self._socket = socket.create_server(("127.0.0.1", port))
        config = uvicorn.Config(
            self._app, interface="asgi3", log_level="error", lifespan="off", access_log=False
        )
        config.timeout_graceful_shutdown = 1
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        asyncio.run(self._server.serve(sockets=[self._socket]))

    @property
    def url(self) -> str:
        port: int = self._socket.getsockname()[1]
        return f"http://127.0.0.1:{port}"

    def close(self) -> None:
        """Stop listening."""
        self.away = True
        self._stir()
        self._server.should_exit = True
        self._thread.join()
        self._socket.close()

    # --- For the test ------------------------------------------------------------------------

    def send(self, message: Message) -> None:
        """Say something to the worker."""
        self._messages.append(message)
        self._stir()

    def wait_for(self, look: Callable[[Ledger], T | None], deadline_s: float = DEADLINE_S) -> T:
        """What ``look`` finds in the ledger, once it finds something."""
        ends = time.monotonic() + deadline_s
        with self._changed:
            while True:
                found = look(self.ledger)
                if found:
                    return found
                rest_s = ends - time.monotonic()
                assert rest_s > 0, f"the farm waited in vain; it heard {self.ledger}"
                self._changed.wait(min(rest_s, 0.1))

    def wait_for_report(self, kind: type[R], attempt: int = 1, task_id: UUID | None = None) -> R:
        """The first report of that kind on that attempt number (of that task)."""
        return self.wait_for(
            lambda heard: next(
                (
                    report
                    for report in heard.reports
                    if isinstance(report, kind)
                    and report.attempt == attempt
                    and task_id in (None, report.task_id)
                ),
                None,
            )
        )

    def wait_for_join(self, count: int = 1) -> str:
        """The instance that joined as the ``count``-th."""
        joins = self.wait_for(
            lambda heard: heard.joins[:count] if len(heard.joins) >= count else []
        )
        assert joins[-1].instance is not None
        return joins[-1].instance

    def _stir(self) -> None:
        with self._changed:
            self._changed.notify_all()

    # --- For the agent -----------------------------------------------------------------------

    async def _app(self, scope: Scope, receive: Receive, send: Send) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return  # An agent that gives up before it has said all is not heard.
            body += message.get("body", b"")
            more = message.get("more_body", False)
        try:
            status, answer = await self._answer(scope, body)
        except Exception as fault:  # noqa: BLE001
            self.ledger.faults.append(f"{scope['path']}: {fault!r}")
            status, answer = 400, problem("invalid-request", repr(fault))
        self._stir()
        kind = b"application/json" if status < 300 else b"application/problem+json"
        headers = [(b"content-type", kind)]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": json.dumps(answer).encode()})

    async def _answer(self, scope: Scope, body: bytes) -> Answer:
        path, method = scope["path"], scope["method"]
        query = {k: v[0] for k, v in parse_qs(scope["query_string"].decode()).items()}
        if self.away:
            self.ledger.refused += 1
            return 503, problem("unavailable", "the farm is away")
        if at_the_door := self._door(path, scope, body):
            return at_the_door
        if found := re.fullmatch(r"/renders/([0-9a-f-]{36})/attempts/(\d+)/log", path):
            return self._log((found[1], int(found[2])), int(query["offset"]), body)
        verb = path.split("/")[3]
        if verb == "messages":
            return await self._poll(query["instance"], int(query["after"]), float(query["wait"]))
        return self._command(f"{method} {verb}", body)

    def _door(self, path: str, scope: Scope, body: bytes) -> Answer | None:
        """What is answered before a call is looked at; None: it may come in."""
        if path == "/workers/w1/key":
            return self._redeem(json.loads(body)["token"])
        if self.keys is not None and _bearer(scope) not in self.keys:
            self.ledger.strangers += 1
            return 401, problem("unauthenticated", "the key is unknown, revoked or has run out")
        return (200, {}) if path == "/whoami" else None

    def _redeem(self, token: str) -> Answer:
        key = self.tokens.pop(token, None)
        if key is None:
            return 409, problem("token-spent", "the enrolment token was used already")
        assert self.keys is not None
        self.keys.add(key)
        return 200, {"key": key}

    def _command(self, call: str, body: bytes) -> Answer:
        if call == "PUT status":
            return self._status(WorkerStatusBody.model_validate_json(body))
        if call == "POST heartbeat":
            return self._heartbeat(HEARTBEAT_KINDS.read(json.loads(body)))
        if call == "POST reports":
            return self._reports(ReportsBody.model_validate_json(body))
        assert call == "POST drain"
        self.ledger.drains += 1
        return 200, {}

    def _status(self, body: WorkerStatusBody) -> Answer:
        if body.status == "offline":
            self.ledger.leaves.append(body)
            return 200, {}
        if self.join_answers:
            return self.join_answers.pop(0)
        self.ledger.joins.append(body)
        self._messages.clear()
        return 200, {}

    def _heartbeat(self, heartbeat: Message) -> Answer:
        assert isinstance(heartbeat, Heartbeat)
        if self.deaf_to_heartbeats:
            self.ledger.refused += 1
            return 503, problem("no-answer", "no reaper answers")
        self.ledger.heartbeats.append(heartbeat)
        stale = heartbeat.instance in self.lost
        answer = HeartbeatAnswer(
            status="stale" if stale else "ok", sequence=heartbeat.sequence, **self.timing
        )
        return 200, answer.to_wire()

    async def _poll(self, instance: str, after: int, wait_s: float) -> Answer:
        ends = time.monotonic() + wait_s
        while not self.away:
            if instance in self.lost:
                return 409, problem("stale", "not there any more")
            news = list(enumerate(self._messages, 1))[after:]
            if news or time.monotonic() >= ends:
                items = [{"seq": seq, "message": one.to_wire()} for seq, one in news]
                return 200, {"items": items, "next": max(after, len(self._messages))}
            await asyncio.sleep(0.02)
        return 503, problem("unavailable", "the farm goes away")

    def _reports(self, body: ReportsBody) -> Answer:
        reports = [COMMAND_KINDS.read(one) for one in body.reports]
        outcomes = []
        for one in reports:
            assert isinstance(one, Report)
            assert one.instance == body.instance
            status = self.refuse_reports(one) if self.refuse_reports else 0
            if status:
                self.ledger.refused += 1
                return status, problem("unavailable" if status >= 500 else "invalid-request", "no")
            self.ledger.reports.append(one)
            said, code = self.report_answer(one) if self.report_answer else ("done", "done")
            outcome = {"command_id": one.command_id, "status": said, "code": code}
            outcomes.append(Outcome.model_validate(outcome).to_wire())
        return 200, {"outcomes": outcomes}

    def _log(self, key: tuple[str, int], offset: int, piece: bytes) -> Answer:
        assert len(piece) <= LOG_PIECE_MAX
        piece.decode()
        log = self.ledger.logs.setdefault(key, bytearray())
        if offset <= len(log):
            log[offset:] = piece
        return 200, {"size": len(log)}


def _bearer(scope: Scope) -> str:
    headers = dict(scope["headers"])
    return str(headers.get(b"authorization", b"").decode()).removeprefix("Bearer ")


def problem(code: str, detail: str) -> dict[str, str]:
    """Problem details, as the API gives them."""
    return {"type": f"/problems/{code}", "title": code, "detail": detail}
