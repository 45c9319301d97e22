"""Logs of every version that was ever shipped are read, chained, and decided again."""

import json
from collections import Counter
from functools import cache
from pathlib import Path
from uuid import UUID

import pytest
from tests.every_event import stored, tell
from tests.property.invariants import check

from rushlight.domain import EVENTS, FarmEvent
from rushlight.domain.again import decide_again
from rushlight.domain.replay import Replay, fold_task
from rushlight.domain.task_events import TaskEvent
from rushlight.domain.term import CHAIN_START, RoundClosed, Stored, chain, closing_bytes

LOGS = sorted((Path(__file__).resolve().parents[2] / "data").glob("event_log_v*.jsonl"))
HEADER = {"originator_id", "originator_version"}
by_log = pytest.mark.parametrize("path", LOGS, ids=[path.stem for path in LOGS])


def lines(path: Path) -> list[Stored]:
    return [
        (line["topic"], UUID(line["originator_id"]), line["version"], line["state"].encode())
        for line in map(json.loads, path.read_text(encoding="utf-8").splitlines())
    ]


@cache
def rounds(path: Path) -> list[list[FarmEvent]]:
    found: list[list[FarmEvent]] = [[]]
    for topic, stream, version, state in lines(path):
        event = EVENTS[topic].decode(stream, version, state)
        found[-1].append(event)
        if isinstance(event, RoundClosed):
            found.append([])
    assert found.pop() == []
    return found


def replay_of(path: Path) -> Replay:
    def stream(task_id: UUID) -> list[FarmEvent]:
        return [event for one in rounds(path) for event in one if event.originator_id == task_id]

    return Replay(stream)


def test_together_the_logs_hold_every_event() -> None:
    assert {topic for path in LOGS for topic, *_ in lines(path)} == set(EVENTS)


@by_log
def test_a_log_is_chained(path: Path) -> None:
    digest = CHAIN_START
    pending: list[Stored] = []
    for topic, stream, version, state in lines(path):
        event = EVENTS[topic].decode(stream, version, state)
        if isinstance(event, RoundClosed):
            assert chain(digest, pending, closing_bytes(event)) == event.digest
            digest, pending = event.digest, []
        else:
            pending.append((topic, stream, version, state))


@by_log
def test_a_log_replays_to_a_sound_farm(path: Path) -> None:
    replay = replay_of(path)
    for events in rounds(path):
        for event in events:
            replay.apply(event)

    check(replay.farm)
    assert replay.farm.term.rounds == len(rounds(path))


@by_log
def test_a_log_decided_again_gives_its_events(path: Path) -> None:
    replay = replay_of(path)
    for events in rounds(path):
        replay.admit_for_round(events)
        assert decide_again(replay.farm, events) is None
        replay.farm.apply(events[-1])
        replay.farm.forget_ended()


def test_what_the_tasks_of_the_first_log_came_to() -> None:
    (path,) = (one for one in LOGS if one.stem == "event_log_v1")
    streams: dict[UUID, list[FarmEvent]] = {}
    for event in (event for one in rounds(path) for event in one):
        if isinstance(event, TaskEvent):
            streams.setdefault(event.originator_id, []).append(event)

    tasks = [fold_task(task_id, events) for task_id, events in streams.items()]

    assert Counter(task.status for task in tasks) == {"completed": 4, "cancelled": 3, "failed": 2}
    assert sum(task.attempt for task in tasks) == 13
    assert {task.submitted_by for task in tasks} == {"test"}
    assert sorted(task.error_message or "" for task in tasks)[-1] == "it broke"


@pytest.mark.parametrize("topic", sorted(EVENTS))
def test_an_event_with_other_fields_has_another_version_and_a_log_of_its_own(topic: str) -> None:
    kind = EVENTS[topic]
    found = [json.loads(line[-1]) for path in LOGS for line in lines(path) if line[0] == topic]
    shapes = {tuple(one) for one in found if one.pop("event_version", 1) == kind.VERSION}

    assert shapes == {tuple(name for name in kind.model_fields if name not in HEADER)}


def test_the_log_that_is_checked_in_is_of_every_event_that_happens_in_this_life() -> None:
    told = {json.loads(line)["topic"] for line in stored(tell().events())}

    assert told == set(EVENTS)
