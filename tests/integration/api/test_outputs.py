"""Rendered files over HTTP: which there are, the files themselves, and what is never given."""

import hashlib
import os
from pathlib import Path
from typing import Any

import pytest
from tests.integration.api.conftest import ServedFarm

from rushlight.roots import within
from rushlight_api import output_files

WHOLE = b"\x89PNG pretended" * 50_000


async def completed(served: ServedFarm, *outputs: dict[str, Any], **task: Any) -> str:
    """A task that a plain REST worker has completed with these outputs."""
    task_id = await served.submit(**task)
    await served.json("PUT", "/workers/w/status", {"status": "ready"}, status=200)
    await served.json("POST", "/workers/w/request-task", status=200)
    await served.json(
        "POST", f"/renders/{task_id}/complete", {"outputs": list(outputs)}, status=200
    )
    return task_id


def written(served: ServedFarm, name: str, content: bytes = WHOLE) -> dict[str, Any]:
    """A file in the root ``out``, and the report of it."""
    path = served.farm.settings.data / "out" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return report(f"out:{name}", content)


def report(path: str, content: bytes = WHOLE) -> dict[str, Any]:
    return {"path": path, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}


async def test_outputs_are_listed_by_frame_in_pages(served: ServedFarm) -> None:
    frames = [written(served, f"a/{n}.png") | {"frame": n, "renderTime": 1.5} for n in (1, 2, 3)]
    task_id = await completed(served, *frames, frames="1-3")

    first = await served.json("GET", f"/renders/{task_id}/outputs?limit=2", status=200)
    rest = await served.json(
        "GET", f"/renders/{task_id}/outputs?limit=2&cursor={first['next']}", status=200
    )

    assert first["items"] + rest["items"] == frames
    assert rest["next"] is None


async def test_a_file_comes_whole_with_its_length_and_digest(served: ServedFarm) -> None:
    task_id = await completed(served, written(served, "shot/stück 1.png") | {"frame": None})

    answer = await served.http.get(f"/renders/{task_id}/outputs/still")

    assert (answer.status_code, answer.content) == (200, WHOLE)
    assert answer.headers["content-length"] == str(len(WHOLE))
    assert answer.headers["etag"] == f'"{hashlib.sha256(WHOLE).hexdigest()}"'
    assert (
        answer.headers["content-disposition"] == "attachment; filename*=UTF-8''st%C3%BCck%201.png"
    )
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_an_empty_task_has_no_outputs(served: ServedFarm) -> None:
    task_id = await served.submit()

    page = await served.json("GET", f"/renders/{task_id}/outputs", status=200)
    problem = await served.json("GET", f"/renders/{task_id}/outputs/still", status=404)

    assert page == {"items": [], "next": None}
    assert problem["type"].endswith("/not-found")


@pytest.mark.parametrize("frame", ["1", "3", "01", "-1", "x", "%2e%2e%2fsecret"])
async def test_only_frames_that_are_finished_have_a_file(served: ServedFarm, frame: str) -> None:
    task_id = await completed(served, written(served, "2.png") | {"frame": 2}, frames="2")

    answer = await served.http.get(f"/renders/{task_id}/outputs/{frame}")

    assert answer.status_code == 404
    assert answer.json()["type"].endswith("/not-found")


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("renders:a.png", "--root renders=PATH"),
        ("out:missing.png", "is not in the farm's data folder"),
        ("out:../farm.db", "has .. in it"),
        ("out:/etc/passwd", "is absolute"),
        ("out:link/passwd", "by a link"),
        ("out:folder", "is not what was rendered"),
        ("out:pipe", "is not what was rendered"),
        ("out:a.png", "is not what was rendered"),
        ("nothing", "not of the form"),
    ],
)
async def test_what_is_not_a_file_of_the_root_out_is_not_here(
    served: ServedFarm, path: str, said: str
) -> None:
    out = served.farm.settings.data / "out"
    (out / "folder").mkdir(parents=True)
    (out / "link").symlink_to("/etc")
    (out / "a.png").write_bytes(WHOLE[:-1])
    os.mkfifo(out / "pipe")
    task_id = await completed(served, report(path))

    problem = await served.json("GET", f"/renders/{task_id}/outputs/still", status=404)

    assert problem["type"].endswith("/not-here")
    assert said in problem["detail"]


async def test_a_link_within_the_root_is_followed(served: ServedFarm) -> None:
    target = written(served, "kept/a.png")
    Path(served.farm.settings.data / "out" / "a.png").symlink_to("kept/a.png")
    task_id = await completed(served, target | {"path": "out:a.png"})

    assert (await served.http.get(f"/renders/{task_id}/outputs/still")).content == WHOLE


@pytest.mark.parametrize("place", ["shot", "shot/a.png"])
async def test_a_link_that_comes_between_looking_and_opening_is_not_followed(
    served: ServedFarm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    task_id = await completed(served, written(served, "shot/a.png"))
    out = served.farm.settings.data / "out"
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "a.png").write_bytes(WHOLE)

    def exchanged(folder: Path, path: Path, name: str) -> Path:
        """As quick as somebody can be who has the luck to be in between."""
        seen = within(folder, path, name)
        (out / place).rename(tmp_path / "before")
        (out / place).symlink_to(tmp_path / "secret" / ("a.png" if "." in place else ""))
        return seen

    monkeypatch.setattr(output_files, "within", exchanged)
    problem = await served.json("GET", f"/renders/{task_id}/outputs/still", status=404)

    assert problem["type"].endswith("/not-here")
