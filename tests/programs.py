"""Programs of the system that some tests need; ``tools/programs.sh`` installs them."""

import shutil

import pytest


def needs(program: str) -> pytest.MarkDecorator:
    """Skip without ``program``, and say what to do; in CI a skipped test is a failure."""
    return pytest.mark.skipif(
        shutil.which(program) is None,
        reason=f"{program} is not installed: run tools/programs.sh, it says how",
    )
