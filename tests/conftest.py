"""What every test may count on."""

import os
import signal

import pytest

# Whoever runs the tests in the background has SIGINT ignored, and so would every command that they
# start; some are interrupted on purpose.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Async tests run on asyncio, as the farm does."""
    return "asyncio"


def pytest_sessionfinish(session: pytest.Session) -> None:
    """In CI a skipped test is a failed run: what CI does not run, nobody runs."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("CI") != "true" or reporter is None:
        return
    if reporter.stats.get("skipped"):
        reporter.ensure_newline()
        reporter.write_line("CI=true: a skipped test fails the run", red=True, bold=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
