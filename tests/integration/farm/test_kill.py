"""kill -9 of the whole farm at random moments: what HTTP acknowledged is there, and counts once."""

import random
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from tests.integration.farm.process import FarmProcess

from rushlight.eventlog.audit import verify

KILLS = 20
SEED = 20261123


@dataclass
class Ledger:
    """What the farm acknowledged, written down before anything else is asked of it."""

    submitted: dict[str, str] = field(default_factory=dict)
    completed: dict[str, int] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)


class Client(threading.Thread):
    """Submits tasks and works on them, through every crash, until told to stop."""

    def __init__(self, number: int, farm: FarmProcess, ledger: Ledger) -> None:
        """Client and pull worker ``w<number>``."""
        super().__init__(name=f"w{number}", daemon=True)
        self.farm = farm
        self.ledger = ledger
        self.ending = threading.Event()
        self.finish = threading.Event()

    def run(self) -> None:
        """Submit one, render one; when ending, only render what is left."""
        try:
            while not self.finish.is_set():
                if not self.ending.is_set():
                    self._submit()
                if not self._render() and self.ending.is_set():
                    return
        except AssertionError as error:
            self.ledger.errors.append(str(error))

    def _submit(self) -> None:
        key = str(uuid4())
        response = self._ask("POST", "/renders", json={"name": self.name}, key=key)
        if response.status_code == 201:
            self.ledger.submitted[key] = response.json()["taskId"]

    def _render(self) -> bool:
        self._ask("PUT", f"/workers/{self.name}/status", json={"status": "busy"})
        response = self._ask("POST", f"/workers/{self.name}/request-task")
        if response.status_code == 204:
            return False
        assert response.status_code == 200, response.text
        task = response.json()
        done = self._ask(
            "POST",
            f"/renders/{task['taskId']}/complete",
            json={"attempt": task["attempt"], "workerId": self.name},
            key=f"{task['taskId']}/{task['attempt']}",
        )
        assert done.status_code == 200, done.text
        self.ledger.completed[task["taskId"]] = task["attempt"]
        return True

    def _ask(
        self, method: str, path: str, *, json: object = None, key: str | None = None
    ) -> httpx.Response:
        """Ask until there is an answer: a crash in between is no answer."""
        headers = {} if key is None else {"Idempotency-Key": key}
        while not self.finish.is_set():
            try:
                response = httpx.request(
                    method, self.farm.url + path, json=json, headers=headers, timeout=10
                )
            except httpx.TransportError:
                time.sleep(0.02)
                continue
            if response.status_code in (202, 503):
                continue
            return response
        raise AssertionError(f"no answer to {method} {path}")


@pytest.mark.timeout(300)
def test_kill_9_at_random_moments_loses_nothing_and_doubles_nothing(tmp_path: Path) -> None:
    moments = random.Random(SEED)
    farm = FarmProcess(tmp_path / "farm")
    farm.start()
    ledger = Ledger()
    clients = [Client(number, farm, ledger) for number in range(3)]
    for client in clients:
        client.start()
    for _ in range(KILLS):
        time.sleep(moments.uniform(0.05, 0.8))
        farm.kill()
        farm.start()
    for client in clients:
        client.ending.set()
    for client in clients:
        client.join(60)
        client.finish.set()
    assert not ledger.errors
    _nothing_is_lost_or_doubled(farm, ledger)
    assert farm.stop() == 0
    report = verify(farm.data)
    assert report.clean, report.differences
    assert report.tasks >= len(ledger.submitted) > KILLS


def _nothing_is_lost_or_doubled(farm: FarmProcess, ledger: Ledger) -> None:
    assert len(set(ledger.submitted.values())) == len(ledger.submitted)
    for task_id in ledger.submitted.values():
        task = httpx.get(f"{farm.url}/renders/{task_id}")
        assert task.status_code == 200, f"acknowledged task {task_id} is lost"
        assert task.json()["status"] == "completed"
        events = httpx.get(f"{farm.url}/renders/{task_id}/events").json()["items"]
        topics = [event["topic"] for event in events]
        assert topics.count("rushlight.task.submitted") == 1
        assert topics.count("rushlight.task.completed") == 1
        completed = next(one for one in events if one["topic"].endswith("task.completed"))
        assert completed["payload"]["attempt"] == ledger.completed[task_id]
