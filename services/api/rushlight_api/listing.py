"""What lists have in common: how long a page is, and filters that take several values."""

from collections.abc import Collection

from pydantic import AfterValidator

LIMIT = 50
LIMIT_MAX = 500


def several(text: str | None) -> list[str]:
    """The values of a filter, which have commas between them."""
    return [one for one in (text or "").split(",") if one]


def only(known: Collection[str]) -> AfterValidator:
    """For a filter whose values are all ``known``."""

    def check(text: str | None) -> str | None:
        if not set(several(text)) <= set(known):
            raise ValueError(f"should be of {', '.join(known)}")
        return text

    return AfterValidator(check)
