"""``root:relative/path``: how scenes and outputs are named, and what such a name may not reach.

Which folder a root is, is a matter of each machine; nothing here knows of any.
"""

from pathlib import Path, PurePosixPath

from rushlight.errors import InvalidRequest


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


def within(folder: Path, path: Path, name: str) -> Path:
    """``path`` without links, which is in ``folder``; ``name`` is what to call it.

    Raises:
        InvalidRequest: a link on it leads out of the folder, or round in a circle.
    """
    try:
        real = path.resolve()
    except (OSError, RuntimeError) as error:
        raise InvalidRequest(f"path {name!r} cannot be followed: {error}") from None
    if not real.is_relative_to(folder):
        raise InvalidRequest(f"path {name!r} leaves its root by a link; it must stay in {folder}")
    return real
