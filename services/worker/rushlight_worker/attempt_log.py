"""What an attempt printed: its start and its end, whatever it printed in between.

The start can be read while the attempt runs, the rest once it is closed. Cuts lie between lines, so
every piece is whole text by itself. Nothing here sends anything.
"""

from collections import deque

TAIL_LINES = 40
MARK_BYTES = 80
LINE_MAX = 4096


class AttemptLog:
    """Keeps at most ``most`` bytes."""

    def __init__(self, most: int) -> None:
        """Half for the start, half for the end, with room for the mark between them."""
        self._half = max(0, (most - MARK_BYTES) // 2)
        self._head = bytearray()
        self._tail: deque[bytes] = deque()
        self._tail_bytes = 0
        self._left_out = 0
        self._recent: deque[str] = deque(maxlen=TAIL_LINES)
        self.closed = False

    def add(self, line: str) -> None:
        """Note one line of the renderer."""
        self._recent.append(line)
        self.note(line)

    def note(self, line: str) -> None:
        """Note one line of the agent's own; it is not among the renderer's ``last_lines``."""
        text = (line[:LINE_MAX] + "\n").encode("utf-8", errors="replace")
        if not self._tail and not self._left_out and len(self._head) + len(text) <= self._half:
            self._head += text
            return
        self._tail.append(text)
        self._tail_bytes += len(text)
        while self._tail and self._tail_bytes > self._half:
            gone = len(self._tail.popleft())
            self._tail_bytes -= gone
            self._left_out += gone

    def last_lines(self) -> list[str]:
        """The renderer's last lines."""
        return list(self._recent)

    def close(self) -> None:
        """Nothing follows: the end may be read."""
        if self.closed:
            return
        self.closed = True
        if self._left_out:
            self._head += f"... {self._left_out} bytes left out ...\n".encode()
        self._head += b"".join(self._tail)
        self._tail.clear()

    @property
    def size(self) -> int:
        """Bytes that may be read now."""
        return len(self._head)

    def piece(self, offset: int, most: int) -> bytes:
        """From ``offset`` on at most ``most`` bytes, cut after a line."""
        found = bytes(self._head[offset : offset + most])
        if offset + len(found) < len(self._head):
            found = found[: found.rfind(b"\n") + 1]
        return found
