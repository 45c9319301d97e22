"""The writer over a real log: one effect a command, and what is said after the commit."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

import pytest

from rushlight.clock import SystemClock
from rushlight.domain.base import NAMESPACE
from rushlight.errors import LogConflict
from rushlight.eventlog.audit import verify_log
from rushlight.eventlog.log import FarmLog
from rushlight.messages import commands as c
from rushlight.settings import FarmSettings
from rushlight_dispatcher.translate import to_domain
from rushlight_dispatcher.writer import Writer, Written

START = datetime(2026, 5, 4, 12, tzinfo=UTC)
SETTINGS = FarmSettings()


def named(name: str) -> UUID:
    return uuid5(NAMESPACE, f"writer test {name}")


@pytest.fixture
def log(tmp_path: Path) -> Iterator[FarmLog]:
    with FarmLog.open(tmp_path / "farm", clock=SystemClock()) as opened:
        yield opened


class Desk:
    """Says commands to a writer, a second apart."""

    def __init__(self, log: FarmLog) -> None:
        self.log = log
        self.writer = Writer(log, "test", SETTINGS)
        self.now = START
        self.count = 0

    def say(self, *commands: c.Command) -> Written:
        self.now += timedelta(seconds=1)
        return self.writer.write(commands, self.now)

    def id(self) -> UUID:
        self.count += 1
        return named(f"command {self.count}")

    def submit(self, name: str, **fields: Any) -> c.SubmitTasks:
        task = c.NewTask(task_id=named(name), **fields)
        return c.SubmitTasks(command_id=self.id(), tasks=(task,))

    def join(self, worker_id: str = "w1", instance: str = "i1") -> c.JoinWorker:
        offered = c.Capabilities(renderers={"mitsuba": "3"}, default_scene=True)
        return c.JoinWorker(
            command_id=self.id(), worker_id=worker_id, instance=instance, capabilities=offered
        )

    def complete(self, name: str, attempt: int = 1) -> c.CompleteTask:
        return c.CompleteTask(
            command_id=self.id(),
            task_id=named(name),
            attempt=attempt,
            outputs=(c.Output(path="out:a.png", bytes=1, render_s=1),),
        )


@pytest.fixture
def desk(log: FarmLog) -> Desk:
    return Desk(log)


def test_an_assignment_is_said_to_the_workers_own_instance(desk: Desk) -> None:
    desk.say(desk.join())

    (assign,) = desk.say(desk.submit("task")).assigns

    assert (assign.task_id, assign.attempt, assign.worker_id, assign.instance) == (
        named("task"),
        1,
        "w1",
        "i1",
    )


def test_an_assignment_is_said_once(desk: Desk) -> None:
    desk.say(desk.join())
    desk.say(desk.submit("task"))

    assert desk.say(desk.submit("other")).assigns == []


def test_a_stop_is_said_to_the_instance_that_renders(desk: Desk) -> None:
    desk.say(desk.join(), desk.submit("task"))

    written = desk.say(c.CancelTask(command_id=desk.id(), task_id=named("task")))

    ((worker_id, instance, stop),) = written.stops
    assert (worker_id, instance, stop.attempt, stop.reason) == ("w1", "i1", 1, "cancelled")


def test_a_pull_worker_gets_its_task_as_the_outcome_of_its_request(desk: Desk) -> None:
    ask = c.RequestTask(command_id=desk.id(), worker_id="w1")
    desk.say(c.SetWorkerStatus(command_id=desk.id(), worker_id="w1", status="ready"))

    written = desk.say(desk.submit("task"), ask)

    outcome = written.outcomes[ask.command_id]
    assert (outcome.task_id, outcome.attempt, written.assigns) == (named("task"), 1, [])


def test_the_same_command_twice_has_one_effect_and_the_same_outcome(desk: Desk) -> None:
    submit = desk.submit("task")
    first = desk.say(submit).outcomes[submit.command_id]
    head = desk.log.head()

    second = desk.say(submit).outcomes[submit.command_id]

    assert (second, desk.log.head()) == (first, head)


def test_the_same_command_twice_in_one_round_has_one_effect(desk: Desk) -> None:
    submit = desk.submit("task")

    written = desk.say(submit, submit)

    assert written.outcomes[submit.command_id].status == "done"
    assert len(desk.log.stream(named("task"))) == 1


def test_a_refusal_is_repeated_as_it_was_though_the_farm_has_moved_on(desk: Desk) -> None:
    pause = c.PauseTask(command_id=desk.id(), task_id=named("task"))
    first = desk.say(pause).outcomes[pause.command_id]
    desk.say(desk.submit("task"))

    second = desk.say(pause).outcomes[pause.command_id]

    assert (first.code, second) == ("not-found", first)


def keyed(desk: Desk, digest: str, name: str) -> c.SubmitTasks:
    submit = desk.submit(name)
    return submit.model_copy(update={"command_id": named("key"), "digest": digest})


def test_the_same_key_with_another_body_is_refused(desk: Desk) -> None:
    one, other = keyed(desk, "one", "task"), keyed(desk, "other", "task")
    desk.say(one)

    assert desk.say(other).outcome_of(other).code == "key-reused"
    assert desk.say(one).outcome_of(one).code == "done"


def test_of_two_bodies_with_one_key_in_a_round_the_first_counts(desk: Desk) -> None:
    one, other = keyed(desk, "one", "first"), keyed(desk, "other", "second")

    written = desk.say(one, other)

    assert [written.outcome_of(each).code for each in (one, other)] == ["done", "key-reused"]
    assert desk.log.has_stream([named("first"), named("second")]) == {named("first")}


def test_an_outcome_names_the_round_that_it_stands_in(desk: Desk) -> None:
    submit = desk.submit("task")

    assert desk.say(submit).outcomes[submit.command_id].round == 1


def test_what_changes_nothing_writes_no_round(desk: Desk) -> None:
    desk.say(c.SetWorkerStatus(command_id=desk.id(), worker_id="w1", status="ready"))
    head = desk.log.head()

    desk.say(c.SetWorkerStatus(command_id=desk.id(), worker_id="w1", status="ready"))
    desk.say(c.RequestTask(command_id=desk.id(), worker_id="w1"))

    assert desk.log.head() == head


def test_an_ended_task_comes_back_for_the_command_that_names_it(desk: Desk) -> None:
    desk.say(desk.join(), desk.submit("task"))
    desk.say(desk.complete("task"))
    assert desk.writer.farm.tasks == {}

    desk.say(c.RequeueTask(command_id=desk.id(), task_id=named("task")))

    assert desk.writer.farm.tasks[named("task")].attempt == 2


def test_a_job_verb_reaches_ended_tasks(desk: Desk) -> None:
    desk.say(desk.join(), desk.submit("one", job_id="job"))
    desk.say(desk.complete("one"))
    desk.say(desk.submit("two", job_id="job"))
    requeue = c.JobCommand(command_id=desk.id(), job_id="job", verb="requeue")

    outcome = desk.say(requeue).outcomes[requeue.command_id]

    assert (outcome.task_ids, outcome.refused) == ((named("one"),), 1)


def test_a_submission_is_known_for_ever(desk: Desk) -> None:
    submit = desk.submit("task")
    desk.say(desk.join(), submit)
    desk.say(desk.complete("task"))
    desk.now += timedelta(days=400)
    desk.writer.expire_outcomes(desk.now)
    assert desk.log.views.outcomes([submit.command_id]) == {}

    outcome = desk.say(submit).outcomes[submit.command_id]

    assert (outcome.status, outcome.task_ids) == ("done", (named("task"),))
    assert desk.log.views.task(named("task"))["status"] == "completed"  # type: ignore[index]


def test_a_new_writer_has_the_farm_of_the_old_one_and_says_recent_assignments_again(
    desk: Desk,
) -> None:
    desk.say(desk.join())
    old = desk.say(desk.submit("task")).assigns
    successor = Writer(desk.log, "successor", SETTINGS)
    assert {one.row()["worker_id"] for one in successor.farm.tasks.values()} == {"w1"}

    written = successor.write([desk.submit("other")], desk.now + timedelta(seconds=5))

    assert written.assigns == old


def test_an_assignment_older_than_two_heartbeats_is_left_to_the_reapers(desk: Desk) -> None:
    desk.say(desk.join())
    desk.say(desk.submit("task"))

    late = desk.now + timedelta(seconds=2 * SETTINGS.heartbeat_s + 1)

    assert Writer(desk.log, "successor", SETTINGS).write([], late).assigns == []


def test_the_loser_of_two_writers_writes_nothing(desk: Desk) -> None:
    desk.say(desk.join())
    successor = Writer(desk.log, "successor", SETTINGS)
    successor.write([desk.submit("task")], desk.now)
    head = desk.log.head()

    with pytest.raises(LogConflict):
        desk.say(desk.submit("other"))

    assert (desk.log.head(), desk.log.views.task(named("other"))) == (head, None)


def test_a_task_that_starts_and_ends_in_one_round_is_not_assigned_any_more(desk: Desk) -> None:
    desk.say(desk.join())
    desk.say(c.DrainWorker(command_id=desk.id(), worker_id="w1"))
    desk.say(desk.submit("task"))
    start = c.StartTask(command_id=desk.id(), task_id=named("task"), worker_id="w1")
    undrain = c.UndrainWorker(command_id=desk.id(), worker_id="w1")

    written = desk.say(undrain, start, desk.complete("task"))

    assert [one.code for one in written.outcomes.values()] == ["done"] * 3
    assert written.assigns == []


def test_what_was_written_is_clean_by_the_audit(desk: Desk) -> None:
    desk.say(desk.join(), desk.submit("task", frames="1-3", requires=c.Requirements(tags=())))
    desk.say(c.CancelTask(command_id=desk.id(), task_id=named("task")))
    stopped = c.AttemptStopped(command_id=desk.id(), task_id=named("task"), attempt=1)
    desk.say(stopped, desk.submit("other"))
    desk.say(desk.complete("other"))

    report = verify_log(desk.log)

    assert (report.differences, report.rounds) == ([], 4)


@pytest.mark.parametrize("kind", c.COMMANDS)
def test_every_command_on_the_bus_has_a_rule(kind: type[c.Command]) -> None:
    sample: dict[str, Any] = {
        "tasks": (c.NewTask(task_id=named("task"), requires=c.Requirements(tags=("gpu",))),),
        "capabilities": c.Capabilities(tags=("gpu",)),
        "outputs": (c.Output(path="out:a.png"),),
        "status": "ready",
        "verb": "cancel",
        "priority": "HIGH",
        "fault": "worker",
        "expected_version": 1,
        "attempt": 1,
        "sequence": 1,
        "holds_lock": True,
        "provisioned": True,
        "last_heartbeat": START,
    }
    fields = {
        name: sample.get(name, named(name) if name.endswith(("task_id", "command_id")) else "x")
        for name in kind.model_fields
    }

    command = to_domain(kind.model_validate(fields))

    assert type(command).__name__ == kind.kind()
    assert set(vars(type(command))["__slots__"]) <= fields.keys()
