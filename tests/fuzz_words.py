"""What the fuzz says: requests as bytes, from nearly right to nothing of the kind, by a seed."""

import json
import random
import re
from collections.abc import Iterator
from typing import Any

from tests.documented import the_document

HOST = b"Host: 127.0.0.1\r\n"
WORKERS = ("alpha", "beta", "agent")
# A command on a job reads all of its tasks: a job that grew for ever would look like a leak.
REQUESTS_PER_JOB = 300
METHODS = tuple(b"GET POST PUT PATCH DELETE HEAD OPTIONS TRACE CONNECT Q get".split())
ANY = "01a20a0e-fb00-7526-95ad-17a988ad1407"
HEADERS = (
    b"If-Match",
    b"If-None-Match",
    b"Idempotency-Key",
    b"Prefer",
    b"Last-Event-ID",
    b"Accept",
    b"Authorization",
    b"Content-Type",
    b"Content-Length",
    b"Transfer-Encoding",
    b"Expect",
    b"Host",
    b"Origin",
    b"Connection",
    b"Upgrade",
    b"X-Request-Id",
    b"Range",
    b"Cookie",
)
LARGE_MIB = 2
SIGNS = ("x", "0", "-1", "%00", "%ff", "..%2f", "%F0%9F%94%A5", "9" * 25, "a" * 300, "1e309")
WEIRD = ("", "x", "1-9", "\0", "\ud800", "é" * 500)
PLAIN: tuple[Any, ...] = (None, True, 0, -1, 2**63, 1e308, 0.5, *WEIRD, [], {})


class Words:
    """Requests by chance; ``task_ids`` are those that the farm has said."""

    def __init__(self, seed: int) -> None:
        """The same seed says the same, as long as the farm answers the same."""
        self.random = random.Random(seed)
        self._seed = seed
        self._requests = 0
        self.task_ids: list[str] = []
        self._operations = [
            (method.upper(), path, operation)
            for path, item in sorted(the_document()["paths"].items())
            for method, operation in item.items()
            # The first key would shut the fuzz out.
            if not path.startswith("/keys")
        ]

    def pieces(self) -> list[bytes]:
        """One attempt at a conversation: what to send, piece by piece."""
        way = self.random.choices(
            (
                self._whole,
                self._mutated,
                self._noise,
                self._odd_headers,
                self._odd_lengths,
                self._odd_chunks,
                self._pipelined,
                self._stream,
                self._large,
            ),
            weights=(30, 20, 8, 12, 8, 8, 8, 2, 1),
        )[0]
        return way()

    def _whole(self) -> list[bytes]:
        return [self._request()]

    def _pipelined(self) -> list[bytes]:
        held = [self._request(close=False) for _ in range(self.random.randint(1, 12))]
        return [b"".join([*held, self._request()])]

    def _stream(self) -> list[bytes]:
        accept = b"Accept: text/event-stream\r\n" + self._header()
        target = self.random.choice((b"/events", b"/events?topic=task.*", b"/events?after=1"))
        return [self._joined(b"GET", target, b"", accept)]

    def _mutated(self) -> list[bytes]:
        said = bytearray(self._request())
        for _ in range(self.random.randint(1, 6)):
            at = self.random.randrange(len(said))
            match self.random.randrange(4):
                case 0:
                    said[at] = self.random.randrange(256)
                case 1:
                    said[at:at] = self.random.randbytes(self.random.randint(1, 20))
                case 2:
                    del said[at : at + self.random.randint(1, 20)]
                case _:
                    said[at:at] = said[at : at + self.random.randint(1, 40)]
            said = said or bytearray(b"\n")
        return self._cut(bytes(said))

    def _noise(self) -> list[bytes]:
        return self._cut(self.random.randbytes(self.random.randint(1, 4096)))

    def _odd_headers(self) -> list[bytes]:
        few, many = self.random.randint(1, 6), self.random.choice((200, 2000))
        count = self.random.choices((few, many), weights=(20, 1))[0]
        lines = b"".join(self._header() for _ in range(count))
        return [self._request(lines)]

    def _odd_lengths(self) -> list[bytes]:
        method, target, body = self._parts()
        wrong = (b"-1", b"x", b"1e9", b"999999999999999999999", b"0", b"+2", b"", b"2, 2", b"0x10")
        near = str(max(0, len(body) + self.random.randint(-3, 30))).encode()
        length = self.random.choice((*wrong, near, near, near))
        return self._cut(self._joined(method, target, body, b"Content-Length: " + length + b"\r\n"))

    def _odd_chunks(self) -> list[bytes]:
        method, target, body = self._parts()
        sizes = (b"%x" % len(body), b"%X;a=b" % len(body), b"ffffffffffffffffff", b"-2", b"", b"g")
        chunk = self.random.choice(sizes) + b"\r\n" + body + b"\r\n"
        ends = (b"0\r\n\r\n", b"0\r\nA: b\r\n\r\n", b"0\r\n", b"", b"\xff" * 40)
        head = self._joined(method, target, b"", b"Transfer-Encoding: chunked\r\n")
        return self._cut(head + chunk + self.random.choice(ends))

    def _large(self) -> list[bytes]:
        size = LARGE_MIB * 1_048_576
        if self.random.random() < 0.5:
            return [b"GET /renders HTTP/1.1\r\n" + HOST + b"A: " + b"x" * size + b"\r\n\r\n"]
        method, target, _ = self._parts()
        return [self._joined(method, target, b"[" * size, b"Content-Length: %d\r\n" % size)]

    def _cut(self, said: bytes) -> list[bytes]:
        """In several pieces; the last ones may never come."""
        if self.random.random() < 0.4:
            return [said]
        places = sorted(self.random.randrange(len(said) + 1) for _ in range(3))
        pieces = [said[a:b] for a, b in zip([0, *places], [*places, len(said)], strict=True)]
        return pieces[: self.random.randint(1, 4)]

    def _request(self, lines: bytes = b"", *, close: bool = True) -> bytes:
        method, target, body = self._parts()
        if close and self.random.random() < 0.95:
            lines += b"Connection: close\r\n"
        if body:
            lines += b"Content-Length: %d\r\n" % len(body)
        return self._joined(method, target, body, lines)

    def _joined(self, method: bytes, target: bytes, body: bytes, lines: bytes) -> bytes:
        kinds = (b"application/json",) * 8 + (b"text/plain", b"application/xml", b"\xff/*")
        kind = b"Content-Type: " + self.random.choice(kinds) + b"\r\n"
        first = method + b" " + target + b" HTTP/1.1\r\n"
        return first + HOST + kind + lines + b"\r\n" + body

    def _header(self) -> bytes:
        name = self.random.choice((*HEADERS, self.random.randbytes(8)))
        values = (
            b'"7"',
            b"*",
            b"wait=1, respond-async",
            b"text/event-stream",
            b"0",
            b"Bearer rlk_" + b"a" * 60,
            b"100-continue",
            b"keep-alive, Upgrade",
            b"websocket",
            b"127.0.0.1:1",
            b"[::1",
            b"x" * self.random.choice((10, 1000, 9000)),
            self.random.randbytes(20),
        )
        return name + b": " + self.random.choice(values) + b"\r\n"

    def _parts(self) -> tuple[bytes, bytes, bytes]:
        """Method, target and body of a request to somewhere."""
        self._requests += 1
        method, path, operation = self.random.choice(self._operations)
        target = re.sub(r"\{(\w+)\}", lambda found: self._value_of(found[1]), path)
        names = [one["name"] for one in operation.get("parameters", ()) if one["in"] == "query"]
        if names and self.random.random() < 0.4:
            asked = self.random.sample(names, self.random.randint(1, len(names)))
            target += "?" + "&".join(f"{name}={self._text()}" for name in asked)
        if self.random.random() < 0.1:
            method = self.random.choice(METHODS).decode()
        body = b"".join(self._bodies(operation)) if "requestBody" in operation else b""
        return method.encode(), target.encode(), body

    @property
    def _job(self) -> str:
        return f"fuzz-{self._seed}-{self._requests // REQUESTS_PER_JOB}"

    def _value_of(self, name: str) -> str:
        known = {
            "task_id": self.random.choice((*self.task_ids[-20:], ANY)),
            "worker_id": self.random.choice(WORKERS),
            "job_id": self._job,
            "attempt": str(self.random.randint(0, 3)),
            "code": "not-found",
        }
        right = name in known and self.random.random() < 0.9
        return known[name] if right else self._text()

    def _text(self) -> str:
        return "".join(self.random.choices(SIGNS, k=self.random.randint(1, 3)))

    def _bodies(self, operation: Any) -> Iterator[bytes]:
        """An example of the document as it is, bent, or something else."""
        media = next(iter(operation["requestBody"]["content"].values()))
        examples = [one["value"] for one in media.get("examples", {}).values()] or [{}]
        value = json.loads(json.dumps(self.random.choice(examples)))
        chance = self.random.random()
        if chance < 0.5 and isinstance(value, dict):
            if operation["operationId"] in ("submitRender", "submitBatch"):
                value["jobId"] = self._job
            for name in list(value):
                if self.random.random() < 0.2:
                    value[name] = self._json(3)
        elif chance < 0.8:
            value = self._json(4)
        yield json.dumps(value).encode() if chance < 0.95 else self.random.randbytes(50)

    def _json(self, depth: int) -> Any:
        if depth == 0 or self.random.random() < 0.6:
            return self.random.choice(PLAIN)
        if self.random.random() < 0.5:
            return [self._json(depth - 1) for _ in range(self.random.randint(0, 4))]
        names = ("priority", "name", "frames", "settings", "status", "workerId", "tasks", "\x7f")
        return {self.random.choice(names): self._json(depth - 1) for _ in range(3)}
