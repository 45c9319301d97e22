"""A farm without keys is for this machine only."""

from pathlib import Path

import pytest

from rushlight.errors import SettingsInvalid
from rushlight_api.origin import is_loopback, refuse_public_bind


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "localhost"])
def test_an_address_of_this_machine_is_fine(host: str) -> None:
    refuse_public_bind(host, has_keys=False, data=Path("farm"))


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "farm.example", ""])
def test_any_other_is_refused_with_what_to_do(host: str) -> None:
    with pytest.raises(SettingsInvalid, match=r"rushlight key create --role admin --data farm`"):
        refuse_public_bind(host, has_keys=False, data=Path("farm"))


def test_any_address_is_fine_for_a_farm_that_asks_for_keys() -> None:
    refuse_public_bind("0.0.0.0", has_keys=True, data=Path("farm"))


def test_a_name_that_only_looks_like_this_machine_is_not() -> None:
    assert not is_loopback("localhost.example.com")
