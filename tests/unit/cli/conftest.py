"""What the tests of client and command line share."""

from collections.abc import Callable, Iterator

import pytest
from click.testing import CliRunner, Result
from tests.unit.cli.scripted import ScriptedFarm

from rushlight.cli.root import rushlight

Run = Callable[..., Result]


@pytest.fixture
def farm() -> Iterator[ScriptedFarm]:
    """A farm that answers as the test says."""
    with ScriptedFarm() as farm:
        yield farm


@pytest.fixture
def run(farm: ScriptedFarm) -> Run:
    """Run a command on that farm; stdin is no terminal, stdout a pipe."""

    def run(*words: str, **rest: object) -> Result:
        env = {"RUSHLIGHT_URL": farm.url}
        return CliRunner().invoke(rushlight, list(words), env=env, **rest)  # type: ignore[arg-type]

    return run
