"""The house rules of CONTRIBUTING.md that a program can check; rules that nobody runs decay."""

import ast
import importlib
import pkgutil
import re
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

import rushlight
from rushlight.errors import RushlightError

ROOT = Path(__file__).resolve().parent.parent
FUNCTION_LINES_MAX = 60
FILE_LINES_MAX = 400
CLOCK = "shared/rushlight/clock.py"
CLOCK_CALLS = {
    "datetime.now",
    "datetime.today",
    "datetime.utcnow",
    "date.today",
    "time.clock_gettime",
    "time.monotonic",
    "time.monotonic_ns",
    "time.time",
    "time.time_ns",
}
CLOCK_CALLS_IN_TESTS = {"time.monotonic", "time.monotonic_ns"}
BANNED_NAMES = {"common", "helper", "helpers", "manager", "managers", "misc", "util", "utils"}
SETTINGS_MODELS = ("FarmSettings", "ServerSettings", "WorkerSettings")
# Letters in brackets, so that this file does not break its own rules.
UNTRACKED_TODO = re.compile(r"\b([T]ODO|[F]IXME|[X]XX)\b(?!\(#\d+\))")
REGISTRY_HOST = re.compile(
    r"[p]ypi\.org|[p]ythonhosted\.org|[n]pmjs\.(org|com)|[c]rates\.io|[a]naconda\.(org|com)"
    r"|[p]roxy\.golang\.org|(deb|security)\.[d]ebian\.org|[a]rchive\.ubuntu\.com|[r]ubygems\.org",
    re.IGNORECASE,
)
MACHINE_PATH = re.compile(r"(?<![\w.}~-])/(?:[w]ork/|[r]oot/|[o]pt/pypi|[o]pt/wheels)")


@dataclass(frozen=True)
class Source:
    """One Python file and what a rule needs of it."""

    path: str
    text: str

    @property
    def tree(self) -> ast.Module:
        return ast.parse(self.text, self.path)

    @property
    def shipped(self) -> bool:
        return self.path.startswith(("services/", "shared/"))

    def at(self, node: ast.AST, what: str) -> str:
        return f"{self.path}:{getattr(node, 'lineno', 1)}: {what}"


@cache
def tracked_files() -> list[Path]:
    """What is, or is about to be, in the repository."""
    listing = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    paths = {ROOT / name for name in listing.split("\0") if name}
    return sorted(path for path in paths if path.is_file())


@cache
def python_files() -> list[Source]:
    """Every Python file of ours."""
    rooms = ("examples/", "services/", "shared/", "tests/", "tools/")
    names = [path.relative_to(ROOT).as_posix() for path in tracked_files()]
    return [
        Source(name, (ROOT / name).read_text(encoding="utf-8"))
        for name in names
        if name.endswith(".py") and name.startswith(rooms)
    ]


def functions_are_short(source: Source) -> Iterator[str]:
    for node in ast.walk(source.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > FUNCTION_LINES_MAX:
                yield source.at(node, f"{node.name} has {lines} lines")


def files_are_short(source: Source) -> Iterator[str]:
    lines = len(source.text.splitlines())
    if lines > FILE_LINES_MAX:
        yield f"{source.path}: {lines} lines"


def only_the_clock_asks_the_time(source: Source) -> Iterator[str]:
    if source.path == CLOCK:
        return
    allowed = set() if source.shipped else CLOCK_CALLS_IN_TESTS
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Attribute):
            used = [".".join(ast.unparse(node).split(".")[-2:])]
        elif isinstance(node, ast.ImportFrom) and node.module == "time":
            used = [f"time.{name.name}" for name in node.names]
        else:
            continue
        for name in used:
            if name in CLOCK_CALLS - allowed:
                yield source.at(node, f"{name}: take the time as an argument, or a Clock")


def names_say_what_is_inside(source: Source) -> Iterator[str]:
    for part in Path(source.path).with_suffix("").parts:
        if part.removeprefix("test_") in BANNED_NAMES:
            yield f"{source.path}: {part!r} says nothing"


def todos_name_an_issue(source: Source) -> Iterator[str]:
    for number, line in enumerate(source.text.splitlines(), 1):
        if UNTRACKED_TODO.search(line):
            yield f"{source.path}:{number}: name the issue, as in (#12), or do it"


def services_log_and_never_print(source: Source) -> Iterator[str]:
    path = Path(source.path)
    may_print = "cli" in path.parts or "demo" in path.stem or "driver" in path.stem
    if not source.shipped or may_print:
        return
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "print":
            yield source.at(node, "print")


def every_module_says_its_job(source: Source) -> Iterator[str]:
    if not source.path.startswith("tests/") and not (ast.get_docstring(source.tree) or "").strip():
        yield f"{source.path}: no docstring"


def no_error_is_swallowed(source: Source) -> Iterator[str]:
    for node in ast.walk(source.tree):
        if not isinstance(node, ast.ExceptHandler):
            continue
        if node.type is None:
            yield source.at(node, "bare except")
        elif ast.unparse(node.type) in {"Exception", "BaseException"} and all(
            isinstance(line, ast.Pass | ast.Continue)
            or (isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant))
            for line in node.body
        ):
            yield source.at(node, "swallows every error")


Rule = Callable[[Source], Iterator[str]]

# Each rule with a breach of it, so that no rule is one that cannot fail.
RULES: dict[Rule, Source] = {
    functions_are_short: Source("shared/a.py", "def f():\n" + "    x = 1\n" * FUNCTION_LINES_MAX),
    files_are_short: Source("tests/a.py", "x = 1\n" * (FILE_LINES_MAX + 1)),
    only_the_clock_asks_the_time: Source("services/a.py", "import time\nt = time.monotonic"),
    names_say_what_is_inside: Source("shared/utils/a.py", ""),
    todos_name_an_issue: Source("shared/a.py", "# TO" + "DO: later"),
    services_log_and_never_print: Source("services/a.py", "print('here')"),
    every_module_says_its_job: Source("shared/a.py", "x = 1"),
    no_error_is_swallowed: Source("tests/a.py", "try:\n    f()\nexcept Exception:\n    pass"),
}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_every_file_keeps_the_rule(rule: Rule) -> None:
    assert [breach for source in python_files() for breach in rule(source)] == []


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_rule_finds_a_breach(rule: Rule) -> None:
    assert len(list(rule(RULES[rule]))) == 1


def text_of(path: Path) -> str:
    """The file's text; nothing for a picture."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return ""


@pytest.mark.parametrize("pattern", [REGISTRY_HOST, MACHINE_PATH], ids=["registry", "machine"])
def test_no_file_names_a_package_registry_or_somebodys_machine(pattern: re.Pattern[str]) -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:80]}"
        for path in tracked_files()
        for number, line in enumerate(text_of(path).splitlines(), 1)
        if pattern.search(line)
    ]

    assert found == []


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (REGISTRY_HOST, "see https://py" + "pi.org/project/rushlight"),
        (MACHINE_PATH, "cd /wo" + "rk/main"),
    ],
    ids=["registry", "machine"],
)
def test_the_pattern_finds_a_breach(pattern: re.Pattern[str], text: str) -> None:
    assert pattern.search(text)


def documented_in(page: str) -> set[str]:
    """What the tables of a page are about: the names in code type in a row's first cell."""
    rows = [
        line for line in (ROOT / "docs" / page).read_text().splitlines() if line.startswith("|")
    ]
    return {name for row in rows for name in re.findall(r"`([^`]+)`", row.split("|")[1])}


def test_every_setting_has_a_row_in_operations() -> None:
    settings = importlib.import_module("rushlight.settings")
    names = {name for model in SETTINGS_MODELS for name in getattr(settings, model).model_fields}

    assert sorted(names - documented_in("operations.md")) == []


def test_every_event_has_a_row_in_the_catalogue_and_every_row_an_event() -> None:
    topics = set(importlib.import_module("rushlight.domain").EVENTS)
    rows = {name for name in documented_in("events.md") if name.startswith("rushlight.")}

    assert topics
    assert topics ^ rows == set()


def kinds_of(error: type[RushlightError]) -> Iterator[type[RushlightError]]:
    """The class and everything that derives from it."""
    yield error
    for child in error.__subclasses__():
        yield from kinds_of(child)


def test_every_error_has_a_code_of_its_own() -> None:
    for module in pkgutil.iter_modules(rushlight.__path__, "rushlight."):
        importlib.import_module(module.name)
    kinds = [kind for kind in kinds_of(RushlightError) if kind.__module__.startswith("rushlight")]
    codes = [vars(kind).get("code") for kind in kinds]

    assert None not in codes
    assert sorted({str(code) for code in codes if codes.count(code) > 1}) == []
