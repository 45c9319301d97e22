"""The pages that explain an example show its very code."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "turntable-renderer"
BLOCK = re.compile(r"^```(python|toml)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
BLOCKS = BLOCK.findall((ROOT / "docs" / "writing-a-renderer.md").read_text())


def sources(kind: str) -> str:
    suffix = {"python": "*.py", "toml": "*.toml"}[kind]
    return "\n".join(path.read_text() for path in sorted(EXAMPLE.rglob(suffix)))


@pytest.mark.parametrize(("kind", "code"), BLOCKS, ids=[code.split("\n")[0] for _, code in BLOCKS])
def test_the_page_on_renderers_shows_the_examples_code(kind: str, code: str) -> None:
    assert code in sources(kind)


def test_the_page_on_renderers_shows_every_method_that_the_agent_asks() -> None:
    shown = "".join(code for _, code in BLOCKS)

    assert set(re.findall(r"def (\w+)\(self", shown)) == {
        *("probe", "prepare", "read", "verify", "explain")
    }


def test_the_example_is_short() -> None:
    lines = {path.name: len(path.read_text().splitlines()) for path in EXAMPLE.rglob("*.py")}

    assert max(lines.values()) < 120, lines
