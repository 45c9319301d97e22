"""Lines that any renderer, or a script around one, may print to tell the agent how far it is.

``PROGRESS 40 frame=7`` (percent of the whole run), ``SAVED frame=7 seconds=1.25`` (that frame is
written), ``SAVED`` (the still is), and Open Job Description's ``openjd_progress: 40``.
"""

import re

from rushlight_worker.renderers.port import Progress

_NUMBER = r"(\d{1,12}(?:\.\d{1,9})?)"
_PROGRESS = re.compile(rf"PROGRESS {_NUMBER}(?: frame=(-?\d{{1,9}}))?\s*")
_SAVED = re.compile(rf"SAVED(?: frame=(-?\d{{1,9}}))?(?: seconds={_NUMBER})?\s*")
_OPENJD = re.compile(rf"openjd_progress: {_NUMBER}\s*")


def read_line(line: str) -> Progress | None:
    """What the line says, if it is one of these."""
    line = line.strip()
    if found := _PROGRESS.fullmatch(line):
        return Progress(fraction=fraction(found[1]), frame=_whole(found[2]))
    if found := _SAVED.fullmatch(line):
        seconds = None if found[2] is None else float(found[2])
        return Progress(frame=_whole(found[1]), saved=True, render_s=seconds)
    if found := _OPENJD.fullmatch(line):
        return Progress(fraction=fraction(found[1]))
    return None


def fraction(percent: str) -> float:
    """0 to 1, from a number from 0 to 100."""
    return min(1.0, max(0.0, float(percent) / 100))


def _whole(text: str | None) -> int | None:
    return None if text is None else int(text)
