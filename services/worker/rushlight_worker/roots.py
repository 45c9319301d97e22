"""``root:relative/path`` to a real path on this node, and never to one outside the root.

Roots come from the worker's settings. ``builtin`` is always there and holds the packaged scenes;
nothing is written to it. Whether a file is complete is not asked here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from rushlight.errors import InvalidRequest, SceneMissing, WorkerUnfit

BUILTIN = "builtin"


def builtin_scenes() -> Path:
    """The folder of the packaged scenes."""
    return Path(__file__).resolve().parent / "scenes"


@dataclass(frozen=True)
class Roots:
    """The folders that this worker knows by name."""

    folders: Mapping[str, Path]

    def scene(self, name: str) -> Path:
        """The real path of a scene, which exists.

        Raises:
            InvalidRequest: ``name`` has no good form, or leaves its root.
            WorkerUnfit: this worker has no such root.
            SceneMissing: there is no such file.
        """
        root, relative = split(name)
        folder = self._folder(root)
        path = _within(folder, folder / relative, name)
        if not path.is_file():
            raise SceneMissing(
                f"scene {relative} is not in root {root} ({folder}): copy it there, or correct"
                " the task's scene"
            )
        return path

    def output(self, name: str) -> Path:
        """The real path of an output, in a folder that is made if need be.

        Raises:
            InvalidRequest: ``name`` has no good form, or leaves its root.
            WorkerUnfit: this worker has no such root, or cannot write there.
        """
        root, relative = split(name)
        if root == BUILTIN:
            raise InvalidRequest(f"output {name}: root {BUILTIN} is read only, use another")
        folder = self._folder(root)
        # The last part stays as it is: a rename replaces a link, it does not follow it.
        parent = _within(folder, (folder / relative).parent, name)
        try:
            parent.mkdir(parents=True, exist_ok=True)
        except FileExistsError:
            raise InvalidRequest(
                f"output {name}: {parent} is a file, so nothing can be written below it"
            ) from None
        except OSError as error:
            raise WorkerUnfit(
                f"cannot make folder {parent} for output {name}: {error.strerror}"
            ) from error
        return parent / relative.name

    def _folder(self, root: str) -> Path:
        folder = builtin_scenes() if root == BUILTIN else self.folders.get(root)
        if folder is None:
            known = ", ".join(sorted(self.folders)) or "none"
            raise WorkerUnfit(
                f"this worker has no root {root!r} (it has: {known}); add it to the setting roots,"
                f' for example RUSHLIGHT_ROOTS=\'{{"{root}": "/mnt/{root}"}}\''
            )
        if not folder.is_dir():
            raise WorkerUnfit(f"folder {folder} of root {root} is not there: is it mounted?")
        return folder.resolve()


def split(name: str) -> tuple[str, PurePosixPath]:
    """The root and the relative path of ``root:relative/path``.

    Raises:
        InvalidRequest: not of that form, absolute, upwards, or with a NUL.
    """
    root, colon, rest = name.partition(":")
    relative = PurePosixPath(rest)
    wrong = None
    if not (root and colon and relative.name):
        wrong = "is not of the form root:relative/path"
    elif "\0" in rest:
        wrong = "has a NUL in it"
    elif relative.is_absolute():
        wrong = "is absolute; write it relative to its root"
    elif ".." in relative.parts:
        wrong = "has .. in it; it must stay in its root"
    if wrong is not None:
        raise InvalidRequest(f"path {name!r} {wrong}")
    return root, relative


def _within(folder: Path, path: Path, name: str) -> Path:
    """``path`` without links, which is in ``folder``."""
    try:
        real = path.resolve()
    except (OSError, RuntimeError) as error:
        raise InvalidRequest(f"path {name!r} cannot be followed: {error}") from None
    if not real.is_relative_to(folder):
        raise InvalidRequest(f"path {name!r} leaves its root by a link; it must stay in {folder}")
    return real
