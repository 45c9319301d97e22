"""Each error has one status, and what it says of itself."""

import pytest

from rushlight import errors
from rushlight_api.problems import refusal, status_of, text_of


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        (errors.NotFound, 404),
        (errors.InvalidRequest, 422),
        (errors.KeyReused, 422),
        (errors.IllegalTransition, 409),
        (errors.StaleReport, 409),
        (errors.OutputTaken, 409),
        (errors.BusFull, 503),
        (errors.LogUnavailable, 503),
        (errors.RushlightError, 500),
    ],
)
def test_an_error_has_its_status(kind: type[errors.RushlightError], status: int) -> None:
    assert status_of(kind("x")) == status


def test_a_refused_command_is_the_error_that_the_dispatcher_raised() -> None:
    error = refusal("output-taken", "taken", {"other": "t"})

    assert (type(error), str(error), error.facts) == (errors.OutputTaken, "taken", {"other": "t"})


def test_a_code_from_a_later_release_still_is_a_refusal() -> None:
    assert status_of(refusal("not-invented-yet", "no", {})) == 409


@pytest.mark.parametrize(
    "code", [*errors.BY_CODE, "body-too-large", "method-not-allowed", "forbidden"]
)
def test_every_type_of_problem_has_a_text(code: str) -> None:
    assert len(text_of(code)) > 10


def test_an_unknown_type_has_none() -> None:
    with pytest.raises(errors.NotFound):
        text_of("nonsense")
