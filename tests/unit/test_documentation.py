"""What pages say that a program can check: addresses, defaults of settings, links."""

import re
from pathlib import Path
from typing import Any

import pytest
from litestar import Litestar
from pydantic_core import PydanticUndefined

from rushlight.settings import GROUPS
from rushlight_api.main import LARGE, _handlers
from rushlight_api.openapi import document

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
LINK = re.compile(r"\]\(([^)\s]+)\)")
CALL = re.compile(r"`(GET|POST|PUT|PATCH|DELETE) (/[^`?]*)`")


def rows_of(page: str) -> list[list[str]]:
    """The cells of every table row."""
    lines = (DOCS / page).read_text().splitlines()
    return [
        [cell.strip() for cell in line.strip("|").split("|")] for line in lines if line[:1] == "|"
    ]


def test_the_page_of_the_api_has_every_address_and_no_other() -> None:
    app = Litestar([*_handlers(), *LARGE], openapi_config=None)
    served = {
        (method.upper(), re.sub(r"\{\w+\}", "{}", path))
        for path, methods in document(app)["paths"].items()
        for method in methods
    }
    told = {
        (method, re.sub(r"\{\w+\}", "{}", path))
        for first, *_ in rows_of("api.md")
        for method, path in CALL.findall(first)
        if not path.startswith("/api-docs")
    }

    assert told ^ served == set()


def text_of(default: Any) -> str:
    """A default as the page writes it."""
    if isinstance(default, bool):
        return str(default).lower()
    if isinstance(default, int | float):
        return str(int(default))
    return str(default) if default else "none"


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group.__name__)
def test_the_page_of_operations_has_the_defaults_of_the_settings(group: Any) -> None:
    told = {cells[0].strip("`"): cells[1].strip("`") for cells in rows_of("operations.md")}
    wrong = [
        f"{name}: {text_of(default)}, not {told[name]}"
        for name, field in group.model_fields.items()
        if (default := field.get_default(call_default_factory=True)) is not PydanticUndefined
        and told[name].split(";")[0] != text_of(default)
    ]

    assert wrong == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(DOCS).as_posix())
def test_a_page_links_to_what_is_there(page: Path) -> None:
    dead = [
        target
        for target in LINK.findall(page.read_text())
        if "://" not in target and not _is_there(page, target)
    ]

    assert dead == []


def _is_there(page: Path, target: str) -> bool:
    path, _, anchor = target.partition("#")
    file = page.parent / path if path else page
    return file.exists() and (not anchor or anchor in anchors_of(file))


def anchors_of(page: Path) -> set[str]:
    """The headings of a page as links name them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_page_is_in_the_index_or_in_the_list_of_decisions() -> None:
    indexes = (DOCS / "README.md", DOCS / "adr" / "README.md")
    linked = {
        (index.parent / target.partition("#")[0]).resolve()
        for index in indexes
        for target in LINK.findall(index.read_text())
    }

    assert set(PAGES) - linked - set(indexes) == set()
