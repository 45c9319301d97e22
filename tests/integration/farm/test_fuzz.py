"""A farm that was fuzzed: it has refused, not broken, and works as before.

``python -m tests.fuzz --seconds 300 --seed N`` is the long run of the same.
"""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from tests.fuzz import fuzz
from tests.integration.farm.node import Node, submit, task, until
from tests.integration.farm.process import FarmProcess
from tests.postman_runner import Run, read

from rushlight.eventlog.audit import verify

SEEDS = (1, 20261123)
SECONDS = 7.5
# The caches of this run are still filling; five minutes show no more than that.
GROWTH_MIB = 40


@pytest.fixture(scope="module", params=SEEDS)
def fuzzed(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[FarmProcess]:
    """A farm after the fuzz, which has seen nothing that it should not."""
    farm, found = fuzz(tmp_path_factory.mktemp("fuzz"), SECONDS, request.param)
    try:
        assert found.bad == [], found
        assert {200, 201, 400, 404, 405, 415} <= found.statuses.keys(), found
        assert found.grown_mib(2) < GROWTH_MIB, found
        yield farm
    finally:
        farm.stop()


def test_it_still_does_all_that_the_story_tells(fuzzed: FarmProcess) -> None:
    with httpx.Client(timeout=60) as http:
        sent = list(Run(read(), http, baseUrl=fuzzed.url).requests())

    assert [str(one) for one in sent if not one.ok] == []


def test_it_still_renders(fuzzed: FarmProcess, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    node = Node(fuzzed, "node", tmp_path / "out")
    try:
        task_id = submit(fuzzed, frames="1-2")
        until(lambda: task(fuzzed, task_id)["status"] == "completed", "it renders", 40)
    finally:
        node.end()

    assert len(list((tmp_path / "out").rglob("*.png"))) == 2


def test_its_log_can_be_decided_again(fuzzed: FarmProcess) -> None:
    assert verify(fuzzed.data).clean
