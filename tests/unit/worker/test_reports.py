"""Reports wait until each has its outcome."""

from uuid import UUID, uuid4

import pytest
from tests.unit.worker.test_gate import HandClock

from rushlight.messages.commands import (
    AttemptStopped,
    CompleteTask,
    FailAttempt,
    FramesRendered,
    Output,
    Report,
)
from rushlight.messages.outcomes import Outcome
from rushlight_worker.reports import Reports

KEY = (UUID(int=1), 2)


def output(frame: int) -> Output:
    return Output(frame=frame, path=f"out:a.{frame:04d}.png", bytes=1)


def complete(key: tuple[UUID, int] = KEY) -> CompleteTask:
    return CompleteTask(
        command_id=uuid4(), task_id=key[0], attempt=key[1], worker_id="w1", instance="i"
    )


def outcome(report: Report, code: str = "done") -> Outcome:
    status = "done" if code == "done" else "refused"
    return Outcome.model_validate({"command_id": report.command_id, "status": status, "code": code})


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def reports(clock: HandClock) -> Reports:
    return Reports("w1", "i", clock)


def test_frames_are_grouped_into_one_report(reports: Reports) -> None:
    reports.add_frame(KEY, output(1))
    reports.add_frame(KEY, output(2))

    (report,) = reports.batch()

    assert isinstance(report, FramesRendered)
    assert [one.frame for one in report.outputs] == [1, 2]


async def test_a_group_is_due_a_second_after_its_first_frame(
    reports: Reports, clock: HandClock
) -> None:
    reports.add_frame(KEY, output(1))
    clock.s += 1

    await reports.due()

    assert len(reports.batch()) == 1


def test_the_last_word_makes_waiting_frames_unnecessary(reports: Reports) -> None:
    reports.add_frame(KEY, output(1))
    last = complete()
    reports.finish(last)

    assert reports.batch() == [last]


def test_a_report_stays_the_same_until_it_is_settled(reports: Reports) -> None:
    reports.finish(complete())

    assert reports.batch() == reports.batch()


@pytest.mark.parametrize("code", ["done", "stale", "illegal-transition"])
def test_any_outcome_settles_it(reports: Reports, code: str) -> None:
    report = complete()
    reports.finish(report)

    stale = reports.settle([outcome(report, code)])

    assert reports.empty
    assert stale == ([report] if code == "stale" else [])


def test_an_attempt_is_unsettled_between_its_last_word_and_the_outcome(reports: Reports) -> None:
    report = complete()
    reports.finish(report)
    before = [(one.task_id, one.attempt) for one in reports.unsettled()]
    reports.settle([outcome(report)])

    assert before == [KEY]
    assert reports.unsettled() == ()


def test_the_last_word_can_be_repeated_after_its_outcome(reports: Reports) -> None:
    report = complete()
    reports.finish(report)
    reports.settle([outcome(report)])

    assert reports.repeat(KEY)
    assert reports.batch() == [report]


def test_what_was_never_finished_cannot_be_repeated(reports: Reports) -> None:
    assert not reports.repeat(KEY)


def test_a_forgotten_attempt_says_nothing_unless_asked(reports: Reports) -> None:
    stopped = AttemptStopped(command_id=uuid4(), task_id=KEY[0], attempt=KEY[1])
    reports.add_frame(KEY, output(1))
    reports.batch()

    reports.forget(stopped)

    assert reports.empty
    assert reports.repeat(KEY)
    assert reports.batch() == [stopped]


def test_a_completion_that_the_farm_cannot_read_becomes_a_failure(reports: Reports) -> None:
    report = complete()
    reports.finish(report)

    reports.refuse(report, "too large")

    (failure,) = reports.batch()
    assert isinstance(failure, FailAttempt)
    assert "too large" in failure.reason


def test_a_failure_that_the_farm_cannot_read_is_given_up(reports: Reports) -> None:
    reports.finish(complete())
    for _ in range(2):
        (report,) = reports.batch()
        reports.refuse(report, "no")

    assert reports.empty
