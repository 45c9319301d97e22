"""Whether an OpenEXR file is whole, by its own table of contents; pixels are not decoded.

Pillow cannot open EXR. Single-part scan-line files, which is what renderers write by default, are
checked to the last chunk; of tiled and multi-part ones only the header is.
Source: "OpenEXR File Layout", openexr.com.
"""

import struct
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path

from rushlight.errors import OutputInvalid

MAGIC = 20000630
_TILED, _LONG_NAMES, _NON_IMAGE, _MULTI_PART = 0x200, 0x400, 0x800, 0x1000
# Scan lines per chunk, by the number of the compression.
_LINES = {0: 1, 1: 1, 2: 1, 3: 16, 4: 32, 5: 16, 6: 32, 7: 32, 8: 32, 9: 256}
_TEXT_MAX = 256
_ATTRIBUTES_MAX = 1024
_ATTRIBUTE_BYTES_MAX = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class _Header:
    width: int
    height: int
    lines_per_chunk: int


def exr_size(path: Path) -> tuple[int, int]:
    """Width and height of a whole EXR file.

    Raises:
        OutputInvalid: it is none, or it is cut short.
    """
    length = path.stat().st_size
    with path.open("rb") as file:
        try:
            magic, flags = struct.unpack("<II", _take(file, 8))
            if magic != MAGIC:
                raise OutputInvalid(f"{path.name} is not an EXR file")
            header = _read_header(file)
            if not flags & (_TILED | _NON_IMAGE | _MULTI_PART):
                _check_chunks(file, header, length)
        except (EOFError, struct.error):
            raise OutputInvalid(f"{path.name} is cut short: {length} bytes") from None
    return header.width, header.height


def _take(file: BufferedReader, count: int) -> bytes:
    found = file.read(count)
    if len(found) < count:
        raise EOFError
    return found


def _text(file: BufferedReader) -> bytes:
    found = bytearray()
    while (letter := _take(file, 1)) != b"\0":
        found += letter
        if len(found) > _TEXT_MAX:
            raise EOFError
    return bytes(found)


def _read_header(file: BufferedReader) -> _Header:
    found: dict[bytes, bytes] = {}
    for _ in range(_ATTRIBUTES_MAX):
        name = _text(file)
        if not name:
            break
        _text(file)
        (size,) = struct.unpack("<I", _take(file, 4))
        if size > _ATTRIBUTE_BYTES_MAX:
            raise EOFError
        found[name] = _take(file, size)
    if b"dataWindow" not in found or len(found.get(b"compression", b"")) != 1:
        raise EOFError
    left, top, right, bottom = struct.unpack("<iiii", found[b"dataWindow"])
    lines = _LINES.get(found[b"compression"][0], 1)
    return _Header(right - left + 1, bottom - top + 1, lines)


def _check_chunks(file: BufferedReader, header: _Header, length: int) -> None:
    """Each chunk must lie in the file; an offset of 0 is one that was never written."""
    count = -(-header.height // header.lines_per_chunk)
    if count < 1 or count * 8 > length:
        raise EOFError
    for offset in struct.unpack(f"<{count}Q", _take(file, count * 8)):
        if not 0 < offset < length:
            raise EOFError
        file.seek(offset)
        _line, size = struct.unpack("<iI", _take(file, 8))
        if offset + 8 + size > length:
            raise EOFError
