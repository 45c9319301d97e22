"""Fuzzes a farm process over sockets: ``python -m tests.fuzz --seconds 300 --seed 1``.

The farm must answer no 500, write no traceback, and keep to the memory that it has after its
warm-up. Whether it still works afterwards is the matter of ``tests/integration/farm/test_fuzz.py``.
"""

import argparse
import contextlib
import logging
import re
import socket
import struct
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import psutil
from tests.fuzz_words import Words
from tests.integration.farm.process import FarmProcess

THREADS = 8
ANSWER_S = 1.0
DRIP_S = 0.01
MIB = 1_048_576
# Short, so that what drips is cut off within the run.
SETTINGS: dict[str, Any] = {
    "head_timeout_s": 0.2,
    "body_timeout_s": 0.2,
    "request_wait_max_s": 0.05,
}
_STATUS = re.compile(rb"(?:^|(?<=[}\n]))HTTP/1\.1 (\d{3}) ")
_TASK = re.compile(rb'"taskId":"([0-9a-f-]{36})"')
_PROBLEM = b"content-type: application/problem+json"
BROKEN = ("Traceback", "request_failed", "parked", "Exception")


@dataclass
class Found:
    """What came of it."""

    seed: int
    conversations: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    bad: list[str] = field(default_factory=list)
    rss_mib: list[tuple[float, float]] = field(default_factory=list)

    def __str__(self) -> str:
        shown = ", ".join(f"{status}: {count}" for status, count in sorted(self.statuses.items()))
        memory = ", ".join(f"{at:.0f} s {mib:.0f}" for at, mib in self.rss_mib)
        return (
            f"seed {self.seed}: {self.conversations} conversations, {self.statuses.total()} answers"
            f" ({shown}); memory in MiB after {memory}; bad: {self.bad or 'nothing'}"
        )

    def grown_mib(self, after_s: float) -> float:
        """How much the memory has grown since ``after_s``."""
        settled = [mib for at, mib in self.rss_mib if at >= after_s]
        return settled[-1] - settled[0]


class Fuzz:
    """Several threads that talk to one farm."""

    def __init__(self, farm: FarmProcess, seed: int) -> None:
        assert farm.process is not None
        self.found = Found(seed)
        self._farm = farm
        self._address = ("127.0.0.1", urlsplit(farm.url).port or 0)
        self._process = psutil.Process(farm.process.pid)
        self._lock = threading.Lock()
        self._until = 0.0
        self._start = 0.0

    def run(self, seconds: float) -> Found:
        """Talk for so long."""
        self._start = time.monotonic()
        self._until = self._start + seconds
        words = [Words(self.found.seed * 1000 + number) for number in range(THREADS)]
        threads = [threading.Thread(target=self._talk, args=(one,)) for one in words]
        for thread in threads:
            thread.start()
        for thread in threads:
            while thread.is_alive():
                self._tidy()
                self._measure()
                thread.join(min(10.0, max(0.5, seconds / 30)))
        self._tidy()
        self._measure()
        return self.found

    def _talk(self, words: Words) -> None:
        while time.monotonic() < self._until:
            pieces = words.pieces()
            try:
                answer = self._said(words, pieces)
            except OSError:
                answer = b""
            self._judge(words, pieces, answer)

    def _said(self, words: Words, pieces: list[bytes]) -> bytes:
        with socket.create_connection(self._address, timeout=ANSWER_S) as talk:
            if words.random.random() < 0.1:
                # Closing resets then.
                talk.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            for number, piece in enumerate(pieces):
                if number:
                    time.sleep(DRIP_S)
                talk.sendall(piece)
            if words.random.random() < 0.15:
                return b""
            if words.random.random() < 0.1:
                talk.shutdown(socket.SHUT_WR)
            return _received(talk)

    def _judge(self, words: Words, pieces: list[bytes], answer: bytes) -> None:
        statuses = [int(one) for one in _STATUS.findall(answer)]
        words.task_ids += [one.decode() for one in _TASK.findall(answer)][:5]
        del words.task_ids[:-50]
        with self._lock:
            self.found.conversations += 1
            self.found.statuses.update(statuses)
            if 500 in statuses:
                self.found.bad.append(f"500 for {b''.join(pieces)[:2000]!r}")
            if statuses and statuses[0] >= 400 and _PROBLEM not in answer.lower():
                head = b"" if pieces[0][:5] == b"HEAD " else answer[:500]
                if head:
                    self.found.bad.append(f"no problem: {head!r} for {pieces[0][:500]!r}")

    def _tidy(self) -> None:
        """End what the fuzz has submitted: waiting tasks are no leak."""
        with httpx.Client(base_url=self._farm.url, timeout=10) as http:
            page = http.get("/renders?status=pending,paused,rendering&limit=500").json()
            for one in page["items"]:
                http.post(f"/renders/{one['taskId']}/cancel")

    def _measure(self) -> None:
        at = time.monotonic() - self._start
        self.found.rss_mib.append((at, self._process.memory_info().rss / MIB))


def _received(talk: socket.socket) -> bytes:
    """What comes until the end, or until nothing comes for a while."""
    said = b""
    with contextlib.suppress(TimeoutError):
        while len(said) < MIB and (piece := talk.recv(65_536)):
            said += piece
            talk.settimeout(0.1)
    return said


def fuzz(folder: Path, seconds: float, seed: int) -> tuple[FarmProcess, Found]:
    """A farm that was fuzzed, still running."""
    farm = FarmProcess(folder / "data", **SETTINGS)
    farm.start(60)
    found = Fuzz(farm, seed).run(seconds)
    said = (folder / "farm.out").read_text(encoding="utf-8", errors="replace")
    lines = said.splitlines()
    found.bad += [line[:2000] for line in lines if any(one in line for one in BROKEN)][:20]
    return farm, found


def main() -> int:
    """One run, and its figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--seed", type=int, default=1)
    known = parser.parse_args()
    logging.getLogger("httpx").setLevel(logging.WARNING)
    with tempfile.TemporaryDirectory() as folder:
        farm, found = fuzz(Path(folder), known.seconds, known.seed)
        code = farm.stop()
    sys.stdout.write(f"{found}\n")
    return 1 if found.bad or code else 0


if __name__ == "__main__":
    sys.exit(main())
