"""Logs of attempts, as workers send them: ``logs/<task>/<attempt>.log``, each of bounded size.

Offsets count the bytes that the worker has sent, whatever of them is kept. A log that outgrows the
limit keeps its start and its end, with a line between that says how many bytes were left out.
Nothing here promises that the last piece arrives: a lost piece of a log fails no attempt.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from uuid import UUID

from rushlight.errors import Unavailable

_MARK = re.compile(rb"\n\[rushlight: (\d{15}) bytes left out here\]\n")
MARK_BYTES = len(b"\n[rushlight: 000000000000000 bytes left out here]\n")


@dataclass(frozen=True, slots=True)
class Stored:
    """What is kept of a log: all, or ``head`` and ``tail`` with ``left_out`` bytes between."""

    head: bytes
    left_out: int
    tail: bytes

    @property
    def size(self) -> int:
        """Bytes that the worker has sent."""
        return len(self.head) + self.left_out + len(self.tail)

    def encode(self) -> bytes:
        """As a text for people, and for ``split``."""
        if not self.left_out:
            return self.head + self.tail
        mark = b"\n[rushlight: %015d bytes left out here]\n" % self.left_out
        return self.head + mark + self.tail

    def since(self, offset: int) -> bytes:
        """What was sent after the first ``offset`` bytes, with the mark where some is missing."""
        if offset < len(self.head):
            return Stored(self.head[offset:], self.left_out, self.tail).encode()
        tail_start = len(self.head) + self.left_out
        if offset < tail_start:
            return Stored(b"", self.left_out, self.tail).encode().lstrip(b"\n")
        return self.tail[offset - tail_start :]


def split(content: bytes, head_bytes: int) -> Stored:
    """Read back what ``encode`` wrote: the mark stands right after a head of ``head_bytes``."""
    found = _MARK.match(content, head_bytes)
    if found is None:
        return Stored(content, 0, b"")
    return Stored(content[:head_bytes], int(found[1]), content[found.end() :])


class AttemptLogs:
    """The folder of all attempts' logs; thread-safe."""

    def __init__(self, folder: Path, max_bytes: int) -> None:
        """Keep logs in ``folder``, each of at most ``max_bytes``."""
        self._folder = folder
        self._max_bytes = max(max_bytes, 4 * MARK_BYTES)
        self._head_bytes = self._max_bytes // 2
        self._lock = Lock()

    def append(self, task_id: UUID, attempt: int, offset: int, text: bytes) -> int:
        """Add what the worker sent from ``offset`` on; says from where to send on.

        What was there already is passed over. With a gap before it nothing is added.

        Raises:
            Unavailable: the disk does not take it.
        """
        path = self._path(task_id, attempt)
        with self._lock, _failures():
            stored = self._load(path)
            new = text[stored.size - offset :] if offset <= stored.size else b""
            if new:
                self._write(path, stored, new)
            return stored.size + len(new)

    def read(self, task_id: UUID, attempt: int, offset: int) -> tuple[bytes, int]:
        """What there is from ``offset`` on, and the size of all that was sent.

        Raises:
            Unavailable: the disk does not give it.
        """
        with self._lock, _failures():
            stored = self._load(self._path(task_id, attempt))
        return stored.since(offset), stored.size

    def state(self, task_id: UUID, attempt: int) -> tuple[int, int] | None:
        """What changes whenever the log does, without reading it; None: nothing was sent yet."""
        with _failures():
            try:
                found = self._path(task_id, attempt).stat()
            except FileNotFoundError:
                return None
            return found.st_mtime_ns, found.st_size

    def _path(self, task_id: UUID, attempt: int) -> Path:
        return self._folder / str(task_id) / f"{attempt}.log"

    def _load(self, path: Path) -> Stored:
        try:
            return split(path.read_bytes(), self._head_bytes)
        except FileNotFoundError:
            return Stored(b"", 0, b"")

    def _write(self, path: Path, stored: Stored, new: bytes) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        if len(stored.encode()) + len(new) <= self._max_bytes:
            with path.open("ab") as file:
                file.write(new)
            return
        whole = path.with_suffix(".part")
        whole.write_bytes(self._shortened(stored, new).encode())
        whole.replace(path)

    def _shortened(self, stored: Stored, new: bytes) -> Stored:
        """Head and end; the end gets a quarter of the limit, so it is not cut at each piece."""
        if stored.left_out:
            head, kept = stored.head, stored.tail + new
        else:
            whole = stored.head + new
            head, kept = whole[: self._head_bytes], whole[self._head_bytes :]
        end = kept[-(self._max_bytes // 4) :]
        size = stored.size + len(new)
        return Stored(head, size - len(head) - len(end), end)


@contextmanager
def _failures() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise Unavailable(f"the log of the attempt cannot be kept: {error}") from error
