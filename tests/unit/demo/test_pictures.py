"""The animation and the contact sheet."""

from pathlib import Path

import pytest
from PIL import Image, ImageDraw
from PIL.GifImagePlugin import GifImageFile

from rushlight.cli.demo.pictures import write_animation, write_contact_sheet

SIZE = (96, 54)


@pytest.fixture
def frames(tmp_path: Path) -> list[Path]:
    """Five frames: grey, with a red ball that moves."""
    paths = []
    for number in range(1, 6):
        picture = Image.new("RGB", SIZE, (90, 95, 100))
        ImageDraw.Draw(picture).ellipse([number * 10, 20, number * 10 + 9, 29], fill=(220, 30, 20))
        path = tmp_path / f"ball.{number:04}.png"
        picture.save(path)
        paths.append(path)
    return paths


def test_the_animation_has_every_frame_in_order_and_never_ends(
    frames: list[Path], tmp_path: Path
) -> None:
    target = tmp_path / "ball.gif"
    write_animation(frames, target)
    with Image.open(target) as animation:
        assert isinstance(animation, GifImageFile)
        assert (animation.n_frames, animation.size, animation.info["loop"]) == (5, SIZE, 0)
        places = []
        for index in range(5):
            animation.seek(index)
            red = animation.convert("RGB").getpixel((index * 10 + 15, 25))
            assert isinstance(red, tuple)
            places.append(red[0] > 180 and red[1] < 80)
        assert places == [True] * 5


def test_the_contact_sheet_shows_every_frame_at_its_place(
    frames: list[Path], tmp_path: Path
) -> None:
    target = tmp_path / "sheet.png"
    write_contact_sheet(frames, target, title="ball", columns=3)
    with Image.open(target) as sheet:
        columns, rows = 3, 2
        assert sheet.width == 2 * 24 + columns * (SIZE[0] + 4) - 4
        assert sheet.height == 64 + 24 + rows * (SIZE[1] + 4) - 4
        red_at = [
            sheet.getpixel((24 + (n % 3) * 100 + n * 10 + 15, 64 + (n // 3) * 58 + 25))
            for n in range(5)
        ]
        assert all(isinstance(one, tuple) and one[0] > 150 > one[1] for one in red_at)


def test_a_sheet_of_one_frame_is_one_frame_wide(frames: list[Path], tmp_path: Path) -> None:
    target = tmp_path / "sheet.png"
    write_contact_sheet(frames[:1], target, title="ball")
    with Image.open(target) as sheet:
        assert sheet.width == 2 * 24 + SIZE[0]
