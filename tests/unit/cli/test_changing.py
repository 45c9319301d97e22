"""Commands that change tasks and workers, as a script sees them."""

import json

import pytest
from tests.unit.cli.conftest import Run
from tests.unit.cli.scripted import WORKER, Said, ScriptedFarm, problem, task

ONE, TWO = task(1)["taskId"], task(2)["taskId"]


@pytest.mark.parametrize("verb", ["cancel", "retry", "requeue", "pause", "resume"])
def test_a_verb_changes_one_task_or_a_job(farm: ScriptedFarm, run: Run, verb: str) -> None:
    changed = {"jobId": "j", "changed": 2, "refused": 1}
    farm.on("POST", f"/renders/{ONE}/{verb}", Said(body=task(status="paused")))
    farm.on("POST", f"/jobs/j/{verb}", Said(body=changed))

    assert run(verb, ONE).stdout == f"{ONE}\tpaused\tMEDIUM\n"
    assert json.loads(run(verb, ONE, "--json").stdout) == task(status="paused")
    assert run(verb, "--job", "j", "--yes").stdout == "j\t2\t1\n"
    assert all(one.key for one in farm.heard)


def test_priority_changes_one_task_or_a_job(farm: ScriptedFarm, run: Run) -> None:
    farm.on("PATCH", f"/renders/{ONE}", Said(body=task(priority="RUSH")))
    farm.on("PATCH", "/jobs/j", Said(body={"jobId": "j", "changed": 2, "refused": 0}))

    assert run("priority", ONE, "rush").stdout == f"{ONE}\tpending\tRUSH\n"
    assert run("priority", "--job", "j", "LOW").stdout == "j\t2\t0\n"
    assert [one.body for one in farm.heard] == [{"priority": "RUSH"}, {"priority": "LOW"}]


def test_requeue_can_name_frames(farm: ScriptedFarm, run: Run) -> None:
    farm.on("POST", f"/renders/{ONE}/requeue", Said(body=task()))

    run("requeue", ONE, "--frames", "1-3")

    assert farm.heard[0].body == {"frames": "1-3"}


@pytest.mark.parametrize("verb", ["cancel", "requeue"])
@pytest.mark.parametrize("words", [(ONE, TWO), ("--job", "j")])
def test_what_destroys_several_tasks_needs_a_yes_in_a_pipe(
    farm: ScriptedFarm, run: Run, verb: str, words: tuple[str, ...]
) -> None:
    farm.on("GET", "/jobs/j", Said(body={"jobId": "j", "tasks": 2}))

    done = run(verb, *words)

    assert done.exit_code == 2
    assert f"{verb} would concern 2 tasks" in done.stderr
    assert "--yes" in done.stderr
    assert all(one.method == "GET" for one in farm.heard)


def test_one_task_that_refuses_does_not_stop_the_others(farm: ScriptedFarm, run: Run) -> None:
    refusal = problem(409, "illegal-transition", "The task has ended.")
    farm.on("POST", f"/renders/{ONE}/pause", refusal)
    farm.on("POST", f"/renders/{TWO}/pause", Said(body=task(2, status="paused")))

    done = run("pause", ONE, TWO)

    assert (done.exit_code, done.stdout) == (5, f"{TWO}\tpaused\tMEDIUM\n")
    assert done.stderr == "error: The task has ended.\n"


@pytest.mark.parametrize("words", [("cancel",), ("cancel", ONE, "--job", "j"), ("priority", "LOW")])
def test_a_verb_needs_tasks_or_a_job(run: Run, words: tuple[str, ...]) -> None:
    done = run(*words)

    assert done.exit_code == 2
    assert "a job with --job" in done.stderr


def test_workers_are_drained_and_undrained(farm: ScriptedFarm, run: Run) -> None:
    farm.on("POST", "/workers/w1/drain", Said(body={**WORKER, "status": "draining"}))
    farm.on("POST", "/workers/w1/undrain", Said(body=WORKER))

    assert run("worker", "drain", "w1").stdout == "w1\tdraining\n"
    assert run("worker", "undrain", "w1").stdout == "w1\tready\n"
