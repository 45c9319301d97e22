"""``docs/client.md``: its blocks of Python are run as they stand, one after the other."""

import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import requires
from pathlib import Path

import pytest
from tests.integration.cli.conftest import END_WITHIN_S, Cli, farm_up

PAGE = Path(__file__).resolve().parents[3] / "docs" / "client.md"
WRITES = "import pathlib, sys; pathlib.Path(sys.argv[2]).write_text(f'frame {sys.argv[1]}\\n')"


@pytest.fixture
def farm(tmp_path: Path) -> Iterator[Cli]:
    """A farm as of ``rushlight up``, whose program `frame` writes its number."""
    programs = f'{{"frame": ["{sys.executable}", "-c", "{WRITES}"]}}'.replace("\\n", "\\\\n")
    with farm_up(tmp_path / "data", {"RUSHLIGHT_PROGRAMS": programs}) as cli:
        yield cli


def test_every_block_of_the_page_runs_as_written(farm: Cli, tmp_path: Path) -> None:
    blocks = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    script = tmp_path / "page.py"
    script.write_text("\n".join(blocks))

    done = subprocess.run(
        [sys.executable, "-W", "error", str(script)],
        env=farm.environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=END_WITHIN_S,
        check=False,
    )

    assert len(blocks) > 8
    assert done.returncode == 0, done.stderr + done.stdout
    assert "3 cancelled" in done.stdout


def test_the_install_is_as_light_as_the_page_says() -> None:
    """What comes without an extra; the server's own libraries are none of it."""
    light = [line for line in requires("rushlight") or () if "extra ==" not in line]
    names = {re.split(r"[^A-Za-z0-9-]", line)[0].lower() for line in light}

    assert {"httpx", "httpx-sse", "pydantic", "rich"} <= names
    assert not names & {"litestar", "eventsourcing", "uvicorn", "psycopg", "prometheus-client"}


def test_the_client_loads_nothing_of_the_server() -> None:
    code = (
        "import sys, rushlight.client.farm, rushlight.client.fetching;"
        "print(*sorted({name.partition('.')[0] for name in sys.modules}"
        " & {'litestar', 'eventsourcing', 'uvicorn', 'psycopg', 'sqlite3', 'prometheus_client'}))"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == ""
