"""What renderers print."""

import pytest

from rushlight_worker.renderers.lines import read_line
from rushlight_worker.renderers.port import Progress
from rushlight_worker.spawn import LINE_MAX, Lines


def read(*chunks: bytes) -> list[str]:
    lines = Lines()
    found = [line for chunk in chunks for line in lines.feed(chunk)]
    return [*found, *lines.end()]


@pytest.mark.parametrize(
    ("chunks", "lines"),
    [
        ((b"a\nb\n",), ["a", "b"]),
        ((b"10%\r20%\rdone\r\n",), ["10%", "20%", "done"]),
        ((b"a", b"b\nc", b""), ["ab", "c"]),
        ((b"\x1b[31mred\x1b[0m\n",), ["red"]),
        ((b"\x1b]0;title\x07x\n",), ["x"]),
        ((b"nul\0byte\n",), ["nulbyte"]),
        (("ä".encode()[:1], "ä".encode()[1:] + b"\n"), ["ä"]),
        ((b"\xff\n",), ["\ufffd"]),
    ],
)
def test_bytes_become_lines(chunks: tuple[bytes, ...], lines: list[str]) -> None:
    assert read(*chunks) == lines


def test_a_line_without_end_is_cut() -> None:
    assert [len(line) for line in read(b"x" * (LINE_MAX * 2 + 5))] == [LINE_MAX, LINE_MAX, 5]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("PROGRESS 40 frame=7", Progress(fraction=0.4, frame=7)),
        ("PROGRESS 12.5", Progress(fraction=0.125)),
        ("PROGRESS 400", Progress(fraction=1.0)),
        ("SAVED frame=-7 seconds=1.25", Progress(frame=-7, saved=True, render_s=1.25)),
        (" SAVED ", Progress(saved=True)),
        ("openjd_progress: 50", Progress(fraction=0.5)),
        ("PROGRESS much", None),
        ("He said PROGRESS 40", None),
        ("SAVED frame=x", None),
        ("", None),
    ],
)
def test_lines_tell_progress(line: str, said: Progress | None) -> None:
    assert read_line(line) == said
