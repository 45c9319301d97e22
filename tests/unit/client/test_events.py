"""The stream of events over connections that break, stall and are refused."""

import threading
import time
from collections.abc import Iterator
from itertools import islice

import pytest
from tests.unit.cli.scripted import Frames, Heard, Said, ScriptedFarm, happened, problem, reached

from rushlight.client import FarmClient, WireClient
from rushlight.client.events import EventStream
from rushlight.client.wire import Json
from rushlight.errors import InvalidRequest, NoAnswer, NotFound, RushlightError, Unavailable

PROMPT_S = 5


@pytest.fixture
def farm() -> Iterator[ScriptedFarm]:
    with ScriptedFarm() as farm:
        yield farm


@pytest.fixture
def client(farm: ScriptedFarm) -> Iterator[WireClient]:
    with WireClient(farm.url) as client:
        yield client


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits of a client that tries again; the tests need none of them."""
    monkeypatch.setattr("rushlight.client.patience.WAITS_S", (0.0,))


def connections(farm: ScriptedFarm, *streams: Frames) -> None:
    """One stream per connection; the last one stays open."""
    for stream in streams[:-1]:
        stream.end()
    farm.on("GET", "/events", *(Said(frames=stream) for stream in streams))


def positions(stream: EventStream[Json], count: int) -> list[int]:
    return [one["position"] for one in islice(stream, count)]


def last_ids(farm: ScriptedFarm) -> list[str | None]:
    return [one.last_event_id for one in farm.told("GET", "/events")]


def test_a_broken_connection_goes_on_behind_the_last_event(
    farm: ScriptedFarm, client: WireClient
) -> None:
    connections(
        farm,
        Frames(reached(4), happened(5), happened(7)),
        Frames(reached(7), happened(8)),
    )

    with client.stream() as stream:
        found = positions(stream, 3)

    assert found == [5, 7, 8]
    assert last_ids(farm) == [None, "7"]


def test_half_an_event_is_none(farm: ScriptedFarm, client: WireClient) -> None:
    whole = happened(6)
    connections(
        farm, Frames(reached(4), happened(5), whole[:-1]), Frames(reached(5), whole, happened(9))
    )

    with client.stream() as stream:
        found = positions(stream, 3)

    assert found == [5, 6, 9]
    assert last_ids(farm) == [None, "5"]


def test_a_frame_without_an_event_moves_the_place_to_go_on_from(
    farm: ScriptedFarm, client: WireClient
) -> None:
    connections(farm, Frames(reached(4), reached(900)), Frames(reached(900), happened(901)))

    with client.stream() as stream:
        assert stream.position == 4
        assert positions(stream, 1) == [901]
        assert stream.position == 901

    assert last_ids(farm) == [None, "900"]


def test_a_break_before_the_first_event_loses_nothing(
    farm: ScriptedFarm, client: WireClient
) -> None:
    connections(farm, Frames(reached(4)), Frames(reached(4), happened(5)))

    with client.stream() as stream:
        assert positions(stream, 1) == [5]

    assert last_ids(farm) == [None, "4"]


def test_a_reset_goes_on_from_what_was_read_not_from_where_the_farm_is(
    farm: ScriptedFarm, client: WireClient
) -> None:
    reset = b'event: reset\ndata: {"position": 90000, "reason": "too slow"}\n\n'
    connections(
        farm, Frames(reached(4), happened(5), reset), Frames(reached(5), happened(6), happened(7))
    )

    with client.stream() as stream:
        assert positions(stream, 3) == [5, 6, 7]

    assert last_ids(farm) == [None, "5"]


def test_silence_is_a_broken_connection(
    farm: ScriptedFarm, client: WireClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rushlight.client.events.SILENCE_MAX_S", 0.2)
    silent, live = Frames(reached(4)), Frames(reached(4), happened(5))
    farm.on("GET", "/events", Said(frames=silent), Said(frames=live))

    with client.stream() as stream:
        assert positions(stream, 1) == [5]

    silent.end()
    live.end()
    assert last_ids(farm) == [None, "4"]


def test_what_passes_is_waited_for_and_told(farm: ScriptedFarm, client: WireClient) -> None:
    busy = problem(503, "unavailable", "The farm is stopping.")
    crowded = problem(429, "rate-limited", "You have 16 streams open.")
    first, last = Frames(reached(4)), Frames(reached(4), happened(5))
    first.end()
    farm.on("GET", "/events", Said(frames=first), busy, crowded, Said(frames=last))
    told: list[RushlightError | None] = []

    with client.stream(told=told.append) as stream:
        assert positions(stream, 1) == [5]

    assert [error and str(error) for error in told] == [
        "The farm is stopping.",
        "You have 16 streams open.",
        None,
    ]


def test_a_connection_that_is_there_again_at_once_is_no_news(
    farm: ScriptedFarm, client: WireClient
) -> None:
    connections(farm, Frames(reached(4)), Frames(reached(4), happened(5)))
    told: list[object] = []

    with client.stream(told=told.append) as stream:
        positions(stream, 1)

    assert told == []


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        (problem(422, "invalid-request", "beyond the end of the log"), InvalidRequest),
        (problem(404, "not-found", "There is no /events"), NotFound),
        (Said(200, b"<html>", "text/html"), RushlightError),
    ],
)
def test_what_does_not_pass_is_raised(
    farm: ScriptedFarm, client: WireClient, said: Said, kind: type[RushlightError]
) -> None:
    first = Frames(reached(4))
    first.end()
    farm.on("GET", "/events", Said(frames=first), said)

    with client.stream() as stream, pytest.raises(kind) as raised:
        next(stream)

    assert type(raised.value) is kind
    assert len(farm.told("GET", "/events")) == 2


def test_an_outage_that_does_not_pass_is_raised(
    farm: ScriptedFarm, client: WireClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rushlight.client.patience.OUTAGE_MAX_S", -1)
    connections(farm, Frames(reached(4)), Frames())

    with client.stream() as stream, pytest.raises(Unavailable, match="ended the stream"):
        next(stream)


def test_where_nobody_listens_a_stream_is_refused_at_once() -> None:
    with ScriptedFarm() as farm:
        url = farm.url
    with WireClient(url) as client, pytest.raises(Unavailable, match="no farm answers"):
        client.stream()


def test_closing_ends_a_thread_that_waits_for_an_event(
    farm: ScriptedFarm, client: WireClient
) -> None:
    stream = client.stream()
    found: list[Json] = []
    waiting = threading.Thread(target=lambda: found.extend(stream))
    waiting.start()
    started_s = time.monotonic()

    stream.close()
    waiting.join(PROMPT_S)

    assert not waiting.is_alive()
    assert (found, time.monotonic() - started_s < PROMPT_S / 2) == ([], True)


def test_closing_ends_a_thread_that_waits_for_the_farm(
    farm: ScriptedFarm, client: WireClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rushlight.client.patience.WAITS_S", (60.0,))
    first = Frames(reached(4))
    first.end()
    farm.on("GET", "/events", Said(frames=first))
    stream = client.stream()
    waiting = threading.Thread(target=lambda: list(stream))
    waiting.start()

    stream.close()
    waiting.join(PROMPT_S)

    assert not waiting.is_alive()


def test_a_closed_stream_has_no_more_events(farm: ScriptedFarm, client: WireClient) -> None:
    connections(farm, Frames(reached(4), happened(5), happened(6)))
    stream = client.stream()
    assert positions(stream, 1) == [5]

    stream.close()

    assert list(stream) == []


def test_filters_and_the_start_are_asked_of_the_farm(farm: ScriptedFarm) -> None:
    ids = ["019a0000-0000-7000-8000-000000000001", "019a0000-0000-7000-8000-000000000002"]
    frames = Frames(reached(3), happened(5, ids[0], topic="rushlight.task.failed"))
    farm.on("GET", "/events", Said(frames=frames))

    with (
        FarmClient(farm.url) as client,
        client.stream(3, task_ids=ids, job_id="j", topics=["task.failed"], principal="ann") as all_,
    ):
        event = next(all_)

    frames.end()
    [asked] = farm.told("GET", "/events")
    assert (event.position, str(event.task_id), event.topic) == (5, ids[0], "rushlight.task.failed")
    assert asked.last_event_id == "3"
    assert asked.query == {
        "taskId": ",".join(ids),
        "jobId": "j",
        "topic": "task.failed",
        "principal": "ann",
    }


def test_pages_of_events_are_read_to_their_end_also_where_one_is_empty(
    farm: ScriptedFarm, client: WireClient
) -> None:
    def answer(heard: Heard) -> Said:
        pages = {None: ([{"position": 3}], "a"), "a": ([], "b"), "b": ([{"position": 9}], None)}
        items, cursor = pages[heard.query.get("cursor")]
        return Said(body={"items": items, "next": cursor, "position": 9})

    farm.on("GET", "/events", answer)

    assert [one["position"] for one in client.farm_events(after=2)] == [3, 9]
    assert {one.query["after"] for one in farm.heard} == {"2"}


def test_a_farm_that_accepts_and_says_nothing_gives_no_answer(
    farm: ScriptedFarm, client: WireClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rushlight.client.events.SILENCE_MAX_S", 0.1)
    silent = Frames()
    farm.on("GET", "/events", Said(frames=silent))

    with pytest.raises(NoAnswer):
        client.stream()

    silent.end()
