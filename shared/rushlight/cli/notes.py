"""What a command that waits says while the farm does not answer."""

from collections.abc import Callable

from rushlight.errors import RushlightError


class OutageNotes:
    """One line when the farm stops to answer, one when it answers again."""

    def __init__(self, say: Callable[[str], None]) -> None:
        """Say it with ``say``."""
        self._say = say
        self._outage = False

    def tell(self, error: RushlightError | None) -> None:
        """Why the farm does not answer; None: it does."""
        if (error is not None) != self._outage:
            self._outage = error is not None
            said = str(error).rstrip(".")
            self._say(f"{said}; asking again" if self._outage else "the farm answers again")
