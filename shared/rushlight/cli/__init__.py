"""The command line ``rushlight``: talks to a farm over HTTP, and starts what is installed here.

Services are found by their entry points and never imported. Data goes to stdout, everything else
to stderr: tables for people in a terminal, lines with tabs in a pipe, the API's own JSON with
``--json``.
"""

import gc
import sys


def main() -> None:
    """Run the command line; exits with a code of ``rushlight.cli.exits``."""
    # httpx brings a command line of its own, with rich and pygments: a fifth of our time to start.
    sys.modules["httpx._main"] = None  # type: ignore[assignment]
    from rushlight.cli.root import rushlight  # noqa: PLC0415 - `rushlight.cli` is imported by many

    try:
        rushlight(prog_name="rushlight")
    finally:
        # At its end the interpreter looks through all that was ever loaded: 0.3 s for a farm.
        gc.freeze()
