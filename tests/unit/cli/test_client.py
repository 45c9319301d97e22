"""The client against a server that breaks, hesitates and refuses."""

import socket
from collections.abc import Iterator
from dataclasses import replace
from uuid import UUID

import pytest
from tests.unit.cli.scripted import Heard, Said, ScriptedFarm, page, problem, task

from rushlight.client import FarmClient, WireClient
from rushlight.errors import (
    IllegalTransition,
    InvalidRequest,
    KeyReused,
    NoAnswer,
    NotFound,
    OutputTaken,
    RuleBroken,
    RushlightError,
    Unavailable,
)
from rushlight.messages.resources import ExpandBody, RenderBody

ACCEPTED = Said(202, {"commandId": "c1", "taskIds": [], "status": "accepted"})


@pytest.fixture
def client(farm: ScriptedFarm) -> Iterator[WireClient]:
    with WireClient(farm.url) as client:
        yield client


def at_once(said: Said) -> Said:
    """The same answer, asking to be asked again without delay."""
    return replace(said, headers={"Retry-After": "0"})


def keys(heard: list[Heard]) -> set[str | None]:
    return {one.key for one in heard}


def test_a_change_is_sent_again_with_its_key_when_the_connection_breaks(
    farm: ScriptedFarm, client: WireClient
) -> None:
    farm.on("POST", "/renders", Said(breaks=True), Said(201, task()))

    assert client.submit({"priority": "HIGH"}) == task()

    first, again = farm.told("POST", "/renders")
    assert first == again
    assert str(UUID(first.key or "")) == first.key


@pytest.mark.parametrize(
    "busy",
    [
        problem(503, "bus-full", "The queue is full."),
        problem(429, "rate-limited", "ann sends more requests than the farm takes from one."),
    ],
    ids=["full", "limited"],
)
def test_a_change_is_sent_again_when_the_farm_is_busy(
    farm: ScriptedFarm, client: WireClient, busy: Said
) -> None:
    farm.on("POST", "/renders", at_once(busy), Said(201, task()))

    client.submit({})

    assert len(farm.told("POST", "/renders")) == 2
    assert len(keys(farm.heard)) == 1


def test_two_changes_have_two_keys(farm: ScriptedFarm, client: WireClient) -> None:
    farm.on("POST", "/renders", Said(201, task()))

    client.submit({})
    client.submit({})

    assert len(keys(farm.heard)) == 2


def test_a_late_outcome_is_waited_for_and_read_with_the_same_key(
    farm: ScriptedFarm, client: WireClient
) -> None:
    farm.on("POST", "/renders", ACCEPTED, Said(201, task()))
    farm.on(
        "GET",
        "/commands/c1",
        problem(404, "not-found", "not yet"),
        Said(body={"commandId": "c1", "status": "done", "code": "done", "detail": ""}),
    )

    assert client.submit({}) == task()

    assert len(keys(farm.told("POST", "/renders"))) == 1
    assert len(farm.told("GET", "/commands/c1")) == 2


def test_a_late_refusal_is_raised_as_what_it_is(farm: ScriptedFarm, client: WireClient) -> None:
    farm.on("POST", "/renders", ACCEPTED)
    refused = {"commandId": "c1", "status": "refused", "code": "output-taken", "detail": "taken"}
    farm.on("GET", "/commands/c1", Said(body=refused))

    with pytest.raises(OutputTaken, match="taken"):
        client.submit({})


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (404, "not-found", NotFound),
        (400, "invalid-request", InvalidRequest),
        (422, "key-reused", KeyReused),
        (409, "illegal-transition", IllegalTransition),
        (409, "rule-of-a-newer-farm", RuleBroken),
        (413, "body-too-large", InvalidRequest),
        (500, "internal-error", RushlightError),
    ],
)
def test_a_problem_becomes_the_error_that_it_was(
    farm: ScriptedFarm, client: WireClient, status: int, code: str, kind: type[RushlightError]
) -> None:
    farm.on("GET", "/jobs/j", problem(status, code, "Say so."))

    with pytest.raises(kind, match="Say so") as caught:
        client.job("j")

    assert type(caught.value) is kind
    assert caught.value.facts["problem"]["status"] == status


def test_wrong_fields_that_the_text_leaves_out_are_added_to_it(
    farm: ScriptedFarm, client: WireClient
) -> None:
    parts = [
        {"pointer": "#/frames", "detail": "is no range"},
        {"pointer": "#/scene", "detail": "has no root"},
    ]
    said = problem(422, "invalid-request", "#/frames is no range; and 1 more", errors=parts)
    farm.on("POST", "/renders", said)

    with pytest.raises(InvalidRequest) as caught:
        client.submit({})

    assert str(caught.value) == "#/frames is no range; and 1 more\n#/scene has no root"


def test_a_farm_that_stays_busy_is_unavailable_in_its_own_words(
    farm: ScriptedFarm, client: WireClient
) -> None:
    busy = problem(503, "bus-full", "The queue is full.")
    farm.on("GET", "/workers/w", at_once(busy))

    with pytest.raises(Unavailable, match="The queue is full"):
        client.worker("w")

    assert len(farm.heard) > 1


def test_where_nobody_listens_there_is_no_farm() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"

        with WireClient(url) as client, pytest.raises(Unavailable, match="no farm answers at"):
            client.task("t")


@pytest.mark.parametrize(
    "said",
    [
        Said(404, b"<html>", "text/html"),
        Said(200, b"<html>", "text/html"),
        Said(200, b"[" * 200_000, "application/json"),
    ],
)
def test_another_server_is_no_farm(farm: ScriptedFarm, client: WireClient, said: Said) -> None:
    farm.on("GET", "/renders/t", said)

    with pytest.raises(RushlightError, match="is no Rushlight farm"):
        client.task("t")


@pytest.mark.parametrize("url", ["farm:3000", "", "ftp://farm", "http://", "http://[::1"])
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(InvalidRequest, match="no address"):
        WireClient(url)


def test_names_are_quoted_in_paths(farm: ScriptedFarm, client: WireClient) -> None:
    farm.on("GET", "/jobs/shot 010/?", Said(body={"jobId": "shot 010/?"}))

    assert client.job("shot 010/?") == {"jobId": "shot 010/?"}


def test_a_list_is_read_page_by_page_up_to_its_limit(
    farm: ScriptedFarm, client: WireClient
) -> None:
    farm.on("GET", "/renders", page(task(1), task(2), next="c"), page(task(3), next="d"))

    found = list(client.tasks(limit=3, status="failed"))

    assert [one["taskId"] for one in found] == [task(n)["taskId"] for n in (1, 2, 3)]
    assert [one.query for one in farm.heard] == [
        {"limit": "3", "status": "failed"},
        {"limit": "1", "status": "failed", "cursor": "c"},
    ]


def test_a_log_goes_on_where_the_farm_says_not_where_the_text_ends(
    farm: ScriptedFarm, client: WireClient
) -> None:
    path = "/renders/t/attempts/1/log"
    grows = {"X-Log-Size": "9000000", "X-Log-Complete": "false"}
    whole = {"X-Log-Size": "9000003", "X-Log-Complete": "true"}
    farm.on(
        "GET",
        path,
        Said(200, b"start [left out] end", "text/plain", grows),
        Said(200, b"two", "text/plain", whole),
    )

    first = client.attempt_log("t", 1)
    assert first == (b"start [left out] end", 9_000_000, False)
    assert client.attempt_log("t", 1, first.next, wait_s=25) == (b"two", 9_000_003, True)
    assert [one.query for one in farm.heard] == [
        {"offset": "0"},
        {"offset": "9000000", "wait": "25"},
    ]


def test_models_say_only_what_was_set(farm: ScriptedFarm) -> None:
    farm.on("POST", "/renders", Said(201, task(priority="HIGH", estimatedRenderTime=3600)))

    with FarmClient(farm.url) as client:
        made = client.submit(RenderBody(priority="HIGH", estimated_render_time=3600))

    assert farm.heard[0].body == {"priority": "HIGH", "estimatedRenderTime": 3600}
    assert (made.priority, made.estimated_render_time) == ("HIGH", 3600)


def test_a_batch_is_one_request(farm: ScriptedFarm) -> None:
    ids = [task(1)["taskId"], task(2)["taskId"]]
    farm.on("POST", "/renders/batch", Said(201, {"jobId": "j", "taskIds": ids, "count": 2}))

    with FarmClient(farm.url) as client:
        client.submit_batch([RenderBody(priority="LOW"), RenderBody()], job_id="j")
        made = client.expand(ExpandBody(frames="1-8", frames_per_task=4))

    assert [one.body for one in farm.heard] == [
        {"jobId": "j", "tasks": [{"priority": "LOW"}, {}]},
        {"frames": "1-8", "framesPerTask": 4},
    ]
    assert [str(one) for one in made.task_ids] == ids


def test_waiting_ends_when_all_have_ended_for_good(farm: ScriptedFarm) -> None:
    one, two = task(1)["taskId"], task(2)["taskId"]
    retried = task(2, status="failed", retryAt="2026-01-02T03:05:00Z")

    def look(heard: Heard) -> Said:
        farm.tell(two)
        return page(retried, task(1, status="completed"))

    farm.on("GET", "/renders", look)
    farm.on("GET", f"/renders/{two}", Said(body=task(2, status="failed", version=2)))
    seen: list[str] = []

    with FarmClient(farm.url) as client:
        ended = client.wait(one, two, seen=lambda task: seen.append(task.status))

    assert [(str(t.task_id), t.status) for t in ended] == [(one, "completed"), (two, "failed")]
    assert seen == ["completed", "failed", "failed"]


def test_waiting_too_long_says_how_many_are_left(farm: ScriptedFarm) -> None:
    farm.on("GET", f"/renders/{task()['taskId']}", Said(body=task()))

    with FarmClient(farm.url) as client, pytest.raises(NoAnswer, match="1 task has"):
        client.wait(task()["taskId"], timeout_s=0)
