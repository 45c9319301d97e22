"""What people see: the same commands with a terminal at their end."""

import os
import pty
import re
import subprocess
from pathlib import Path

from tests.integration.cli.conftest import Cli, words

_STYLES = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")
_COLOURS = re.compile(r"\x1b\[(?:\d+;)*[349]\d[;m]")


def seen(
    cli: Cli, *given: object, typed: str = "", colours: bool | None = None, columns: int = 120
) -> tuple[int, str]:
    """Run it in a terminal of so many columns; exit code and what stood there.

    Without its styles, unless ``colours`` is given: True as they are, False as NO_COLOR makes them.
    """
    terminal, end = pty.openpty()
    environment = cli.environment | {
        "COLUMNS": str(columns),
        "LINES": "40",
        "TERM": "xterm-256color",
    }
    if colours is False:
        environment["NO_COLOR"] = "1"
    process = subprocess.Popen(
        words(*given), stdin=end, stdout=end, stderr=end, env=environment, cwd=cli.data.parent
    )
    os.close(end)
    os.write(terminal, typed.encode())
    parts = []
    while part := _read(terminal):
        parts.append(part)
    os.close(terminal)
    text = b"".join(parts).decode()
    return process.wait(60), text if colours is not None else _STYLES.sub("", text)


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:
        # Linux says so when the last process at the other end is gone.
        return b""


def test_a_list_is_a_table_with_short_ids(rushlight: Cli) -> None:
    task_id = rushlight.gated("-", "--name", "seen")
    rushlight("watch", task_id)

    code, text = seen(rushlight, "ls", "--named", "seen")

    heading, row = text.split("\r\n")[:2]
    assert code == 0
    assert heading.split()[:3] == ["TASK", "NAME", "STATUS"]
    assert row.split()[:3] == [task_id[-8:], "seen", "completed"]


def test_eighty_columns_are_enough_for_a_line_per_task_with_whole_ids(rushlight: Cli) -> None:
    ids = [rushlight.gated("-", "--job", "sequence-010") for _ in range(2)]
    rushlight("watch", *ids)

    _, text = seen(rushlight, "ls", "--job", "sequence-010", columns=80)

    heading, *lines = text.rstrip().split("\r\n")
    assert heading.split() == [
        "TASK",
        "STATUS",
        "PRIORITY",
        "FRAMES",
        "WORKER",
        "JOB",
        "SUBMITTED",
    ]
    assert [line.split()[0] for line in lines] == [one[-8:] for one in reversed(ids)]
    assert max(map(len, lines)) <= 80


def test_colours_go_away_when_asked_to(rushlight: Cli) -> None:
    rushlight("watch", rushlight.gated("-"))

    assert _COLOURS.search(seen(rushlight, "ls", colours=True)[1])
    assert not _COLOURS.search(seen(rushlight, "ls", colours=False)[1])


def test_watching_is_a_bar_per_task_and_one_for_all(rushlight: Cli) -> None:
    first, second = rushlight.gated("-", "--frames", "1-2"), rushlight.gated()

    code, text = seen(rushlight, "watch", first, second)

    last = [line.split() for line in text.split("\r\n")[-5:] if line.strip()]
    assert code == 0
    assert [(row[0], row[-2:]) for row in last[-3:]] == [
        (first[-8:], ["2/2", "completed"]),
        (second[-8:], ["1/1", "completed"]),
        ("all", ["2", "completed"]),
    ]


def test_everything_about_a_task_is_on_one_screen(rushlight: Cli) -> None:
    task_id = rushlight.gated("-", "--frames", "1-2")
    rushlight("watch", task_id)

    code, text = seen(rushlight, "show", task_id)

    assert code == 0
    assert f"task          {task_id}" in text
    assert "2/2 done, of 1-2" in text
    assert re.search(r"1 +local-1 .* completed +1-2", text)


def test_people_are_asked_before_a_job_is_cancelled(rushlight: Cli, tmp_path: Path) -> None:
    for _ in range(2):
        rushlight.gated(tmp_path / "never", "--job", "asked")

    code, text = seen(rushlight, "cancel", "--job", "asked", typed="n\n")
    assert code == 130
    assert "cancel 2 tasks of job asked?" in text

    code, text = seen(rushlight, "cancel", "--job", "asked", typed="y\n")
    assert code == 0
    assert "2 tasks of job asked cancelled" in text


def test_help_fits_and_names_every_command(rushlight: Cli) -> None:
    code, text = seen(rushlight, "--help")

    assert code == 0
    assert max(len(line) for line in text.split("\r\n")) <= 100
    assert {"submit", "watch", "audit"} <= set(text.split())
