"""Following tasks: what counts as news, how much is asked for, and outages."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from tests.unit.cli.scripted import Heard, Said, ScriptedFarm, page, problem, task

from rushlight.client import WireClient
from rushlight.client.following import NAMED_MAX, Look, follow
from rushlight.client.news import CHANGED_MAX, Changes, News
from rushlight.client.wire import IDS_MAX
from rushlight.errors import LogUnavailable, Unauthenticated, Unavailable

JOB = Said(body={"jobId": "j", "tasks": 2})
WITHIN_S = 10
# So long that no test passes by asking again in time.
NEVER_S = 1000.0


@pytest.fixture
def client(farm: ScriptedFarm) -> Iterator[WireClient]:
    with WireClient(farm.url) as client:
        yield client


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits of a client that tries again; the tests need none of them."""
    monkeypatch.setattr("rushlight.client.patience.WAITS_S", (0.0,))
    monkeypatch.setattr("rushlight.client.connection.RETRY_WAITS_S", ())


def states(look: Look) -> list[tuple[str, str]]:
    return [(one["taskId"][-2:], one["status"]) for one in look.changed]


def news_of(looks: Iterator[Look]) -> list[list[tuple[str, str]]]:
    return [states(look) for look in looks if look.changed]


def kept(farm: ScriptedFarm, *tasks: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Let the farm answer with these tasks, one by one, by ids, or all; the test may change it."""
    by_id = {one["taskId"]: one for one in tasks}

    def listed(heard: Heard) -> Said:
        wanted = heard.query.get("taskId", ",".join(by_id)).split(",")
        return page(*(by_id[one] for one in wanted[::-1]))

    farm.on("GET", "/renders", listed)
    for task_id in by_id:
        farm.on(
            "GET", f"/renders/{task_id}", lambda heard: Said(body=by_id[heard.path.split("/")[-1]])
        )
    return by_id


def test_an_event_makes_the_task_be_looked_at(farm: ScriptedFarm, client: WireClient) -> None:
    statuses = ("pending", "rendering", "completed")
    farm.on_changing(
        f"/renders/{task()['taskId']}",
        *(Said(body=task(version=n, status=status)) for n, status in enumerate(statuses)),
    )

    found = news_of(follow(client, [task()["taskId"]], poll_s=NEVER_S))

    assert found == [[("01", "pending")], [("01", "rendering")], [("01", "completed")]]
    assert farm.told("GET", "/events")[0].query == {"taskId": task()["taskId"]}


def test_an_event_that_changed_nothing_to_be_seen_is_no_news(
    farm: ScriptedFarm, client: WireClient
) -> None:
    waits, done = Said(body=task()), Said(body=task(status="completed"))
    farm.on_changing(f"/renders/{task()['taskId']}", waits, waits, waits, done)

    found = news_of(follow(client, [task()["taskId"]], poll_s=NEVER_S))

    assert found == [[("01", "pending")], [("01", "completed")]]


def test_what_happens_during_the_first_look_is_not_missed(
    farm: ScriptedFarm, client: WireClient
) -> None:
    by_id = kept(farm, task())
    path = f"/renders/{task()['taskId']}"

    def slow(heard: Heard) -> Said:
        seen = dict(by_id[task()["taskId"]])
        by_id[task()["taskId"]] = task(status="completed")
        farm.tell(task()["taskId"])
        farm.on("GET", path, lambda heard: Said(body=by_id[task()["taskId"]]))
        return Said(body=seen)

    farm.on("GET", path, slow)

    assert news_of(follow(client, [task()["taskId"]], poll_s=NEVER_S)) == [
        [("01", "pending")],
        [("01", "completed")],
    ]
    assert [one.path for one in farm.heard][:2] == ["/events", path]


def test_a_new_task_of_the_job_is_followed_too(farm: ScriptedFarm, client: WireClient) -> None:
    farm.on("GET", "/jobs/j", JOB)
    by_id = kept(farm, task(1), task(2, status="completed"))
    looks = follow(client, job_id="j", poll_s=NEVER_S)
    assert states(next(looks)) == [("01", "pending"), ("02", "completed")]

    by_id |= kept(farm, task(1, status="cancelled"), task(3))
    farm.tell(task(3)["taskId"])
    first = next(news for look in looks if (news := states(look)))
    farm.tell(task(1)["taskId"])
    second = next(news for look in looks if (news := states(look)))

    assert (first, second) == ([("03", "pending")], [("01", "cancelled")])
    assert farm.told("GET", "/events")[0].query == {"jobId": "j"}


def test_many_tasks_are_looked_at_with_few_requests(farm: ScriptedFarm, client: WireClient) -> None:
    count = 2 * IDS_MAX + 1
    by_id = kept(farm, *(task(number) for number in range(count)))
    looks = follow(client, list(by_id), poll_s=NEVER_S)
    assert len(next(looks).changed) == count

    for task_id in by_id:
        by_id[task_id] = {**by_id[task_id], "status": "completed"}
    farm.tell(*by_id, task(count + 1)["taskId"])
    ended = [one["taskId"] for look in looks for one in look.changed]

    assert sorted(ended) == sorted(by_id)
    # Two and a half pages for the first look, and as many afterwards, give or take a burst.
    assert len(farm.heard) < 20
    assert farm.told("GET", "/events")[0].query == {}


def test_events_in_a_burst_are_one_look(farm: ScriptedFarm, client: WireClient) -> None:
    by_id = kept(farm, *(task(number) for number in range(NAMED_MAX)))
    looks = follow(client, list(by_id), poll_s=NEVER_S)
    next(looks)
    for _ in range(200):
        farm.tell(*by_id)
    for task_id in by_id:
        by_id[task_id] = {**by_id[task_id], "status": "completed"}
    farm.tell(*by_id)

    list(looks)

    assert len(farm.heard) < 20


def test_progress_is_asked_for_while_something_renders(
    farm: ScriptedFarm, client: WireClient
) -> None:
    path = f"/renders/{task()['taskId']}"
    half = Said(body=task(status="rendering", progress=0.5))
    farm.on(
        "GET", path, Said(body=task(status="rendering")), half, Said(body=task(status="failed"))
    )

    found = news_of(follow(client, [task()["taskId"]], poll_s=0.01))

    assert found == [[("01", "rendering")], [("01", "rendering")], [("01", "failed")]]


def test_what_waits_is_not_asked_for_again(farm: ScriptedFarm, client: WireClient) -> None:
    kept(farm, task())
    looks = follow(client, [task()["taskId"]], poll_s=0.01)

    for _ in range(10):
        next(looks)

    assert [one.path for one in farm.heard] == ["/events", f"/renders/{task()['taskId']}"]


def test_without_a_choice_all_live_tasks_are_followed(
    farm: ScriptedFarm, client: WireClient
) -> None:
    by_id = kept(farm, task(2, status="failed"), task(1))
    looks = follow(client, poll_s=NEVER_S)
    assert states(next(looks)) == [("01", "pending")]

    by_id[task(1)["taskId"]] = task(1, status="completed")
    farm.tell(task(1)["taskId"])

    assert news_of(looks) == [[("01", "completed")]]


def test_a_look_that_fails_is_an_outage_that_passes(farm: ScriptedFarm, client: WireClient) -> None:
    busy = problem(503, "log-unavailable", "The disk is full.")
    path = f"/renders/{task()['taskId']}"
    farm.on_changing(path, Said(body=task()), busy, Said(body=task(status="completed")))

    looks = [one for one in follow(client, [task()["taskId"]], poll_s=NEVER_S) if any(one)]

    assert [type(look.outage) for look in looks] == [type(None), LogUnavailable, type(None)]


def test_a_stream_that_breaks_is_an_outage_that_passes(
    farm: ScriptedFarm, client: WireClient
) -> None:
    by_id = kept(farm, task())
    looks = follow(client, [task()["taskId"]], poll_s=0.05)
    next(looks)
    farm.on("GET", "/events", Said(breaks=True))

    farm.break_streams()
    outage = next(look.outage for look in looks if look.outage is not None)
    by_id[task()["taskId"]] = task(status="completed")
    farm.serve_streams(after=task()["taskId"])

    assert "broke" in str(outage)
    assert news_of(looks) == [[("01", "completed")]]


CROWDED = [
    problem(429, "rate-limited", "anonymous has 50 streams of events open"),
    problem(503, "unavailable", "the farm has 200 streams of events open"),
]


@pytest.mark.parametrize("crowded", CROWDED, ids=["of this principal", "of all"])
def test_without_a_stream_to_spare_the_farm_is_asked_again_and_again(
    farm: ScriptedFarm, client: WireClient, crowded: Said
) -> None:
    by_id = kept(farm, task(1), task(2))
    farm.on("GET", "/events", crowded)
    looks = follow(client, list(by_id), poll_s=0.01)
    assert len(next(looks).changed) == 2

    for task_id in by_id:
        by_id[task_id] = {**by_id[task_id], "status": "completed"}

    assert news_of(looks) == [[("01", "completed"), ("02", "completed")]]


@pytest.mark.parametrize("crowded", CROWDED, ids=["of this principal", "of all"])
def test_a_stream_that_cannot_be_opened_again_is_done_without(
    farm: ScriptedFarm, client: WireClient, crowded: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rushlight.client.patience.OUTAGE_MAX_S", 0.1)
    by_id = kept(farm, task())
    looks = follow(client, [task()["taskId"]], poll_s=0.05)
    next(looks)
    farm.on("GET", "/events", crowded)

    farm.break_streams()
    for _ in range(10):
        assert next(looks).outage is None
    by_id[task()["taskId"]] = task(status="completed")

    assert news_of(looks) == [[("01", "completed")]]


def test_an_outage_that_does_not_pass_is_an_error(
    farm: ScriptedFarm, client: WireClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rushlight.client.patience.OUTAGE_MAX_S", -1)
    busy = problem(503, "bus-closed", "The farm is stopping.")
    farm.on_changing(f"/renders/{task()['taskId']}", Said(body=task()), busy)

    with pytest.raises(Unavailable, match="stopping"):
        list(follow(client, [task()["taskId"]], poll_s=NEVER_S))


def test_a_refused_stream_is_an_error(farm: ScriptedFarm, client: WireClient) -> None:
    kept(farm, task())
    looks = follow(client, [task()["taskId"]], poll_s=0.05)
    next(looks)
    farm.on("GET", "/events", problem(401, "unauthenticated", "The key was revoked."))

    farm.break_streams()

    with pytest.raises(Unauthenticated, match="revoked"):
        list(looks)


def test_whoever_stops_following_leaves_no_thread_behind(
    farm: ScriptedFarm, client: WireClient
) -> None:
    kept(farm, task())
    looks = follow(client, [task()["taskId"]], poll_s=NEVER_S)
    next(looks)
    assert "news" in {one.name for one in threading.enumerate()}

    looks.close()  # type: ignore[attr-defined]

    assert "news" not in {one.name for one in threading.enumerate()}


def test_more_changes_than_are_kept_may_be_any(farm: ScriptedFarm, client: WireClient) -> None:
    news = News(client)
    news.put(Changes(frozenset(map(str, range(CHANGED_MAX + 1)))))

    assert news.take() == Changes(frozenset(), everything=True)
    assert news.take() == Changes(frozenset(), everything=False)
    news.close()


def test_after_too_many_changes_all_that_is_open_is_looked_at(
    farm: ScriptedFarm, client: WireClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rushlight.client.news.CHANGED_MAX", 1)
    farm.on("GET", "/jobs/j", JOB)
    by_id = kept(farm, *(task(number) for number in range(5)))
    looks = follow(client, job_id="j", poll_s=NEVER_S)
    next(looks)

    for task_id in by_id:
        by_id[task_id] = {**by_id[task_id], "status": "completed"}
    farm.tell(*by_id)

    assert sorted(one for found in news_of(looks) for one in found) == [
        (f"{number:02}", "completed") for number in range(5)
    ]
