"""``rushlight submit`` as a script sees it."""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.unit.cli.conftest import Run
from tests.unit.cli.scripted import Said, ScriptedFarm, task

ONE, TWO = task(1)["taskId"], task(2)["taskId"]


def test_submit_alone_sends_an_empty_body_and_prints_the_id(farm: ScriptedFarm, run: Run) -> None:
    farm.on("POST", "/renders", Said(201, task()))

    done = run("submit")

    assert (done.exit_code, done.stdout, done.stderr) == (0, f"{ONE}\n", "")
    assert [one.body for one in farm.heard] == [{}]


def test_every_option_of_submit_reaches_the_farm(farm: ScriptedFarm, run: Run) -> None:
    farm.on("POST", "/renders", Said(201, task()))

    run(
        *("submit", "--scene", "scenes:a.xml", "--renderer", "mitsuba", "--frames", "1-4"),
        *("--priority", "rush", "--estimate", "90", "--name", "a", "--job", "j"),
        *("--output", "out:a.####.png", "--set", "samples=16", "--set", "title=two words"),
        *("--set", "size=[320,180]", "--arg", "-v", "--max-retries", "2"),
        *("--max-render-time", "600", "--memory-mib", "100", "--tag", "gpu", "--tag", "ssd"),
        *("--renderer-version", ">=3.9"),
    )

    assert farm.heard[0].body == {
        "scene": "scenes:a.xml",
        "renderer": "mitsuba",
        "frames": "1-4",
        "priority": "RUSH",
        "estimatedRenderTime": 90,
        "name": "a",
        "jobId": "j",
        "output": "out:a.####.png",
        "settings": {"samples": 16, "title": "two words", "size": [320, 180]},
        "args": ["-v"],
        "maxRetries": 2,
        "maxRenderTime": 600,
        "requires": {"memoryMib": 100, "tags": ["gpu", "ssd"], "rendererVersion": ">=3.9"},
    }


@pytest.mark.parametrize(
    ("words", "body"),
    [
        (
            ("--frames", "1-8", "--frames-per-task", "4"),
            {"frames": "1-8", "framesPerTask": 4},
        ),
        (("--count", "2", "--name", "a"), {"tasks": [{"name": "a"}, {"name": "a"}]}),
    ],
)
def test_several_tasks_are_one_batch(
    farm: ScriptedFarm, run: Run, words: tuple[str, ...], body: dict[str, Any]
) -> None:
    made = {"jobId": "j", "taskIds": [ONE, TWO], "count": 2}
    farm.on("POST", "/renders/batch", Said(201, made))

    done = run("submit", *words)

    assert (done.exit_code, done.stdout) == (0, f"{ONE}\n{TWO}\n")
    assert farm.heard[0].body == body
    assert json.loads(run("submit", *words, "--json").stdout) == made


@pytest.mark.parametrize(
    ("text", "words", "heard"),
    [
        ('{"priority": "LOW"}', (), ("/renders", {"priority": "LOW"})),
        ('{"priority": "LOW"}', ("--priority", "HIGH"), ("/renders", {"priority": "HIGH"})),
        (
            '[{"name": "a"}]',
            ("--job", "j"),
            ("/renders/batch", {"tasks": [{"name": "a"}], "jobId": "j"}),
        ),
        (
            '{"frames": "1-4", "framesPerTask": 2}',
            (),
            ("/renders/batch", {"frames": "1-4", "framesPerTask": 2}),
        ),
    ],
)
def test_a_file_holds_a_task_a_list_or_a_batch(
    farm: ScriptedFarm, run: Run, text: str, words: tuple[str, ...], heard: Any
) -> None:
    farm.on("POST", "/renders", Said(201, task()))
    farm.on("POST", "/renders/batch", Said(201, {"jobId": "j", "taskIds": [ONE], "count": 1}))

    done = run("submit", "--file", "-", *words, input=text)

    assert done.exit_code == 0, done.stderr
    assert [(one.path, one.body) for one in farm.heard] == [heard]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--file", "nowhere.json"), "No such file"),
        (("--file", "broken.json"), "is not JSON"),
        (("--file", "text.json"), "a task is a JSON object"),
        (("--file", "list.json", "--name", "a"), "only --job"),
        (("--set", "samples"), "KEY=VALUE"),
        (("--priority", "SOON"), "'SOON' is not one of"),
        (("--count", "2", "--frames", "1-4", "--frames-per-task", "1"), "--count"),
    ],
)
def test_wrong_options_of_submit_say_what_is_right(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("broken.json").write_text("{")
    Path("text.json").write_text('"a"')
    Path("list.json").write_text("[{}]")

    done = run("submit", *words)

    assert (done.exit_code, done.stdout) == (2, "")
    assert said in done.stderr


def test_submit_and_wait_fails_when_the_work_fails(farm: ScriptedFarm, run: Run) -> None:
    farm.on("POST", "/renders", Said(201, task()))
    failed = task(status="failed", errorMessage="mitsuba exited with 1\nlast line of the log")
    farm.on("GET", f"/renders/{ONE}", Said(body=failed))

    done = run("submit", "--wait")

    assert (done.exit_code, done.stdout) == (1, f"{ONE}\n")
    assert done.stderr == "00000001 failed: mitsuba exited with 1\n"


def test_submit_and_wait_gives_the_task_as_it_ended(farm: ScriptedFarm, run: Run) -> None:
    farm.on("POST", "/renders", Said(201, task()))
    farm.on("GET", f"/renders/{ONE}", Said(body=task(status="completed")))

    done = run("submit", "--wait", "--json")

    assert (done.exit_code, json.loads(done.stdout)) == (0, task(status="completed"))


def test_waiting_has_a_limit(farm: ScriptedFarm, run: Run) -> None:
    farm.on("POST", "/renders", Said(201, task()))
    farm.on("GET", f"/renders/{ONE}", Said(body=task()))

    done = run("submit", "--wait", "--timeout", "0")

    assert done.exit_code == 7
    assert "1 task has not ended within 0 s" in done.stderr
