"""Whatever is said, in whatever order: what must always hold, holds."""

import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from tests.property.histories import (
    SETTINGS,
    WatchedRehearsal,
    arrive_capable,
    histories,
    live_through,
    work,
)
from tests.property.invariants import check, state, through_bytes
from tests.rehearsal import Rehearsal

from rushlight.domain import Farm, FarmEvent, checkpoint
from rushlight.domain import commands as c
from rushlight.domain.again import decide_again
from rushlight.domain.replay import Replay
from rushlight.domain.term import CHAIN_START, RoundClosed, chain, closing_bytes

History = list[tuple[str, Any]]
QUICK = settings(
    deadline=None, max_examples=80, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
END_STEPS_MAX = 120
END_STEP_S = 60


def lived(history: History, kind: type[Rehearsal] = Rehearsal) -> Rehearsal:
    farm = kind(**SETTINGS)
    farm.round()
    live_through(farm, history)
    return farm


def replay_of(farm: Rehearsal) -> Replay:
    return Replay(lambda task_id: through_bytes(farm.streams[task_id]))


class CheckedRehearsal(WatchedRehearsal):
    """Looks at everything after each round."""

    def round(self, *commands: c.Command, **settings: Any) -> list[Any]:
        results = super().round(*commands, **settings)
        check(self.farm)
        return results


@QUICK
@given(histories)
def test_one_attempt_a_worker_and_refused_commands_change_nothing(history: History) -> None:
    lived(history, CheckedRehearsal)


@QUICK
@given(histories)
def test_replaying_the_log_gives_the_farm_in_memory(history: History) -> None:
    farm = lived(history)
    replay = replay_of(farm)
    for events in farm.rounds:
        for event in through_bytes(events):
            replay.apply(event)

    assert state(replay.farm) == state(farm.farm)
    assert orders(replay.farm) == orders(farm.farm)
    assert replay.farm.term.digest == farm.farm.term.digest


def orders(farm: Farm) -> list[Any]:
    """In which order workers are idle: it decides who gets a task."""
    return [(offer, list(names)) for offer, names in farm.idle.items()]


@QUICK
@given(histories)
def test_deciding_each_round_again_gives_its_events(history: History) -> None:
    farm = lived(history)
    for read in (list, through_bytes):
        replay = replay_of(farm)
        for events in farm.rounds:
            logged: list[FarmEvent] = read(events)
            replay.admit_for_round(logged)
            difference = decide_again(replay.farm, logged)
            assert difference is None, difference
            replay.farm.apply(logged[-1])
            replay.farm.forget_ended()


@QUICK
@given(histories)
def test_the_same_history_decided_twice_gives_the_same_bytes(history: History) -> None:
    first, second = lived(history), Rehearsal(**SETTINGS)
    for now, commands in first.said:
        second.now = now
        second.round(*commands)

    assert stored(second) == stored(first)


@QUICK
@given(histories)
def test_starts_from_checkpoints_in_between_change_nothing(history: History) -> None:
    first, second = lived(history), Rehearsal(**SETTINGS)
    for now, commands in first.said:
        second.now = now
        second.round(*commands)
        before, closed = second.farm, second.rounds[-1][-1]
        assert isinstance(closed, RoundClosed)
        restored = checkpoint.restore(json.loads(json.dumps(checkpoint.save(before))), closed)
        assert restored is not None
        assert (state(restored), orders(restored)) == (state(before), orders(before))
        second.farm = restored

    assert stored(second) == stored(first)


def stored(farm: Rehearsal) -> list[tuple[str, bytes]]:
    return [(event.TOPIC, event.encode()) for event in farm.events()]


@QUICK
@given(histories)
def test_each_round_is_chained_to_the_one_before(history: History) -> None:
    previous = CHAIN_START
    for number, events in enumerate(lived(history).rounds, 1):
        closing = events[-1]
        assert isinstance(closing, RoundClosed)
        facts = [
            (event.TOPIC, event.originator_id, event.originator_version, event.encode())
            for event in events[:-1]
        ]
        digest = chain(previous, facts, closing_bytes(closing))

        assert (closing.number, closing.previous, closing.digest) == (number, previous, digest)
        previous = digest


@QUICK
@given(histories)
def test_after_a_sweep_nothing_more_is_due(history: History) -> None:
    farm = lived(history)
    farm.later(END_STEP_S)
    farm.sweep()

    assert farm.due() == []


@QUICK
@given(histories)
def test_once_faults_stop_every_task_ends_that_is_not_paused(history: History) -> None:
    farm = lived(history)
    for kind in ("push", "pull"):
        arrive_capable(farm, kind)
    for _ in range(END_STEPS_MAX):
        if not unfinished(farm):
            return
        work(farm)
        farm.later(END_STEP_S)
        farm.sweep()

    assert unfinished(farm) == []


def unfinished(farm: Rehearsal) -> list[dict[str, Any]]:
    return [task.row() for task in farm.farm.tasks.values() if task.status != "paused"]
