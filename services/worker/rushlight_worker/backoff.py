"""Pauses before trying again: doubling, with a limit, and never all at the same moment."""

import random

_dice = random.SystemRandom()


class Backoff:
    """Pauses of ``first_s``, doubled up to ``most_s``; each is cut by up to a half at random."""

    def __init__(self, first_s: float, most_s: float) -> None:
        """Begin with ``first_s``."""
        self._first_s = first_s
        self._most_s = most_s
        self._next_s = first_s

    def next_s(self) -> float:
        """The next pause in seconds."""
        pause_s = self._next_s * _dice.uniform(0.5, 1.0)
        self._next_s = min(self._most_s, self._next_s * 2)
        return pause_s

    def reset(self) -> None:
        """It worked: begin anew."""
        self._next_s = self._first_s
