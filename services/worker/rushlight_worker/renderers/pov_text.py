"""Whether a POV-Ray scene says a name at all: POV-Ray passes over a declared one that nobody reads.

Looks into the scene and what it includes from its own folder, as far as that can be read quickly.
Does not understand the language: a name in a comment is a name.
"""

import re
from collections.abc import Iterable
from pathlib import Path

FILES_MAX = 100
FILE_BYTES_MAX = 8 * 1024 * 1024
_INCLUDE = re.compile(r'#\s*include\s+"([^"\n]+)"')
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def unsaid(scene: Path, names: Iterable[str]) -> list[str]:
    """Those of ``names`` that stand nowhere; none, if the files are too many or too large."""
    left, seen, waiting = set(names), {scene}, [scene]
    while left and waiting:
        path = waiting.pop()
        if len(seen) > FILES_MAX or path.stat().st_size > FILE_BYTES_MAX:
            return []
        text = path.read_text(encoding="utf-8", errors="replace")
        left -= set(_WORD.findall(text))
        for name in _INCLUDE.findall(text):
            included = scene.parent / name
            if included not in seen and included.is_file():
                seen.add(included)
                waiting.append(included)
    return sorted(left)
