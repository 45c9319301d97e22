"""The command line ``rushlight``: talks to a farm over HTTP, and starts what is installed here.

Services are found by their entry points and never imported. Data goes to stdout, everything else
to stderr: tables for people in a terminal, lines with tabs in a pipe, the API's own JSON with
``--json``.
"""


def main() -> None:
    """Run the command line; exits with a code of ``rushlight.cli.exits``."""
    from rushlight.cli.root import rushlight  # noqa: PLC0415 - `rushlight.cli` is imported by many

    rushlight(prog_name="rushlight")
