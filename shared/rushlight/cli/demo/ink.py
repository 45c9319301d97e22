"""Colours and lettering of the demo's pictures; Pillow's own face looks the same everywhere."""

from functools import cache
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

BACKGROUND = "#14171d"
PANEL = "#1c212a"
RULE = "#2e3643"
FAINT = "#8b95a5"
INK = "#e8ecf2"
HIGHLIGHT = "#ffd75e"

RESULT_COLOURS = {
    "completed": "#2f8f63",
    "preempted": "#d08a1e",
    "lost": "#cf4540",
    "failed": "#a83a6d",
    "timed_out": "#8d4f86",
    "cancelled": "#67707e",
    "given_back": "#4a78ad",
    "rendering": "#3f74d1",
}
OTHER_COLOUR = "#67707e"

Point = tuple[float, float]


@cache
def font(size: float) -> ImageFont.FreeTypeFont:
    """The face at ``size`` pixels.

    Raises:
        RuntimeError: this Pillow was built without FreeType, which its wheels are not.
    """
    face = ImageFont.load_default(size)
    if not isinstance(face, ImageFont.FreeTypeFont):
        raise RuntimeError("Pillow has no FreeType here: install Pillow as a wheel")
    return face


class Canvas:
    """A picture drawn at twice its size and shrunk when saved: smooth edges without a library."""

    _SCALE = 2

    def __init__(self, width: int, height: int) -> None:
        """An empty picture; all sizes and places are pixels of the finished one."""
        size = (width * self._SCALE, height * self._SCALE)
        self._image = Image.new("RGB", size, BACKGROUND)
        self._pen = ImageDraw.Draw(self._image)

    def box(
        self,
        start: Point,
        end: Point,
        *,
        fill: str | None = None,
        outline: str | None = None,
        radius: float = 0,
        width: float = 1,
    ) -> None:
        """Draw a rectangle from its upper left to its lower right corner."""
        self._pen.rounded_rectangle(
            [self._scaled(start), self._scaled(end)],
            radius * self._SCALE,
            fill,
            outline,
            round(width * self._SCALE),
        )

    def line(self, *points: Point, fill: str, width: float = 1) -> None:
        """Draw a line through ``points``."""
        self._pen.line(
            [self._scaled(point) for point in points],
            fill,
            round(width * self._SCALE),
            joint="curve",
        )

    def dashes(self, start: Point, end: Point, *, fill: str, width: float = 1) -> None:
        """Draw a dashed line, level or upright."""
        length = max(abs(end[0] - start[0]), abs(end[1] - start[1]))
        along = ((end[0] - start[0]) / (length or 1), (end[1] - start[1]) / (length or 1))
        for step in range(0, int(length), 8):
            here = (start[0] + along[0] * step, start[1] + along[1] * step)
            reach = min(4, length - step)
            there = (here[0] + along[0] * reach, here[1] + along[1] * reach)
            self.line(here, there, fill=fill, width=width)

    def triangle(self, *corners: Point, fill: str) -> None:
        """Draw a filled polygon."""
        self._pen.polygon([self._scaled(corner) for corner in corners], fill)

    def text(
        self, where: Point, text: str, *, size: float, fill: str = INK, anchor: str = "la"
    ) -> None:
        """Write ``text``; ``anchor`` as in Pillow ("la": left, top; "mm": the middle)."""
        self._pen.text(
            self._scaled(where), text, font=font(size * self._SCALE), fill=fill, anchor=anchor
        )

    def text_width(self, text: str, size: float) -> float:
        """How wide ``text`` would be."""
        return font(size * self._SCALE).getlength(text) / self._SCALE

    def fitting(self, texts: tuple[str, ...], size: float, room: float) -> str:
        """Give the first of ``texts`` that fits into ``room`` pixels, or nothing."""
        return next((text for text in texts if self.text_width(text, size) <= room), "")

    def save(self, target: Path) -> None:
        """Write the picture at its size, as PNG."""
        self._image.reduce(self._SCALE).save(target, optimize=True)

    def _scaled(self, point: Point) -> Point:
        return (point[0] * self._SCALE, point[1] * self._SCALE)
