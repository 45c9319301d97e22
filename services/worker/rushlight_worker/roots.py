"""``root:relative/path`` to a real path on this node, and never to one outside the root.

Roots come from the worker's settings. ``builtin`` is always there and holds the packaged scenes;
nothing is written to it. Whether a file is complete is not asked here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rushlight.errors import InvalidRequest, SceneMissing, WorkerUnfit
from rushlight.roots import split, within

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
        path = within(folder, folder / relative, name)
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
        parent = within(folder, (folder / relative).parent, name)
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
