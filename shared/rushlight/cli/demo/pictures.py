"""What the finished frames are made into: an animation and a contact sheet, by Pillow.

Reads whole PNG frames; whether they are whole is for ``verdict`` to say, before.
"""

from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw

from rushlight.cli.demo.ink import BACKGROUND, FAINT, INK, font

FRAMES_PER_SECOND = 12
_PALETTE_STEP = 4
_GAP = 4
_MARGIN = 24
_HEAD = 64


def write_animation(frames: Sequence[Path], target: Path) -> None:
    """Write an endless GIF of all frames, ``FRAMES_PER_SECOND`` of them a second.

    One palette for all: with one of its own for each frame, flat colours flicker. By octree:
    median cut gives noise most of the 256 colours and turns a small red planet brown.
    """
    pictures = [_opened(path) for path in frames]
    palette = _shared_palette(pictures)
    first, *rest = [
        picture.quantize(palette=palette, dither=Image.Dither.NONE) for picture in pictures
    ]
    first.save(
        target,
        save_all=True,
        append_images=rest,
        duration=round(1000 / FRAMES_PER_SECOND),
        loop=0,
        optimize=True,
    )


def write_contact_sheet(
    frames: Sequence[Path], target: Path, *, title: str, subtitle: str = "", columns: int = 8
) -> None:
    """Write all frames, side by side in rows, each with its number; about 1,600 pixels wide."""
    columns = max(1, min(columns, len(frames)))
    first = _opened(frames[0])
    width = min(first.width, (1600 - 2 * _MARGIN) // columns - _GAP)
    height = round(first.height * width / first.width)
    rows = -(-len(frames) // columns)
    sheet = Image.new(
        "RGB",
        (
            2 * _MARGIN + columns * (width + _GAP) - _GAP,
            _HEAD + _MARGIN + rows * (height + _GAP) - _GAP,
        ),
        BACKGROUND,
    )
    pen = ImageDraw.Draw(sheet)
    pen.text((_MARGIN, 14), title, font=font(22), fill=INK)
    pen.text((_MARGIN, 40), subtitle, font=font(13), fill=FAINT)
    for index, path in enumerate(frames):
        row, column = divmod(index, columns)
        place = (_MARGIN + column * (width + _GAP), _HEAD + row * (height + _GAP))
        small = _opened(path).resize((width, height), Image.Resampling.LANCZOS)
        sheet.paste(small, place)
        _number(pen, place, path)
    sheet.save(target, optimize=True)


def _opened(path: Path) -> Image.Image:
    with Image.open(path) as picture:
        return picture.convert("RGB")


def _shared_palette(pictures: Sequence[Image.Image]) -> Image.Image:
    """256 colours for all pictures, chosen from a strip of some of them."""
    some = pictures[::_PALETTE_STEP]
    width, height = some[0].size
    strip = Image.new("RGB", (width, height * len(some)))
    for index, picture in enumerate(some):
        strip.paste(picture, (0, index * height))
    return strip.quantize(256, method=Image.Quantize.FASTOCTREE)


def _number(pen: ImageDraw.ImageDraw, place: tuple[int, int], path: Path) -> None:
    """Write the frame's number, as its file name has it, into the picture's corner."""
    number = path.stem.rpartition(".")[2].lstrip("0") or "0"
    where = (place[0] + 5, place[1] + 3)
    pen.text(where, number, font=font(11), fill="white", stroke_width=1, stroke_fill="#00000090")
