"""This machine: the interpreter, what is installed, the limit on open files."""

import re
import resource
import sys
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, distribution, requires, version
from importlib.util import find_spec
from pathlib import Path

from rushlight.cli.doctor.finding import Finding, Patient, fail, ok, warn

NEEDED = (3, 11)
OPEN_FILES_MIN, OPEN_FILES_GOOD = 256, 4096
ASSETS = ("swagger-ui-bundle.js", "swagger-ui.css")
# What each extra is for, to say what is missed without it.
EXTRAS = {
    "server": "to run a farm here",
    "mitsuba": "for the renderer mitsuba and the packaged scene",
}
_NAME = re.compile(r"[A-Za-z0-9._-]+")
_EXTRA = re.compile(r"extra\s*==\s*[\"']([a-z]+)[\"']")


def look(_: Patient) -> Iterator[Finding]:
    """Everything about this machine."""
    yield python(sys.version_info[:3], sys.platform)
    yield from packages()
    yield open_files(resource.getrlimit(resource.RLIMIT_NOFILE)[0])
    if find_spec("openapi_ui_bundles") is not None:
        yield pages(Path(str(distribution("openapi-ui-bundles").locate_file(""))))


def python(found: tuple[int, int, int], platform: str) -> Finding:
    """The interpreter and the operating system."""
    text = f"{'.'.join(map(str, found))} at {sys.executable}"
    if found[:2] < NEEDED:
        return fail("Python", f"{text}; Rushlight needs 3.11 or newer: install that one")
    if platform != "linux":
        return warn("Python", f"{text}, on {platform}; farms and workers run on Linux only")
    return ok("Python", text)


def packages() -> Iterator[Finding]:
    """Rushlight itself, and what it needs; by extra."""
    needed = requirements(requires("rushlight") or ())
    yield installed("packages", needed[""], f"rushlight {version('rushlight')}", "rushlight")
    for extra, purpose in EXTRAS.items():
        finding = installed(
            f"extra {extra}", needed.get(extra, {}), "all there", f"'rushlight[{extra}]'"
        )
        if finding.status == "fail":
            # A desk or a render node needs no server; only some of an extra is a mistake.
            yield Finding(finding.about, "warn", f"{finding.text}; needed {purpose}")
        else:
            yield finding


def requirements(lines: Iterator[str] | tuple[str, ...] | list[str]) -> dict[str, dict[str, str]]:
    """Requirements as metadata has them: by extra (``""``: always), name to the whole line."""
    found: dict[str, dict[str, str]] = {"": {}}
    for line in lines:
        name = _NAME.match(line)
        extra = _EXTRA.search(line)
        if name is not None:
            group = found.setdefault(extra[1] if extra else "", {})
            group[name[0]] = line.split(";")[0].strip()
    return found


def installed(about: str, needed: Mapping[str, str], text: str, install: str) -> Finding:
    """Whether packages are there in the versions that are needed: name to requirement."""
    missing, wrong = [], []
    for name, requirement in needed.items():
        try:
            found = version(name)
        except PackageNotFoundError:
            missing.append(name)
            continue
        if not _fits(requirement, found):
            wrong.append(f"{name} is {found}, needed is {requirement}")
    faults = ([f"not installed: {', '.join(missing)}"] if missing else []) + wrong
    if faults:
        return fail(about, f"{'; '.join(faults)}. pip install {install}")
    return ok(about, text)


def _fits(requirement: str, found: str) -> bool:
    if find_spec("packaging") is None:
        return True
    from packaging.requirements import Requirement  # noqa: PLC0415 - of the extra `server`

    return Requirement(requirement).specifier.contains(found, prereleases=True)


def open_files(limit: int) -> Finding:
    """How many files a process may have open; each connection is one."""
    text = f"{limit:,} for each process" if limit != resource.RLIM_INFINITY else "no limit"
    if limit == resource.RLIM_INFINITY or limit >= OPEN_FILES_GOOD:
        return ok("open files", text)
    advice = f"{text}; a farm has one per connection: ulimit -n {OPEN_FILES_GOOD}"
    if limit < OPEN_FILES_MIN:
        return fail("open files", advice)
    return warn("open files", f"{advice}, if many workers or streams come")


def pages(installed: Path) -> Finding:
    """The files of the API's documentation, which needs no internet."""
    folder = installed / "openapi_ui_bundles" / "swagger_ui" / "vendor"
    missing = [name for name in ASSETS if not (folder / name).is_file()]
    if missing:
        return fail(
            "API pages",
            f"{', '.join(missing)} is not in {folder}: pip install --force-reinstall"
            " openapi-ui-bundles",
        )
    return ok("API pages", "/api-docs/ is whole, and needs no internet")
