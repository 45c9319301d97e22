"""Every command about a worker, in every status of a worker: what becomes of it."""

from typing import Any

import pytest
from tests.rehearsal import ANY_RENDERER, Rehearsal

from rushlight.domain import commands as c

STATUSES = (
    "absent requested ready busy draining offline lost pull-ready pull-busy pull-offline"
).split()
TABLE = """
command          absent       requested          ready              busy               draining           offline            lost               pull-ready       pull-busy       pull-offline
JoinWorker       done:ready   done:ready         worker-id-taken    worker-id-taken    worker-id-taken    done:ready         done:ready         worker-id-taken  worker-id-taken done:ready
same-instance    done:ready   done:ready         unchanged          unchanged          unchanged          done:ready         done:ready         worker-id-taken  worker-id-taken done:ready
say-ready        done:ready   done:ready         illegal-transition illegal-transition illegal-transition done:ready         done:ready         unchanged        done:ready      done:ready
say-busy         done:ready   done:ready         illegal-transition illegal-transition illegal-transition done:ready         done:ready         unchanged        unchanged       done:ready
say-offline      done:offline done:offline       illegal-transition illegal-transition illegal-transition done:offline       done:offline       done:offline     done:offline    done:offline
say-failed       done:failed  done:failed        illegal-transition illegal-transition illegal-transition done:failed        done:failed        done:failed      done:failed     done:failed
RequestTask      not-found    worker-not-ready   worker-not-ready   worker-not-ready   worker-not-ready   worker-not-ready   worker-not-ready   done:ready       done:busy       worker-not-ready
DrainWorker      not-found    illegal-transition done:draining      done:draining      unchanged          illegal-transition illegal-transition done:draining    done:draining   illegal-transition
UndrainWorker    not-found    illegal-transition unchanged          unchanged          done:ready         illegal-transition illegal-transition unchanged        unchanged       illegal-transition
LeaveWorker      not-found    unchanged          done:offline       done:offline       done:offline       unchanged          unchanged          stale            stale           unchanged
TimeoutWorker    not-due      not-due            not-due            not-due            not-due            not-due            not-due            not-due          not-due         not-due
ClaimWorker      not-due      done:requested     not-due            not-due            not-due            not-due            not-due            not-due          not-due         not-due
"""  # noqa: E501
CELLS = [
    pytest.param(row[0], status, cell, id=f"{row[0]}-{status}")
    for row in (line.split() for line in TABLE.strip().splitlines()[1:])
    for status, cell in zip(STATUSES, row[1:], strict=True)
]
OFFERED = c.Capabilities(renderers=ANY_RENDERER, default_scene=True)


def farm_with_worker(status: str) -> Rehearsal:
    farm = Rehearsal(provisioned_workers_max=2)
    name = status.removeprefix("pull-")
    if name in ("busy", "requested"):
        farm.submit("task", priority="RUSH")
    if status == "requested":
        farm.say(c.RequestWorker, worker_id="w1", task_id=next(iter(farm.farm.tasks)))
    elif status != "absent":
        farm.ready("w1") if status.startswith("pull") else farm.join("w1")
    _bring_to(farm, status)
    if status != "absent":
        assert farm.worker("w1").status == {"lost": "failed"}.get(name, name)
    return farm


def _bring_to(farm: Rehearsal, status: str) -> None:
    if status == "pull-busy":
        farm.ask("w1")
    elif status == "pull-offline":
        farm.ready("w1", "offline")
    elif status == "draining":
        farm.say(c.DrainWorker, worker_id="w1")
    elif status == "offline":
        farm.say(c.LeaveWorker, worker_id="w1", instance="i1")
    elif status == "lost":
        farm.later(91)
        farm.say(c.TimeoutWorker, worker_id="w1", instance="i1")


def say(farm: Rehearsal, kind: str) -> Any:
    if kind in ("JoinWorker", "same-instance"):
        instance = "i1" if kind == "same-instance" else "i2"
        return farm.say(c.JoinWorker, worker_id="w1", instance=instance, capabilities=OFFERED)
    if kind.startswith("say-"):
        return farm.ready("w1", kind.removeprefix("say-"))
    extra: dict[str, dict[str, Any]] = {
        "LeaveWorker": {"instance": "i1"},
        "TimeoutWorker": {"instance": "i1", "last_heartbeat": farm.now},
        "ClaimWorker": {"provisioner": "local"},
    }
    return farm.say(getattr(c, kind), worker_id="w1", **extra.get(kind, {}))


@pytest.mark.parametrize(("kind", "status", "expected"), CELLS)
def test_a_command_in_a_status_ends_as_the_table_says(
    kind: str, status: str, expected: str
) -> None:
    farm = farm_with_worker(status)
    if status == "requested" and kind in ("JoinWorker", "same-instance", "say-ready", "say-busy"):
        farm.say(c.CancelTask, task_id=next(iter(farm.farm.tasks)))
    code, _, after = expected.partition(":")

    result = say(farm, kind)

    assert result.code == code, result.detail
    assert not after or farm.worker("w1").status == after


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        (str(cell.values[0]), str(cell.values[1]))
        for cell in CELLS
        if not str(cell.values[2]).startswith("done") and cell.values[1] != "absent"
    ],
)
def test_a_refused_command_leaves_the_worker_as_it_was(kind: str, status: str) -> None:
    farm = farm_with_worker(status)
    before = farm.worker("w1").row()

    say(farm, kind)

    assert farm.worker("w1").row() == before


def test_a_worker_that_leaves_gives_its_task_back() -> None:
    farm = Rehearsal()
    task_id = farm.submit("task")
    farm.join("w1")

    farm.say(c.LeaveWorker, worker_id="w1", instance="i1")

    assert (farm.task(task_id).status, farm.task(task_id).retries) == ("pending", 0)


def test_a_drain_for_another_instance_is_stale() -> None:
    farm = farm_with_worker("ready")

    assert farm.say(c.DrainWorker, worker_id="w1", instance="i0").code == "stale"


def test_a_draining_worker_finishes_what_it_has_and_gets_nothing_new() -> None:
    farm = farm_with_worker("busy")
    (task_id,) = farm.farm.tasks
    other = farm.submit("other")
    farm.say(c.DrainWorker, worker_id="w1")

    farm.complete(task_id)

    assert (farm.task(task_id).status, farm.task(other).status) == ("completed", "pending")


def test_an_undrained_worker_gets_work_in_the_same_round() -> None:
    farm = farm_with_worker("draining")
    task_id = farm.submit("task")

    farm.say(c.UndrainWorker, worker_id="w1")

    assert farm.task(task_id).worker_id == "w1"


@pytest.mark.parametrize("status", ["ready", "offline", "failed"])
def test_a_pull_worker_gives_its_task_back_by_saying(status: str) -> None:
    farm = farm_with_worker("pull-busy")
    (task_id,) = farm.farm.tasks

    farm.ready("w1", status)

    task = farm.task(task_id)
    assert (task.status, task.retries, task.attempt) == ("pending", 0, 1)


def test_busy_is_just_a_heartbeat() -> None:
    farm = farm_with_worker("pull-busy")
    (task_id,) = farm.farm.tasks

    farm.ready("w1", "busy")

    assert farm.task(task_id).worker_id == "w1"


def test_a_new_offer_of_a_drained_pull_worker_does_not_undrain_it() -> None:
    farm = farm_with_worker("pull-ready")
    farm.say(c.DrainWorker, worker_id="w1")

    farm.ready("w1", capabilities=OFFERED)

    worker = farm.worker("w1")
    assert (worker.status, worker.renderers) == ("draining", ANY_RENDERER)


# Joining.


def join_again(farm: Rehearsal, **fields: Any) -> Any:
    return farm.say(c.JoinWorker, worker_id="w1", instance="i2", capabilities=OFFERED, **fields)


def farm_with_host(host: str | None = "node") -> Rehearsal:
    farm = Rehearsal()
    farm.say(c.JoinWorker, worker_id="w1", instance="i1", capabilities=OFFERED, host=host)
    return farm


def test_another_instance_is_refused_while_the_first_may_live() -> None:
    result = join_again(farm_with_host(), host="node")

    assert result.code == "worker-id-taken"
    assert result.facts["retry_after_s"] > 0


def test_the_lock_on_another_host_proves_nothing() -> None:
    assert join_again(farm_with_host(), host="elsewhere", holds_lock=True).code == "worker-id-taken"


def test_the_lock_without_a_host_proves_nothing() -> None:
    assert join_again(farm_with_host(None), holds_lock=True).code == "worker-id-taken"


def test_the_lock_on_the_same_host_proves_the_old_instance_dead_and_its_attempt_lost() -> None:
    farm = farm_with_host()
    task_id = farm.submit("task")

    assert join_again(farm, host="node", holds_lock=True).ok
    task = farm.task(task_id)
    assert (task.status, task.losses, task.retries) == ("failed", 1, 0)
    assert farm.worker("w1").instance == "i2"


def test_a_report_of_the_older_instance_is_stale() -> None:
    farm = farm_with_host()
    task_id = farm.submit("task")
    join_again(farm, host="node", holds_lock=True)
    farm.sweep()

    result = farm.say(
        c.FailAttempt, task_id=task_id, attempt=2, worker_id="w1", instance="i1", reason="late"
    )

    assert (result.code, farm.task(task_id).status) == ("stale", "rendering")
