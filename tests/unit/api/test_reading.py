"""Bodies as strict models: every wrong place is named, in words that help."""

import pytest

from rushlight.errors import NotFound
from rushlight.messages.resources import (
    CompleteBody,
    PriorityBody,
    RenderBody,
    TasksBody,
    WorkerStatusBody,
)
from rushlight_api.problems import Malformed
from rushlight_api.reading import parse, pointer, task_id_of, worker_id_of


def parts_of(model: type, value: object) -> dict[str, str]:
    with pytest.raises(Malformed) as caught:
        parse(model, value)
    return {part.pointer: part.detail for part in caught.value.parts}


@pytest.mark.parametrize(
    ("model", "value", "at"),
    [
        (RenderBody, {"priority": "URGENT"}, "#/priority"),
        (RenderBody, {"estimatedRenderTime": "3600"}, "#/estimatedRenderTime"),
        (RenderBody, {"estimatedRenderTime": -1}, "#/estimatedRenderTime"),
        (RenderBody, {"maxRetries": 1.5}, "#/maxRetries"),
        (RenderBody, {"maxRetries": True}, "#/maxRetries"),
        (RenderBody, {"name": 7}, "#/name"),
        (RenderBody, {"args": "one two"}, "#/args"),
        (RenderBody, {"requires": {"memoryMib": 0}}, "#/requires/memoryMib"),
        (RenderBody, {"colour": "red"}, "#/colour"),
        (RenderBody, {"requires": {"gpu": True}}, "#/requires/gpu"),
        (RenderBody, {"scene": "no-root"}, "#/scene"),
        (RenderBody, [], "#"),
        (PriorityBody, {}, "#/priority"),
        (TasksBody, {"tasks": [{}, {"priority": 1}]}, "#/tasks/1/priority"),
        (TasksBody, {"tasks": []}, "#/tasks"),
        (CompleteBody, {"outputs": [{"path": "out:a.png"}]}, "#/outputs/0/bytes"),
        (
            WorkerStatusBody,
            {"status": "busy", "capabilities": {"x/y~": 1}},
            "#/capabilities/x~1y~0",
        ),
    ],
)
def test_a_wrong_field_is_refused_where_it_stands(model: type, value: object, at: str) -> None:
    assert list(parts_of(model, value)) == [at]


def test_every_wrong_field_is_named_at_once() -> None:
    found = parts_of(RenderBody, {"priority": "x", "frames": 3, "more": 1, "maxRetries": "2"})

    assert set(found) == {"#/priority", "#/frames", "#/more", "#/maxRetries"}


def test_an_unknown_field_names_those_that_are_known_there() -> None:
    found = parts_of(RenderBody, {"requires": {"gpu": True}})

    assert "known: memoryMib, tags, rendererVersion" in found["#/requires/gpu"]


def test_a_wrong_choice_names_the_choices_and_what_was_given() -> None:
    assert parts_of(PriorityBody, {"priority": "URGENT"}) == {
        "#/priority": "should be 'RUSH', 'HIGH', 'MEDIUM' or 'LOW', not 'URGENT'"
    }


def test_an_integer_is_good_enough_for_a_number() -> None:
    assert parse(RenderBody, {"estimatedRenderTime": 3600}).estimated_render_time == 3600


def test_the_names_of_python_are_no_names_of_the_wire_in_the_list_of_known_ones() -> None:
    assert "estimated_render_time" not in parts_of(RenderBody, {"x": 1})["#/x"]


def test_a_pointer_escapes_what_it_has_to() -> None:
    assert pointer("a/b", 3, "c~d") == "#/a~1b/3/c~0d"


@pytest.mark.parametrize("name", ["", "a b", "ä", "x" * 65, "a/b", "a\n"])
def test_a_worker_id_that_no_worker_can_have_is_malformed(name: str) -> None:
    with pytest.raises(Malformed, match="1 to 64 letters"):
        worker_id_of(name)


def test_a_task_id_that_is_no_uuid_is_not_found() -> None:
    with pytest.raises(NotFound, match=r"^Task not found$"):
        task_id_of("17")
