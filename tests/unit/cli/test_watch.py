"""``rushlight watch`` as a script sees it."""

import json
from typing import Any

from tests.unit.cli.conftest import Run
from tests.unit.cli.scripted import Said, ScriptedFarm, page, rows, task

ONE, TWO = task(1)["taskId"], task(2)["taskId"]


def test_watch_prints_a_line_per_change(farm: ScriptedFarm, run: Run) -> None:
    rendering: dict[str, Any] = {"status": "rendering", "workerId": "w1", "framesTotal": 2}
    farm.on_changing(
        f"/renders/{ONE}",
        Said(body=task(framesTotal=2)),
        Said(body=task(**rendering, framesDone=1, progress=0.5)),
        Said(body=task(**rendering, framesDone=1, progress=0.7)),
        Said(body=task(status="completed", workerId="w1", framesTotal=2, framesDone=2)),
    )

    done = run("watch", ONE)

    assert done.exit_code == 0
    assert rows(done.stdout) == [
        [ONE, "pending", "0/2", "-", "-"],
        [ONE, "rendering", "1/2", "w1", "-"],
        [ONE, "completed", "2/2", "w1", "-"],
    ]


def test_watch_as_json_is_a_task_per_line(farm: ScriptedFarm, run: Run) -> None:
    ended = [task(2, status="cancelled"), task(1, status="completed")]
    farm.on("GET", "/jobs/j", Said(body={"jobId": "j"}))
    farm.on("GET", "/renders", page(*ended))

    done = run("watch", "--job", "j", "--json")

    assert [json.loads(line) for line in done.stdout.splitlines()] == ended[::-1]
    assert (done.exit_code, done.stderr) == (1, "")


def test_watch_with_nothing_to_watch_says_so(farm: ScriptedFarm, run: Run) -> None:
    farm.on("GET", "/renders", page())

    done = run("watch")

    assert (done.exit_code, done.stdout, done.stderr) == (0, "", "nothing waits or renders\n")
