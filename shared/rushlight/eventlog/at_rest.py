"""Reading a log that nobody has open, and leaving nothing beside it.

SQLite would lay a write-ahead file beside a log that it only reads, which may then belong to
somebody who is not the farm. It does not if it is told that the file stays as it is (``immutable``,
https://sqlite.org/uri.html); whether it did, one has to look for oneself afterwards.
"""

from contextlib import ExitStack
from pathlib import Path

from rushlight.errors import LogInUse


def reading_uri(path: Path) -> str:
    """The URI to read a log with: as it lies there, or along with whoever writes it."""
    mode = "mode=ro&immutable=1" if _is_at_rest(path) else "mode=ro"
    return f"{path.absolute().as_uri()}?{mode}"


def reading_uri_until(path: Path, held: ExitStack) -> str:
    """The same for a reading that takes longer: when ``held`` is let go, it is looked again.

    A farm that has started meanwhile does no harm before it moves pages into the file.

    Raises:
        LogInUse: then, if that has happened: what was read may belong to two states.
    """
    # Before it is looked who has it open: whatever comes in between is seen.
    before = _state(path)
    uri = reading_uri(path)
    if "immutable" in uri:
        held.callback(_refuse_if_moved, path, before)
    return uri


def _is_at_rest(path: Path) -> bool:
    return not path.with_name(f"{path.name}-wal").exists()


def _state(path: Path) -> tuple[int, int, int]:
    found = path.stat()
    return found.st_ino, found.st_size, found.st_mtime_ns


def _refuse_if_moved(path: Path, before: tuple[int, int, int]) -> None:
    if not path.exists() or _state(path) != before:
        raise LogInUse(
            f"a farm has begun to write {path} while it was read, so what was read may be wrong:"
            " do it again"
        )
