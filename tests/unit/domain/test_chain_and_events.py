"""Rounds are chained; events read back as written; what was changed is found."""

from typing import ClassVar
from uuid import UUID

import pytest
from tests.rehearsal import Rehearsal, frame_output

from rushlight.domain import EVENTS, FarmEvent
from rushlight.domain import commands as c
from rushlight.domain.again import Difference, decide_again
from rushlight.domain.base import stream_of_worker
from rushlight.domain.replay import Replay
from rushlight.domain.task_events import Assigned, Paused, Submitted
from rushlight.domain.term import CHAIN_START, RoundClosed, chain, closing_bytes
from rushlight.errors import LogDamaged

STREAM = UUID(int=7)


def told_farm() -> Rehearsal:
    farm = Rehearsal()
    farm.join("w1")
    farm.submit("low", priority="LOW")
    farm.submit("task", priority="HIGH", frames="1-2")
    farm.submit("other", priority="HIGH")
    farm.say(c.RequestTask, worker_id="nobody")
    return farm


def closing(farm: Rehearsal, number: int = -1) -> RoundClosed:
    event = farm.rounds[number][-1]
    assert isinstance(event, RoundClosed)
    return event


def digest_of(events: list[FarmEvent], last: RoundClosed) -> str:
    stored = [
        (one.TOPIC, one.originator_id, one.originator_version, one.encode()) for one in events
    ]
    return chain(last.previous, stored, closing_bytes(last))


def test_the_first_round_is_chained_to_nothing() -> None:
    assert closing(told_farm(), 0).previous == CHAIN_START == "0" * 64


def test_each_round_is_chained_to_the_one_before() -> None:
    farm = told_farm()

    for number in range(1, len(farm.rounds)):
        assert closing(farm, number).previous == closing(farm, number - 1).digest


def test_the_digest_is_that_of_the_events_and_of_the_closing_one() -> None:
    farm = told_farm()
    events = farm.rounds[2]

    assert digest_of(events[:-1], closing(farm, 2)) == closing(farm, 2).digest


@pytest.mark.parametrize("change", ["left out", "order", "payload", "version", "closing"])
def test_whatever_is_changed_changes_the_digest(change: str) -> None:
    farm = told_farm()
    events, last = list(farm.rounds[1][:-1]), closing(farm, 1)
    if change == "left out":
        del events[0]
    elif change == "order":
        events.reverse()
    elif change == "payload":
        events[0] = events[0].model_copy(update={"principal": "forger"})
    elif change == "version":
        events[0] = events[0].model_copy(update={"originator_version": 9})
    else:
        last = last.model_copy(update={"refused": ({"code": "made-up"},)})

    assert digest_of(events, last) != last.digest


def test_time_strictly_rises_from_round_to_round_though_the_clock_stands() -> None:
    farm = Rehearsal()
    start = farm.now
    for _ in range(3):
        farm.now = start
        farm.round()

    times = [closing(farm, number).now for number in range(3)]
    assert times == sorted(set(times))


def test_a_round_keeps_what_it_refused_and_why() -> None:
    (refused,) = closing(told_farm()).refused

    assert (refused["command"], refused["code"]) == ("RequestTask", "not-found")
    assert (refused["worker_id"], refused["principal"]) == ("nobody", "test")


def test_a_round_keeps_who_asked_and_got_nothing() -> None:
    farm = Rehearsal()
    farm.ready("w1")
    farm.ask("w1")

    assert closing(farm).asked == ("w1",)


def test_an_event_says_who_caused_it() -> None:
    farm = told_farm()
    task_id = farm.worker("w1").task_id
    assert task_id is not None
    farm.complete(task_id)
    completed, _, assigned, *_ = farm.rounds[-1]

    assert (completed.command, completed.principal) == ("CompleteTask", "test")
    assert (assigned.command, assigned.principal, assigned.command_id) == ("plan", "farm", None)


# Reading back.


@pytest.mark.parametrize(
    "state", [b"", b"[]", b"1", b"null", b'"x"', b"{", b"{}", b"\xff", b'{"event_version":"1"}']
)
def test_what_is_no_event_is_damage(state: bytes) -> None:
    with pytest.raises(LogDamaged, match="does not read as"):
        Paused.decode(STREAM, 1, state)


def test_a_field_too_many_is_damage() -> None:
    state = told_farm().rounds[1][0].encode().replace(b"{", b'{"more":1,', 1)

    with pytest.raises(LogDamaged):
        EVENTS[told_farm().rounds[1][0].TOPIC].decode(STREAM, 1, state)


def test_an_event_of_a_newer_version_is_not_guessed_at() -> None:
    event = told_farm().rounds[1][0]
    state = event.encode().replace(b"{", b'{"event_version":2,', 1)

    with pytest.raises(LogDamaged, match="a newer Rushlight wrote it"):
        type(event).decode(STREAM, 1, state)


class SecondPaused(Paused):
    """What a second version of an event would look like."""

    TOPIC = "test.paused"
    VERSION: ClassVar[int] = 2
    reason: str

    @staticmethod
    def upcast_v1_v2(fields: dict[str, object]) -> dict[str, object]:
        """The first version did not say why."""
        return {**fields, "reason": "not said"}


del EVENTS[SecondPaused.TOPIC]  # other tests look at the real ones


def test_an_event_of_an_older_version_is_read_as_one_of_today() -> None:
    farm = Rehearsal()
    farm.say(c.PauseTask, task_id=farm.submit("task"))
    old = farm.rounds[-1][0]

    new = SecondPaused.decode(old.originator_id, old.originator_version, old.encode())

    assert (new.reason, new.timestamp) == ("not said", old.timestamp)
    assert SecondPaused.decode(STREAM, 1, new.encode()).reason == "not said"


def test_two_events_cannot_have_one_name() -> None:
    with pytest.raises(TypeError, match="two events are called"):
        type("Again", (Paused,), {"TOPIC": Submitted.TOPIC, "__module__": __name__})


def test_the_stream_of_a_worker_is_made_of_its_name_for_ever() -> None:
    assert str(stream_of_worker("w1")) == "2660db65-b975-5554-b465-075a95f394eb"


# Deciding again.


def decided_again(farm: Rehearsal, number: int, events: list[FarmEvent]) -> Difference | None:
    replay = Replay(lambda task_id: farm.streams[task_id])
    for one in farm.rounds[:number]:
        for event in one:
            replay.apply(event)
    replay.admit_for_round(events)
    return decide_again(replay.farm, events)


def completed_round() -> tuple[Rehearsal, int]:
    farm = told_farm()
    (task_id,) = (task.id for task in farm.farm.tasks.values() if task.status == "rendering")
    farm.report(c.CompleteTask, task_id, outputs=(frame_output(None),))
    return farm, len(farm.rounds) - 1


def test_a_round_as_it_was_decided_shows_no_difference() -> None:
    farm, number = completed_round()

    assert decided_again(farm, number, farm.rounds[number]) is None


def test_an_assignment_to_another_task_than_the_rules_say_is_found() -> None:
    farm, number = completed_round()
    events = farm.rounds[number]
    other = next(task.id for task in farm.farm.tasks.values() if task.status == "pending")
    forged = [
        event.model_copy(update={"originator_id": other}) if isinstance(event, Assigned) else event
        for event in events
    ]

    difference = decided_again(farm, number, forged)

    assert difference is not None
    assert str(other) in difference.found


def test_an_event_left_out_or_made_up_is_found() -> None:
    farm, number = completed_round()
    events = farm.rounds[number]

    for forged in (events[:-2] + events[-1:], events[:-1] + events[-2:]):
        assert decided_again(farm, number, forged) is not None


def test_a_round_of_an_unknown_planner_is_a_difference_and_not_a_guess() -> None:
    farm, number = completed_round()
    events = farm.rounds[number]
    odd = events[-1].model_copy(update={"planner": 99})

    difference = decided_again(farm, number, [*events[:-1], odd])

    assert difference is not None
    assert "known planner" in difference.expected
