"""Where keys come from, which files are too open, and that nothing says a key aloud."""

import stat
from pathlib import Path

import pytest

from rushlight.client.credentials import (
    Found,
    find_key,
    open_for_owner,
    read_secret,
    unencrypted_to,
    write_secret,
)
from rushlight.errors import InvalidRequest

OPTION, TEXT, FILE = "rlk_from_the_option", "rlk_from_the_text", "rlk_from_the_file"


def kept(folder: Path, text: str, mode: int = 0o600) -> Path:
    """A key file."""
    file = folder / text
    file.write_text(f"{text}\n")
    file.chmod(mode)
    return file


@pytest.mark.parametrize(
    ("option", "names", "found"),
    [
        (True, ("RUSHLIGHT_KEY", "RUSHLIGHT_KEY_FILE"), OPTION),
        (False, ("RUSHLIGHT_KEY", "RUSHLIGHT_KEY_FILE"), TEXT),
        (False, ("RUSHLIGHT_KEY_FILE",), FILE),
        (False, (), None),
    ],
)
def test_the_option_comes_first_then_the_key_then_its_file(
    tmp_path: Path, option: bool, names: tuple[str, ...], found: str | None
) -> None:
    every = {"RUSHLIGHT_KEY": TEXT, "RUSHLIGHT_KEY_FILE": str(kept(tmp_path, FILE))}
    environment = {name: every[name] for name in names}

    key = find_key(kept(tmp_path, OPTION) if option else None, environment)

    assert (key.text if key else None) == found


def test_an_empty_variable_is_no_key() -> None:
    assert find_key(None, {"RUSHLIGHT_KEY": "", "RUSHLIGHT_KEY_FILE": ""}) is None


@pytest.mark.parametrize(
    ("mode", "warned"), [(0o600, False), (0o400, False), (0o640, True), (0o604, True)]
)
def test_a_file_that_others_can_read_is_used_with_a_warning(
    tmp_path: Path, mode: int, warned: bool
) -> None:
    file = kept(tmp_path, FILE, mode)

    found = read_secret(file)

    assert found.text == FILE
    assert (found.warning is not None and f"chmod 600 {file}" in found.warning) == warned


@pytest.mark.parametrize(
    "text", ["", "hunter2secret", "rlk_two words", "rlk_", "rlk_" + "x" * 300, "-----BEGIN KEY"]
)
def test_what_is_no_key_is_refused_without_being_said(tmp_path: Path, text: str) -> None:
    file = tmp_path / "key"
    file.write_text(text)

    with pytest.raises(InvalidRequest, match="no key of Rushlight") as refused:
        read_secret(file)

    assert str(file) in str(refused.value)
    assert not text or text not in str(refused.value).replace("begins with rlk_", "")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match=r"nowhere cannot be read: No such file"):
        find_key(tmp_path / "nowhere", {"RUSHLIGHT_KEY": TEXT})


def test_a_found_key_does_not_show_itself() -> None:
    assert TEXT not in repr(Found(TEXT, "RUSHLIGHT_KEY"))


def test_a_written_key_is_its_owners_alone_and_replaces_an_older_one(tmp_path: Path) -> None:
    file = tmp_path / "new" / "key"
    write_secret(file, OPTION)
    write_secret(file, TEXT)

    assert read_secret(file) == Found(TEXT, f"key file {file}")
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert [one.name for one in file.parent.iterdir()] == ["key"]


def test_a_new_file_never_overwrites_one(tmp_path: Path) -> None:
    with pytest.raises(FileExistsError):
        open_for_owner(kept(tmp_path, FILE))


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://127.0.0.1:3000", False),
        ("http://localhost:3000", False),
        ("http://[::1]:3000", False),
        ("https://farm.example", False),
        ("http://farm.example:3000", True),
        ("http://10.0.0.7:3000", True),
    ],
)
def test_a_key_in_the_clear_to_another_machine_is_told(url: str, said: bool) -> None:
    assert (unencrypted_to(url) is not None) == said
