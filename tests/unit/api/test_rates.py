"""A bucket of tokens for each principal."""

import pytest

from rushlight_api import rates as rates_module
from rushlight_api.rates import Rates


def test_a_burst_passes_and_then_the_rate_holds() -> None:
    rates = Rates(rate_per_s=10, burst=5)

    at_once = [rates.take("ann", 0.0) for _ in range(6)]

    assert at_once[:5] == [0.0] * 5
    assert at_once[5] == pytest.approx(0.1)
    assert rates.take("ann", 0.1) == 0.0
    assert rates.take("ann", 0.1) > 0


def test_in_the_long_run_no_more_pass_than_the_rate() -> None:
    rates = Rates(rate_per_s=10, burst=5)

    passed = sum(rates.take("ann", step / 1000) == 0 for step in range(10_000))

    assert passed == pytest.approx(5 + 100, abs=1)


def test_one_does_not_pay_for_another() -> None:
    rates = Rates(rate_per_s=1, burst=1)
    assert rates.take("ann", 0.0) == 0.0

    assert rates.take("bob", 0.0) == 0.0
    assert rates.take("ann", 0.0) > 0


def test_a_clock_that_stands_still_gives_nothing() -> None:
    rates = Rates(rate_per_s=1, burst=1)
    rates.take("ann", 5.0)

    assert rates.take("ann", 4.0) > 0


def test_memory_is_bounded_and_no_bucket_that_matters_is_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rates_module, "BUCKETS_MAX", 100)
    rates = Rates(rate_per_s=1, burst=10)
    for number in range(1000):
        rates.take(f"p{number}", number * 1.0)
    for _ in range(10):
        rates.take("ann", 1000.0)
    rates.take("bob", 1000.0)

    assert rates.take("ann", 1000.0) > 0
    assert len(rates._buckets) <= 100
