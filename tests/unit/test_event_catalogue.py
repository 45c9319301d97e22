"""``docs/events.md`` names each event's version, fields and commands as the code has them."""

import re
from pathlib import Path

import pytest

from rushlight.domain import EVENTS, again, commands
from rushlight.domain.base import FarmEvent
from rushlight.domain.round import PLAN

PAGE = Path(__file__).resolve().parents[2] / "docs" / "events.md"
COMMANDS = {
    name
    for name, kind in vars(commands).items()
    if isinstance(kind, type) and issubclass(kind, commands.Command)
}


def names_in(cell: str) -> list[str]:
    """What stands in code type."""
    return re.findall(r"`([^`]+)`", cell)


def catalogue() -> dict[str, list[str]]:
    """Topic to the other cells of its row: version, fields, commands, meaning."""
    rows = [line.strip("|").split(" | ") for line in PAGE.read_text().splitlines()]
    return {
        topic: [cell.strip() for cell in cells]
        for first, *cells in rows
        for topic in names_in(first)
        if first.strip().startswith("`rushlight.")
    }


@pytest.mark.parametrize("topic", sorted(EVENTS))
def test_a_row_names_exactly_the_fields_of_its_event(topic: str) -> None:
    own = EVENTS[topic].model_fields.keys() - FarmEvent.model_fields.keys()

    assert sorted(names_in(catalogue()[topic][1])) == sorted(own)


@pytest.mark.parametrize("topic", sorted(EVENTS))
def test_a_row_has_the_version_and_a_meaning(topic: str) -> None:
    version, _, _, meaning = catalogue()[topic]

    assert (version, bool(meaning)) == (str(EVENTS[topic].VERSION), True)


@pytest.mark.parametrize("topic", sorted(EVENTS))
def test_a_row_says_which_commands_write_it(topic: str) -> None:
    assert set(names_in(catalogue()[topic][2])) <= COMMANDS | {PLAN}


def test_every_command_that_leaves_events_stands_in_a_row() -> None:
    named = {name for row in catalogue().values() for name in names_in(row[2])}

    assert again._MAKERS.keys() - named == set()


def test_the_shared_fields_are_on_the_page() -> None:
    assert FarmEvent.model_fields.keys() <= set(names_in(PAGE.read_text()))
