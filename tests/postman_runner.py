"""Sends a Postman collection without Postman: requests, variables, and the forms of our scripts.

The generator writes two kinds of test line, a status and a variable to keep; any other is refused,
so a test here cannot pass by not understanding. ``python -m tests.postman_runner URL [FILE]``.
"""

import json
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

COLLECTION = Path(__file__).resolve().parent.parent / "docs" / "postman.json"
_VARIABLE = re.compile(r"\{\{(\w+)\}\}")
_STATUS = re.compile(
    r'pm\.test\("answers (\d+)", function \(\) \{ pm\.response\.to\.have\.status\((\d+)\); \}\);'
)
_KEEP = re.compile(
    r'pm\.collectionVariables\.set\("(\w+)", pm\.response\.json\(\)((?:\.\w+|\[\d+\])+)\);'
)
_STEP = re.compile(r"\.(\w+)|\[(\d+)\]")


@dataclass(frozen=True)
class Sent:
    """One request that was sent."""

    name: str
    wanted: int
    answer: httpx.Response

    @property
    def ok(self) -> bool:
        return self.answer.status_code == self.wanted

    def __str__(self) -> str:
        said = f"{self.name}: {self.answer.status_code}, wanted {self.wanted}"
        return said if self.ok else f"{said}: {self.answer.text[:500]}"


class Run:
    """One run over a collection."""

    def __init__(self, collection: Any, http: httpx.Client, **variables: str) -> None:
        self._collection = collection
        self._http = http
        self.variables = {one["key"]: one["value"] for one in collection["variable"]} | variables

    def requests(self) -> Iterator[Sent]:
        """Send one after the other."""
        for folder in self._collection["item"]:
            for item in folder["item"]:
                yield self._send(f"{folder['name']} / {item['name']}", item)

    def _send(self, name: str, item: Any) -> Sent:
        request = item["request"]
        auth = request.get("auth", self._collection["auth"])
        headers = {one["key"]: self._filled(one["value"]) for one in request["header"]}
        if auth["type"] == "bearer":
            headers["Authorization"] = f"Bearer {self._filled(auth['bearer'][0]['value'])}".strip()
        body = request.get("body", {}).get("raw")
        answer = self._http.request(
            request["method"],
            self._filled(request["url"]["raw"]),
            headers=headers,
            content=None if body is None else self._filled(body).encode(),
        )
        [event] = item["event"]
        return self._test(name, event["script"]["exec"], answer)

    def _test(self, name: str, lines: list[str], answer: httpx.Response) -> Sent:
        wanted = None
        for line in lines:
            if (status := _STATUS.fullmatch(line)) and status[1] == status[2]:
                wanted = int(status[1])
            elif keep := _KEEP.fullmatch(line):
                if answer.status_code == wanted:
                    self.variables[keep[1]] = str(_at(answer.json(), keep[2]))
            else:
                raise ValueError(f"{name}: a script that this runner does not read: {line}")
        if wanted is None:
            raise ValueError(f"{name}: nothing tests its status")
        return Sent(name, wanted, answer)

    def _filled(self, text: str) -> str:
        return _VARIABLE.sub(lambda found: self.variables[found[1]], text)


def _at(value: Any, steps: str) -> Any:
    for name, index in _STEP.findall(steps):
        value = value[name] if name else value[int(index)]
    return value


def read(file: Path = COLLECTION) -> Mapping[str, Any]:
    """The collection of a file."""
    found: Mapping[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return found


def main() -> int:
    """Send the collection to a farm and say what it answers."""
    url, *files = sys.argv[1:]
    with httpx.Client(timeout=30) as http:
        sent = list(Run(read(*map(Path, files)), http, baseUrl=url).requests())
    for one in sent:
        sys.stdout.write(f"{'ok  ' if one.ok else 'FAIL'} {one}\n")
    return 0 if all(one.ok for one in sent) else 1


if __name__ == "__main__":
    sys.exit(main())
