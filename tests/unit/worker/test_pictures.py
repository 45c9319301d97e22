"""Whether a picture is whole."""

from pathlib import Path

import pytest
from PIL import Image

from rushlight.errors import OutputInvalid
from rushlight_worker.renderers.exr import exr_size
from rushlight_worker.renderers.pictures import check_file, check_picture

EXR_HEADER = (
    b"\x76\x2f\x31\x01\x02\x00\x00\x00"
    b"compression\0compression\0\x01\x00\x00\x00\x00"
    b"dataWindow\0box2i\0\x10\x00\x00\x00"
    b"\x00\x00\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x01\x00\x00\x00\x00"
)


def small_exr() -> bytes:
    """4 by 2 pixels, not compressed: two chunks of 8 bytes of pixels each."""
    first = len(EXR_HEADER) + 16
    table = first.to_bytes(8, "little") + (first + 16).to_bytes(8, "little")
    chunks = b"".join(
        line.to_bytes(4, "little") + (8).to_bytes(4, "little") + b"\x01" * 8 for line in (0, 1)
    )
    return EXR_HEADER + table + chunks


@pytest.fixture(params=["png", "jpg", "tif", "webp", "exr"])
def picture(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / f"a.{request.param}"
    if request.param == "exr":
        path.write_bytes(small_exr())
    else:
        Image.effect_noise((4, 2), 50).save(path)
    return path


def test_a_whole_picture_passes(picture: Path) -> None:
    check_picture(picture, (4, 2))


@pytest.mark.parametrize("size", [(5, 2), (4, 3)])
def test_another_size_does_not(picture: Path, size: tuple[int, int]) -> None:
    with pytest.raises(OutputInvalid, match="pixels"):
        check_picture(picture, size)


@pytest.mark.filterwarnings("ignore:.*EXIF:UserWarning")
@pytest.mark.parametrize("part", [0.1, 0.5, 0.9])
def test_a_picture_that_was_cut_does_not(picture: Path, part: float) -> None:
    whole = picture.read_bytes()
    picture.write_bytes(whole[: int(len(whole) * part)])

    with pytest.raises(OutputInvalid):
        check_picture(picture)


def test_a_png_or_exr_that_lacks_its_last_byte_does_not(tmp_path: Path) -> None:
    for name, whole in {"a.exr": small_exr(), "a.png": png(tmp_path)}.items():
        path = tmp_path / name
        path.write_bytes(whole[:-1])
        with pytest.raises(OutputInvalid):
            check_picture(path)


def png(folder: Path) -> bytes:
    Image.effect_noise((64, 64), 50).save(folder / "b.png")
    return (folder / "b.png").read_bytes()


def test_an_exr_with_a_chunk_that_was_never_written_does_not(tmp_path: Path) -> None:
    path = tmp_path / "a.exr"
    whole = bytearray(small_exr())
    whole[len(EXR_HEADER) + 8 : len(EXR_HEADER) + 16] = bytes(8)
    path.write_bytes(bytes(whole))

    with pytest.raises(OutputInvalid, match="cut short"):
        exr_size(path)


@pytest.mark.parametrize("make", ["folder", "link", "empty", "none"])
def test_only_a_file_with_something_in_it_is_an_output(tmp_path: Path, make: str) -> None:
    path = tmp_path / "a.dat"
    if make == "folder":
        path.mkdir()
    elif make == "link":
        (tmp_path / "b").write_bytes(b"x")
        path.symlink_to(tmp_path / "b")
    elif make == "empty":
        path.touch()

    with pytest.raises(OutputInvalid):
        check_file(path)
