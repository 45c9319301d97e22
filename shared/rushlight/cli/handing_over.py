"""How a new key or token reaches whoever made it: on stdout alone, or in a file of their own."""

import os
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import rich_click as click

from rushlight.cli.output import Json, Output
from rushlight.client.credentials import OTHERS, open_for_owner
from rushlight.errors import InvalidRequest


def into_a_file(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--out``."""
    return click.option(
        "--out",
        "file",
        type=click.Path(dir_okay=False, path_type=Path),
        metavar="FILE",
        help="Write it into this new file, which only you can read, and not to stdout.",
    )(command)


def hand_over(make: Callable[[], Json], *, named: str, out: Output, file: Path | None) -> Json:
    """Make something; its field ``named`` goes into ``file`` if there is one, else to stdout.

    Raises:
        InvalidRequest: ``file`` is there already, or cannot be made; nothing was made then.
    """
    made = make() if file is None else _into(file, make, named)
    if out.as_json:
        out.document(made)
    elif file is None:
        print(made[named], flush=True)
    else:
        out.note(f"the {named} is in {file}")
    if file is None and _others_can_read_stdout():
        out.note(f"warning: others can read the file that the {named} went to: chmod 600 it")
    return made


def _into(file: Path, make: Callable[[], Json], named: str) -> Json:
    """The file comes first: one that cannot be written would leave a secret that nobody has."""
    try:
        opened = open_for_owner(file)
    except OSError as error:
        raise InvalidRequest(f"{file} cannot be made ({error.strerror}): name a new file") from None
    try:
        with opened:
            made = make()
            opened.write(f"{made[named]}\n")
    except BaseException:
        file.unlink()
        raise
    return {field: value for field, value in made.items() if field != named}


def _others_can_read_stdout() -> bool:
    try:
        mode = os.fstat(sys.stdout.fileno()).st_mode
    except (OSError, ValueError):
        # No file behind it: a program that runs us, or a test.
        return False
    return stat.S_ISREG(mode) and bool(mode & OTHERS)
