"""Following tasks: what counts as news, outages, and large jobs."""

from collections.abc import Iterator

import pytest
from tests.unit.cli.scripted import Heard, Said, ScriptedFarm, page, problem, task

from rushlight.client import WireClient
from rushlight.client.following import ONE_BY_ONE_MAX, Look, follow
from rushlight.errors import LogUnavailable, Unavailable

JOB = Said(body={"jobId": "j", "tasks": 2})


@pytest.fixture
def client(farm: ScriptedFarm) -> Iterator[WireClient]:
    with WireClient(farm.url) as client:
        yield client


def states(look: Look) -> list[tuple[str, str]]:
    return [(one["taskId"][-2:], one["status"]) for one in look.changed]


def test_only_what_changed_is_news(farm: ScriptedFarm, client: WireClient) -> None:
    waits, renders, done = (
        Said(body=task(1, status=status)) for status in ("pending", "rendering", "completed")
    )
    farm.on("GET", f"/renders/{task()['taskId']}", waits, waits, renders, done)

    looks = list(follow(client, [task()["taskId"]], poll_s=0))

    assert [states(look) for look in looks] == [
        [("01", "pending")],
        [],
        [("01", "rendering")],
        [("01", "completed")],
    ]


def test_a_job_is_listed_and_what_left_the_list_is_looked_up(
    farm: ScriptedFarm, client: WireClient
) -> None:
    farm.on("GET", "/jobs/j", JOB)
    farm.on(
        "GET",
        "/renders",
        page(task(2), task(1, status="completed")),
        page(task(3), task(2)),
        page(task(4, status="failed")),
    )
    farm.on("GET", f"/renders/{task(2)['taskId']}", Said(body=task(2, status="cancelled")))
    farm.on("GET", f"/renders/{task(3)['taskId']}", Said(body=task(3, status="completed")))

    looks = [states(look) for look in follow(client, job_id="j", poll_s=0)]

    assert looks[:2] == [[("01", "completed"), ("02", "pending")], [("03", "pending")]]
    assert sorted(looks[2]) == [("02", "cancelled"), ("03", "completed")]
    assert {one.query.get("jobId") for one in farm.told("GET", "/renders")} == {"j"}


def test_many_tasks_are_not_asked_for_one_by_one(farm: ScriptedFarm, client: WireClient) -> None:
    tasks = [task(number) for number in range(1, ONE_BY_ONE_MAX + 2)]

    def one(heard: Heard) -> Said:
        listed = farm.told("GET", "/renders")
        return Said(body={**by_path[heard.path], "status": "completed" if listed else "pending"})

    by_path = {f"/renders/{one['taskId']}": one for one in tasks}
    for path in by_path:
        farm.on("GET", path, one)
    farm.on("GET", "/renders", page(*tasks), page())

    list(follow(client, [one["taskId"] for one in tasks], poll_s=0))

    assert len(farm.told("GET", f"/renders/{tasks[0]['taskId']}")) == 2
    assert len(farm.told("GET", "/renders")) == 2


def test_without_a_choice_all_live_tasks_are_followed(
    farm: ScriptedFarm, client: WireClient
) -> None:
    farm.on("GET", "/renders", page(task(2, status="failed"), task(1)), page())
    farm.on("GET", f"/renders/{task()['taskId']}", Said(body=task(status="completed")))

    looks = [states(look) for look in follow(client, poll_s=0)]

    assert looks == [[("01", "pending")], [("01", "completed")]]


def test_an_outage_is_told_and_passes(
    farm: ScriptedFarm, client: WireClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rushlight.client.connection.RETRY_WAITS_S", ())
    busy = problem(503, "log-unavailable", "The disk is full.")
    path = f"/renders/{task()['taskId']}"
    farm.on("GET", path, Said(body=task()), busy, Said(body=task(status="completed")))

    looks = list(follow(client, [task()["taskId"]], poll_s=0))

    assert [type(look.outage) for look in looks] == [type(None), LogUnavailable, type(None)]


def test_an_outage_that_does_not_pass_is_an_error(
    farm: ScriptedFarm, client: WireClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rushlight.client.connection.RETRY_WAITS_S", ())
    monkeypatch.setattr("rushlight.client.following.OUTAGE_MAX_S", -1)
    busy = problem(503, "bus-closed", "The farm is stopping.")
    farm.on("GET", f"/renders/{task()['taskId']}", Said(body=task()), busy)

    with pytest.raises(Unavailable, match="stopping"):
        list(follow(client, [task()["taskId"]], poll_s=0))
