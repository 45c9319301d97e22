"""A reader of events that asks for them and then takes nothing, until it is told to."""

import socket
from urllib.parse import urlsplit

from tests.integration.api.listener import Frame, frame_of

RECEIVE_BYTES = 4096


class Stuck:
    """A connection whose buffers are small, so that the farm soon notices."""

    def __init__(self, url: str, query: str = "", key: str | None = None) -> None:
        """Connect, ask, and read as far as the first frame."""
        place = urlsplit(url)
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BYTES)
        self.socket.settimeout(20)
        self.socket.connect((place.hostname, place.port))
        bearer = f"Authorization: Bearer {key}\r\n" if key else ""
        self.socket.sendall(
            f"GET /events{query} HTTP/1.1\r\nHost: {place.hostname}\r\n"
            f"Accept: text/event-stream\r\n{bearer}\r\n".encode()
        )
        self._bytes = b""
        while b"\nid: " not in self._bytes:
            self._bytes += self.socket.recv(256)

    def read_on(self, last: int | None = None) -> bool:
        """Take all that comes, up to the position ``last``; False: the connection was cut off."""
        while last is None or self.last_id < last:
            try:
                piece = self.socket.recv(65536)
            except ConnectionResetError:
                return False
            if not piece:
                return False
            self._bytes += piece
            if self._bytes.endswith(b"\r\n0\r\n\r\n"):
                return True
        return True

    @property
    def last_id(self) -> int:
        """What a browser would send as ``Last-Event-ID``."""
        return next((one.id for one in reversed(self.frames()) if one.id is not None), -1)

    def frames(self) -> list[Frame]:
        """The whole frames that were read."""
        _, _, rest = self._bytes.partition(b"\r\n\r\n")
        text = b""
        while rest:
            size, _, rest = rest.partition(b"\r\n")
            length = int(size, 16)
            text, rest = text + rest[:length], rest[length + 2 :]
        whole = text.decode(errors="ignore").split("\n\n")[:-1]
        return [frame_of(one.split("\n")) for one in whole]

    def close(self) -> None:
        """Hang up."""
        self.socket.close()
