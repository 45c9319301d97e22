"""Whether a picture on disk is whole and of the right size."""

import stat
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from rushlight.errors import OutputInvalid
from rushlight_worker.renderers.exr import exr_size

_PNG_END = b"IEND\xaeB`\x82"
# The pictures are this farm's own: a wall-sized one is no attack, but there is a limit.
PIXELS_MAX = 2**31


def check_file(path: Path) -> None:
    """Raise ``OutputInvalid`` unless it is a file with something in it."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        raise OutputInvalid(f"{path.name} was not written") from None
    if not stat.S_ISREG(found.st_mode):
        raise OutputInvalid(f"{path.name} is not a file")
    if found.st_size == 0:
        raise OutputInvalid(f"{path.name} is empty")


def is_picture(path: Path) -> bool:
    """Whether this module can say something of files of that name."""
    suffix = path.suffix.lower()
    return suffix == ".exr" or suffix in Image.registered_extensions()


def check_picture(path: Path, size: tuple[int | None, int | None] = (None, None)) -> None:
    """Look at every byte of a picture; a None in ``size`` (width, height) may be anything.

    Raises:
        OutputInvalid: missing, cut short, no picture, or of another size.
    """
    check_file(path)
    found = exr_size(path) if path.suffix.lower() == ".exr" else _loaded_size(path)
    for what, wanted, real in zip(("wide", "high"), size, found, strict=True):
        if wanted is not None and wanted != real:
            raise OutputInvalid(f"{path.name} is {real} pixels {what}, not {wanted}")


def _loaded_size(path: Path) -> tuple[int, int]:
    Image.MAX_IMAGE_PIXELS = PIXELS_MAX
    try:
        with Image.open(path) as picture:
            kind, size = picture.format, picture.size
            picture.load()
    except UnidentifiedImageError:
        raise OutputInvalid(f"{path.name} is no complete picture: it cannot be read") from None
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise OutputInvalid(f"{path.name} is no complete picture: {error}") from None
    if kind == "PNG":
        _check_png_end(path)
    return size


def _check_png_end(path: Path) -> None:
    """Pillow is content without the last chunk; a file that lacks it was cut all the same."""
    with path.open("rb") as file:
        file.seek(-min(len(_PNG_END), path.stat().st_size), 2)
        if file.read() != _PNG_END:
            raise OutputInvalid(f"{path.name} is no complete picture: its end is missing")
