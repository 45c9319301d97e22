"""``ls``, ``show``, ``why`` and ``logs`` as a script sees them."""

import json

import pytest
from tests.unit.cli.conftest import Run
from tests.unit.cli.scripted import WORKER, Said, ScriptedFarm, page, problem, rows, task

ONE, TWO = task(1)["taskId"], task(2)["taskId"]


def test_a_list_in_a_pipe_is_lines_with_tabs(farm: ScriptedFarm, run: Run) -> None:
    farm.on("GET", "/renders", page(task(2, name="b", workerId="w1", status="rendering"), task(1)))

    done = run("ls")

    assert rows(done.stdout) == [
        [TWO, "b", "rendering", "MEDIUM", "0/1", "w1", "-", "2026-01-02T03:04:05Z"],
        [ONE, "-", "pending", "MEDIUM", "0/1", "-", "-", "2026-01-02T03:04:05Z"],
    ]


def test_a_list_as_json_is_the_farms_own(farm: ScriptedFarm, run: Run) -> None:
    farm.on("GET", "/renders", page(task(2), next="c"), page(task(1), next="d"))

    done = run("ls", "--json", "--limit", "2")

    assert json.loads(done.stdout) == {"items": [task(2), task(1)], "next": "d"}


def test_filters_are_in_the_words_of_the_api(farm: ScriptedFarm, run: Run) -> None:
    farm.on("GET", "/renders", page())

    done = run(
        *("ls", "--status", "failed", "--status", "paused", "--job", "j", "--worker", "w"),
        *("--priority", "low", "--renderer", "mitsuba", "--named", "a", "--cursor", "c"),
        *("--submitted-by", "bob"),
    )

    assert farm.heard[0].query == {
        "limit": "50",
        "status": "failed,paused",
        "jobId": "j",
        "workerId": "w",
        "priority": "LOW",
        "renderer": "mitsuba",
        "submittedBy": "bob",
        "name": "a",
        "cursor": "c",
    }
    assert (done.stdout, done.stderr) == ("", "no such tasks\n")


def test_workers_are_listed(farm: ScriptedFarm, run: Run) -> None:
    farm.on("GET", "/workers", page(WORKER))

    assert rows(run("ls", "workers").stdout) == [
        ["w1", "ready", "-", "push", "mitsuba 3.9.1", "gpu", "2026-01-02T03:04:05Z", "-"]
    ]
    assert run("worker", "ls").stdout == run("ls", "workers").stdout


def test_fields_of_one_thing_are_lines_in_the_words_of_the_api(
    farm: ScriptedFarm, run: Run
) -> None:
    farm.on("GET", f"/renders/{ONE}", Said(body=task(settings={"samples": 4})))
    farm.on("GET", "/workers/w1", Said(body=WORKER))
    farm.on("GET", "/jobs/j", Said(body={"jobId": "j", "byStatus": {"failed": 1}}))

    shown = dict(rows(run("show", ONE).stdout))

    assert (shown["taskId"], shown["name"], shown["settings"]) == (ONE, "-", '{"samples": 4}')
    assert ["defaultScene", "false"] in rows(run("worker", "show", "w1").stdout)
    assert rows(run("ls", "job", "j").stdout) == [["jobId", "j"], ["byStatus", '{"failed": 1}']]


def test_text_of_a_renderer_cannot_order_a_terminal_about(farm: ScriptedFarm, run: Run) -> None:
    evil = task(status="failed", errorMessage="\x1b]0;owned\x07\x1b[2Jbroken\tpipe\r\nmore")
    farm.on("GET", f"/renders/{ONE}", Said(body=evil))

    done = run("watch", ONE)

    assert not {"\x1b", "\x07", "\r"} & set(done.output)
    assert rows(done.stdout)[0][4] == "]0;owned[2Jbroken pipe"


@pytest.mark.parametrize("part", ["0001", "000000000001", ONE.upper(), ONE.replace("-", "")])
def test_a_part_of_an_id_is_enough(farm: ScriptedFarm, run: Run, part: str) -> None:
    farm.on("GET", "/renders", page(task(2), task(1)))
    for path in (ONE, ONE.upper(), ONE.replace("-", "")):
        farm.on("GET", f"/renders/{path}", Said(body=task(1)))

    assert json.loads(run("show", part, "--json").stdout) == task(1)


def test_a_part_that_fits_several_ids_lists_them(farm: ScriptedFarm, run: Run) -> None:
    farm.on("GET", "/renders", page(task(2, name="b"), task(1, name="a")))

    done = run("show", "019a")

    assert done.exit_code == 2
    assert f"{ONE}  a  pending" in done.stderr


@pytest.mark.parametrize(("part", "code"), [("ffff", 3), ("abc", 2), ("no-id", 2), ("../jobs", 2)])
def test_what_is_no_task_says_so(farm: ScriptedFarm, run: Run, part: str, code: int) -> None:
    farm.on("GET", "/renders", page(task(1)))

    done = run("show", part)

    assert done.exit_code == code
    assert part in done.stderr


def test_why_asks_for_a_worker_first_and_then_for_a_task(farm: ScriptedFarm, run: Run) -> None:
    answer = {"summary": "No worker has it.", "reasons": {"no_renderer": 2, "draining": 3}}
    farm.on("GET", "/renders", page(task(1)))
    farm.on("GET", f"/renders/{ONE}/why", Said(body=answer))
    farm.on("GET", "/workers/w1/why", Said(body={"summary": "Nothing waits.", "reasons": {}}))

    assert run("why", "w1").stdout == "Nothing waits.\n"
    assert run("why", "0001").stdout == "No worker has it.\n3\tdraining\n2\tno_renderer\n"
    assert json.loads(run("why", ONE, "--json").stdout) == answer
    assert "no worker is called 'w2'" in run("why", "w2").stderr


def test_a_letter_that_comes_in_two_pieces_is_one(farm: ScriptedFarm, run: Run) -> None:
    text = "Überblendung\n".encode()
    farm.on("GET", f"/renders/{ONE}", Said(body=task(attempt=2)))
    farm.on("GET", f"/renders/{ONE}/attempts/2/log", piece(text[:1], 1), piece(text[1:], len(text)))

    assert run("logs", ONE, "-f").stdout == "Überblendung\n"

    farm.on("GET", f"/renders/{ONE}/attempts/2/log", piece(text, len(text)))
    assert json.loads(run("logs", ONE, "--json").stdout) == {
        "taskId": ONE,
        "attempt": 2,
        "complete": True,
        "text": "Überblendung\n",
    }


def piece(text: bytes, size: int) -> Said:
    """A piece of a log of 14 bytes, and how many of them the worker has sent."""
    headers = {"X-Log-Size": str(size), "X-Log-Complete": "true" if size == 14 else "false"}
    return Said(200, text, "text/plain", headers)


def test_a_log_is_followed_from_before_its_attempt_and_over_an_outage(
    farm: ScriptedFarm, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rushlight.client.patience.WAITS_S", (0.0,))
    monkeypatch.setattr("rushlight.client.connection.RETRY_WAITS_S", ())
    waits, renders = task(), task(status="rendering", attempt=1, version=2)
    farm.on_changing(f"/renders/{ONE}", Said(body=waits), Said(body=waits), Said(body=renders))
    stopping = problem(503, "bus-closed", "The farm is stopping.")
    nothing = piece(b"", 3)
    farm.on(
        *("GET", f"/renders/{ONE}/attempts/1/log"),
        *(piece(b"one", 3), nothing, stopping, stopping, piece(b"two", 14)),
    )

    done = run("logs", ONE, "-f")

    assert (done.exit_code, done.stdout) == (0, "onetwo")
    assert done.stderr == "The farm is stopping; asking again\nthe farm answers again\n"
    asked = [one.query for one in farm.told("GET", f"/renders/{ONE}/attempts/1/log")]
    assert asked == [{"offset": "0", "wait": "25"}, *[{"offset": "3", "wait": "25"}] * 4]


def test_a_task_that_ends_without_an_attempt_has_no_log(farm: ScriptedFarm, run: Run) -> None:
    ended = Said(body=task(status="cancelled", version=2))
    farm.on_changing(f"/renders/{ONE}", Said(body=task()), Said(body=task()), ended)

    done = run("logs", ONE, "-f")

    assert done.exit_code == 3
    assert "has not started, so there is no log; it is cancelled" in done.stderr


def test_a_task_that_never_ran_has_no_log(farm: ScriptedFarm, run: Run) -> None:
    farm.on("GET", f"/renders/{ONE}", Said(body=task()))

    done = run("logs", ONE)

    assert done.exit_code == 3
    assert "`rushlight why 00000001` says why" in done.stderr


def test_of_a_job_only_tasks_with_something_finished_are_asked_for_it(
    farm: ScriptedFarm, run: Run
) -> None:
    done, waits = task(framesDone=1), task(taskId="b" * 8 + "-0000-4000-8000-000000000000")
    farm.on("GET", "/jobs/shot", Said(200, {}))
    farm.on("GET", "/renders", page(waits, done))
    farm.on("GET", f"/renders/{done['taskId']}/outputs", page())

    assert run("fetch", "--job", "shot").exit_code == 0
    assert len(farm.told("GET", f"/renders/{done['taskId']}/outputs")) == 1
