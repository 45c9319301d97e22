"""``rushlight fetch`` on a farm that really renders, and what it does when a file is not right."""

import json
from pathlib import Path

import pytest
from tests.integration.cli.conftest import Cli

from rushlight.client import FarmClient
from rushlight.errors import NotHere, OutputInvalid

TEXTS = ["frame 1\n", "frame 2\n"]


@pytest.fixture(scope="module")
def task_id(rushlight: Cli) -> str:
    """A task with two finished frames."""
    task_id = rushlight.gated("-", "--frames", "1-2", "--output", "out:fetched/####.txt")
    assert rushlight("watch", task_id).returncode == 0
    return task_id


def texts(folder: Path) -> list[str]:
    return [path.read_text() for path in sorted(folder.iterdir())]


def test_files_come_over_http_and_are_named(rushlight: Cli, task_id: str, tmp_path: Path) -> None:
    done = rushlight("fetch", task_id[-8:], "--to", tmp_path / "new" / "folder")

    assert done.returncode == 0, done.stderr
    assert [Path(line).read_text() for line in done.stdout.splitlines()] == TEXTS
    assert texts(tmp_path / "new" / "folder") == TEXTS
    assert done.stderr.startswith("2 files, 16 bytes")


def test_what_is_there_and_right_stays_and_what_is_wrong_is_mended(
    rushlight: Cli, task_id: str, tmp_path: Path
) -> None:
    rushlight("fetch", task_id, "--to", tmp_path)
    first, second = sorted(tmp_path.iterdir())
    kept = first.stat().st_ino
    second.write_text("cut sho")

    done = rushlight("fetch", task_id, "--to", tmp_path, "--json")

    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["file"] for line in lines] == [str(first), str(second)]
    assert [line["frame"] for line in lines] == [1, 2]
    assert (texts(tmp_path), first.stat().st_ino) == (TEXTS, kept)


def test_files_are_copied_from_a_root_of_this_machine(
    rushlight: Cli, task_id: str, tmp_path: Path
) -> None:
    out = rushlight.data / "out"
    asked: list[str] = []

    with FarmClient(rushlight.url) as client:
        client.wire.connection._http.event_hooks = {
            "request": [lambda request: asked.append(request.url.path)]
        }
        client.fetch(task_id, tmp_path, roots={"out": out})
        with pytest.raises(NotHere, match="where the workers have the root"):
            client.fetch(task_id, rushlight.data.parent / "none", roots={"out": tmp_path})

    assert texts(tmp_path) == TEXTS
    assert set(asked) == {f"/renders/{task_id}/outputs"}


@pytest.mark.parametrize("way", ["over HTTP", "from a root"])
def test_a_file_that_somebody_has_changed_is_not_taken(
    rushlight: Cli, tmp_path: Path, way: str
) -> None:
    task_id = rushlight.gated("-", "--output", f"out:changed-{way[-4:]}/####.txt")
    assert rushlight("watch", task_id).returncode == 0
    [attempt] = rushlight.json("show", task_id, "--attempts")["items"]
    name = attempt["outputs"][0]["path"]
    (rushlight.data / name.replace("out:", "out/")).write_text("frame 7\n")
    roots = {"out": rushlight.data / "out"} if way == "from a root" else {}

    with FarmClient(rushlight.url) as client, pytest.raises(OutputInvalid, match="SHA-256"):
        client.fetch(task_id, tmp_path, roots=roots)

    assert list(tmp_path.iterdir()) == []


def test_two_files_of_one_name_are_refused_before_any_is_written(
    rushlight: Cli, tmp_path: Path
) -> None:
    first, second = (
        rushlight.gated("-", "--output", f"out:twice-{n}/####.txt", "--job", "twice") for n in "ab"
    )
    assert rushlight("watch", first, second).returncode == 0

    done = rushlight("fetch", "--job", "twice", "--to", tmp_path)

    assert done.returncode == 2
    assert "would both be 0001.txt" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_fetched_says_why(rushlight: Cli, task_id: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    nothing = rushlight("fetch")
    unknown = rushlight("fetch", "--job", "nobody-has-it")
    badly = rushlight("fetch", task_id, "--root", "out")
    nowhere = rushlight("fetch", task_id, "--to", tmp_path / "file" / "inside")

    assert [one.returncode for one in (nothing, unknown, badly, nowhere)] == [2, 3, 2, 2]
    assert "NAME=PATH" in badly.stderr
    assert nowhere.stderr.startswith(f"error: cannot fetch to {tmp_path / 'file' / 'inside'}")
