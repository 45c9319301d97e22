"""``rushlight audit log`` finds what a look at every event finds, and looks at fewer."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from tests.integration.cli.conftest import Cli
from tests.property.past import busy

from rushlight.eventlog.log import FarmLog
from rushlight.testing import ManualClock

ROUNDS = 300
SEED = 3
Event = dict[str, Any]


@pytest.fixture(scope="module")
def audit(tmp_path_factory: pytest.TempPathFactory) -> Cli:
    """Commands on the log of a farm on which much has happened."""
    data = tmp_path_factory.mktemp("busy") / "data"
    with FarmLog.open(data, clock=ManualClock()) as log:
        busy(log, ROUNDS, SEED)
    return Cli("http://127.0.0.1:1", data)


@pytest.fixture(scope="module")
def events(audit: Cli) -> list[Event]:
    """All events of that log."""
    return listed(audit)


def listed(audit: Cli, *given: object) -> list[Event]:
    done = audit("audit", "log", *given, "--json")
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


CASES: tuple[tuple[tuple[object, ...], Callable[[Event], bool]], ...] = (
    (("--worker", "push-1"), lambda e: e["workerId"] == "push-1"),
    (("--worker", "pull-1", "--kind", "task"), lambda e: _named(e, "pull-1", "task.")),
    (("--job", "job"), lambda e: False),
    (("--principal", "reaper"), lambda e: e["principal"] == "reaper"),
    (("--kind", "task.stop"), lambda e: "task.stop" in e["topic"]),
    (("--kind", "rushlight.task.lost"), lambda e: e["topic"] == "rushlight.task.lost"),
    (("--kind", "worker.*", "--from", 200), lambda e: _from(e, 200, "worker.")),
    (("--from", 150, "--to", 160), lambda e: 150 <= e["position"] <= 160),
    (("--from", 999_999), lambda e: False),
)


def _named(event: Event, worker: str, kind: str) -> bool:
    return bool(event["workerId"] == worker and event["topic"].startswith(f"rushlight.{kind}"))


def _from(event: Event, position: int, kind: str) -> bool:
    return bool(event["position"] >= position and event["topic"].startswith(f"rushlight.{kind}"))


def job_of(events: list[Event]) -> set[str]:
    """The tasks of the job, by what was said when they were submitted."""
    return {e["taskId"] for e in events if e["payload"].get("job_id") == "job"}


@pytest.mark.parametrize(
    ("given", "fits"), CASES, ids=[" ".join(map(str, given)) for given, _ in CASES]
)
def test_filters_find_what_fits_and_the_last_of_it(
    audit: Cli, events: list[Event], given: tuple[object, ...], fits: Callable[[Event], bool]
) -> None:
    expected = [event for event in events if fits(event)]
    if "--job" in given:
        tasks = job_of(events)
        expected = [event for event in events if event["taskId"] in tasks]

    assert expected or 999_999 in given
    assert listed(audit, *given) == expected
    assert listed(audit, *given, "--last", 3) == expected[-3:]


def test_the_life_of_a_task_is_its_stream(audit: Cli, events: list[Event]) -> None:
    task = next(event["taskId"] for event in events if event["topic"].endswith("requeued"))

    assert listed(audit, "--task", task[:13]) == [e for e in events if e["taskId"] == task]


def test_a_span_of_time_is_that_of_its_rounds(audit: Cli, events: list[Event]) -> None:
    start, end = events[200]["time"], events[400]["time"]
    expected = [event for event in events if start <= event["time"] <= end]

    assert listed(audit, "--from", start, "--to", end) == expected


def test_an_unknown_kind_names_those_that_there_are(audit: Cli) -> None:
    done = audit("audit", "log", "--kind", "task.exploded")

    assert done.returncode == 2
    assert "task.completed" in done.stderr


def test_nothing_found_is_said(audit: Cli) -> None:
    done = audit("audit", "log", "--worker", "nobody")

    assert (done.returncode, done.stdout, done.stderr.strip()) == (0, "", "no such events")
