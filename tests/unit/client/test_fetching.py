"""Fetching files from a farm whose answers break off, or that says strange things."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.unit.cli.scripted import Said, ScriptedFarm, page

from rushlight.client import FarmClient
from rushlight.errors import InvalidRequest, OutputInvalid, Unavailable

WHOLE = b"picture" * 1000


@pytest.fixture
def farm() -> Iterator[ScriptedFarm]:
    with ScriptedFarm() as farm:
        yield farm


@pytest.fixture
def client(farm: ScriptedFarm) -> Iterator[FarmClient]:
    with FarmClient(farm.url) as client:
        yield client


def output(**fields: Any) -> dict[str, Any]:
    digest = hashlib.sha256(WHOLE).hexdigest()
    shown = {"frame": None, "path": "out:a/b.png", "bytes": len(WHOLE), "sha256": digest}
    return {**shown, "renderTime": 1.5, **fields}


def serve(
    farm: ScriptedFarm, shown: dict[str, Any], content: bytes, pretended: int | None = None
) -> None:
    farm.on("GET", "/renders/t/outputs", page(shown))
    said = Said(200, content, "application/octet-stream", pretended=pretended)
    farm.on("GET", "/renders/t/outputs/still", said)


def test_a_whole_file_appears(farm: ScriptedFarm, client: FarmClient, tmp_path: Path) -> None:
    serve(farm, output(), WHOLE)

    [path] = client.fetch("t", tmp_path)

    assert (path, path.read_bytes()) == (tmp_path / "b.png", WHOLE)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("shown", "content", "said"),
    [
        (output(), WHOLE[:-1], f"{len(WHOLE) - 1} bytes"),
        (output(), WHOLE[:-1] + b"X", "SHA-256"),
        (output(sha256=None), WHOLE + b"X", f"{len(WHOLE) + 1} bytes"),
    ],
)
def test_a_file_that_is_not_what_was_reported_does_not_appear(
    farm: ScriptedFarm,
    client: FarmClient,
    tmp_path: Path,
    *,
    shown: dict[str, Any],
    content: bytes,
    said: str,
) -> None:
    serve(farm, shown, content)

    with pytest.raises(OutputInvalid, match=said):
        client.fetch("t", tmp_path)

    assert list(tmp_path.iterdir()) == []


def test_a_transfer_that_breaks_off_leaves_what_was_there(
    farm: ScriptedFarm, client: FarmClient, tmp_path: Path
) -> None:
    (tmp_path / "b.png").write_bytes(b"older")
    serve(farm, output(), WHOLE[:500], pretended=len(WHOLE))

    with pytest.raises(Unavailable, match="broke"):
        client.fetch("t", tmp_path)

    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"older"]


def test_what_was_reported_without_a_digest_is_taken_as_it_comes(
    farm: ScriptedFarm, client: FarmClient, tmp_path: Path
) -> None:
    serve(farm, output(sha256=None, bytes=None), WHOLE)

    assert client.fetch("t", tmp_path)[0].read_bytes() == WHOLE


@pytest.mark.parametrize("path", ["out:../../evil", "out:/evil", "out:a/..", "evil", "out:"])
def test_a_farm_cannot_make_a_client_write_elsewhere(
    farm: ScriptedFarm, client: FarmClient, tmp_path: Path, path: str
) -> None:
    serve(farm, output(path=path), WHOLE)

    with pytest.raises(InvalidRequest, match="path"):
        client.fetch("t", tmp_path / "inner")

    assert [one.name for one in tmp_path.rglob("*")] == ["inner"]
