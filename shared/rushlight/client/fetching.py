"""Rendered files to a folder of one's own: from a mounted root, or from the farm over HTTP.

A file appears under its name only when it is whole: as long as its worker reported, and with the
same SHA-256. Where the worker did not report those (plain REST clients need not), it is as it came.
"""

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path

from rushlight.client.wire import Json, WireClient
from rushlight.errors import InvalidRequest, NotHere, OutputInvalid
from rushlight.roots import split, within

PIECE_BYTES = 256 * 1024
Roots = Mapping[str, str | os.PathLike[str]]


def outputs_to_fetch(client: WireClient, task_ids: Sequence[str]) -> list[tuple[str, Json]]:
    """The finished frames of these tasks, each with its task.

    Raises:
        InvalidRequest: two of them would get the same name in one folder.
    """
    found = [(task_id, one) for task_id in task_ids for one in client.outputs(task_id)]
    by_name: dict[str, str] = {}
    for _, output in found:
        name = split(output["path"])[1].name
        if by_name.setdefault(name, output["path"]) != output["path"]:
            raise InvalidRequest(
                f"{by_name[name]} and {output['path']} would both be {name} in one folder: fetch"
                " these tasks one by one, to folders of their own"
            )
    return found


def fetch_output(
    client: WireClient, task_id: str, output: Json, folder: Path, roots: Roots
) -> Path:
    """One output into ``folder``, unless it is there already; its path.

    Raises:
        OutputInvalid: what came is not what was rendered.
        NotHere: neither ``roots`` nor the farm knows where it is.
    """
    target = folder / split(output["path"])[1].name
    if output["sha256"] is not None and _is_there(target, output):
        return target
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as file:
            digest, size = hashlib.sha256(), 0
            for piece in _pieces(client, task_id, output, roots):
                file.write(piece)
                digest.update(piece)
                size += len(piece)
            file.flush()
            os.fsync(file.fileno())
        _check(output, size, digest.hexdigest())
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    return target


def _is_there(target: Path, output: Json) -> bool:
    try:
        with target.open("rb") as file:
            return bool(hashlib.file_digest(file, "sha256").hexdigest() == output["sha256"])
    except FileNotFoundError:
        return False


def _pieces(client: WireClient, task_id: str, output: Json, roots: Roots) -> Iterator[bytes]:
    root, relative = split(output["path"])
    if root not in roots:
        yield from client.output(task_id, output["frame"])
        return
    folder = Path(roots[root]).resolve()
    path = within(folder, folder / relative, output["path"])
    try:
        file = path.open("rb")
    except FileNotFoundError:
        raise NotHere(
            f"output {output['path']} is not at {path}: is {folder} where the workers have the"
            f" root {root!r}?"
        ) from None
    with closing(file):
        while piece := file.read(PIECE_BYTES):
            yield piece


def _check(output: Json, size: int, sha256: str) -> None:
    wrong = None
    if output["bytes"] not in (None, size):
        wrong = f"{size} bytes, and {output['bytes']} were reported"
    elif output["sha256"] not in (None, sha256):
        wrong = "its SHA-256 is not the one that was reported"
    if wrong is not None:
        raise OutputInvalid(
            f"output {output['path']} is not what was rendered: {wrong}; somebody has changed it,"
            " or it was cut short on the way: fetch it again, or requeue the frame"
        )
