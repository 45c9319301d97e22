"""Following a real farm: how soon, with how many requests, and over its restarts."""

import json
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from statistics import median

import httpx
import pytest
from tests.integration.cli.conftest import END_WITHIN_S, PROGRAM, Cli, farm_up, wait_until

from rushlight.client import FarmClient, WireClient
from rushlight.client.following import follow
from rushlight.clock import SystemClock
from rushlight.messages.resources import EventResource, RenderBody

SEEN_WITHIN_S = 0.2
TASKS = 200
NOBODY = RenderBody(renderer="nobody-has-it")


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cli]:
    """A farm without workers."""
    with farm_up(tmp_path_factory.mktemp("bare") / "data", {}, workers=0) as cli:
        yield cli


def test_a_change_is_seen_at_once(bare: Cli) -> None:
    """Of 20 changes; asking every second or two would see the middle one after half of that."""
    clock = SystemClock()
    late_s: list[float] = []
    with FarmClient(bare.url) as client, WireClient(bare.url) as watching:
        task_id = str(client.submit(NOBODY).task_id)
        looks = (look for look in follow(watching, [task_id]) if look.changed)
        next(looks)
        for number in range(20):
            changed = client.pause(task_id) if number % 2 == 0 else client.resume(task_id)
            [seen] = next(looks).changed
            last = list(client.events(task_id))[-1]
            late_s.append((clock.now() - last.time).total_seconds())
            assert seen["version"] == changed.version
        client.cancel(task_id)

    assert median(late_s) < SEEN_WITHIN_S


@contextmanager
def pull_workers(url: str, count: int) -> Iterator[None]:
    """Plain REST clients that complete whatever they get."""
    stop = threading.Event()

    def work(name: str) -> None:
        with httpx.Client(base_url=url, timeout=END_WITHIN_S) as http:
            http.put(f"/workers/{name}/status", json={"status": "ready"}).raise_for_status()
            while not stop.is_set():
                got = http.post(f"/workers/{name}/request-task?wait=1")
                if got.status_code == httpx.codes.OK:
                    http.post(f"/renders/{got.json()['taskId']}/complete").raise_for_status()

    workers = [threading.Thread(target=work, args=(f"pull-{n}",)) for n in range(count)]
    for worker in workers:
        worker.start()
    try:
        yield
    finally:
        stop.set()
        for worker in workers:
            worker.join(END_WITHIN_S)


def test_a_job_is_followed_with_a_request_for_many_events(bare: Cli) -> None:
    with FarmClient(bare.url) as client:
        client.submit_batch([RenderBody()] * TASKS, job_id="followed")
        asked: Counter[str] = Counter()
        client.wire.connection._http.event_hooks = {
            "request": [lambda request: asked.update([request.url.path])]
        }
        started_s = time.monotonic()
        with pull_workers(bare.url, 2):
            ended = client.wait(job_id="followed", timeout_s=END_WITHIN_S)
        took_s = time.monotonic() - started_s

    assert Counter(one.status for one in ended) == {"completed": TASKS}
    # Ten looks a second at most, and each is a page or two; a job of 200 has 400 events or more.
    assert sum(asked.values()) < min(TASKS, 20 + 20 * took_s)
    assert asked["/events"] == 1


def test_a_stream_goes_on_over_restarts_without_a_miss_or_a_double(tmp_path: Path) -> None:
    found: list[EventResource] = []
    data = tmp_path / "data"
    with farm_up(data, {}, workers=0) as cli:
        port = cli.url.rpartition(":")[2]
        client = FarmClient(cli.url)
        stream = client.stream(0)
        listening = threading.Thread(target=lambda: found.extend(stream))
        listening.start()
        client.submit_batch([NOBODY] * 30)
    written: list[int] = []
    for _ in range(2):
        with farm_up(data, {}, workers=0, port=port):
            client.submit_batch([NOBODY] * 30)
            written[:] = [event.position for event in client.farm_events()]
            wait_until(lambda: bool(found) and found[-1].position >= written[-1])
    stream.close()
    listening.join(END_WITHIN_S)
    client.close()

    assert not listening.is_alive()
    assert [event.position for event in found][: len(written)] == written


def test_waiting_goes_on_over_a_restart(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with farm_up(data, {}, workers=0) as cli:
        port = cli.url.rpartition(":")[2]
        with FarmClient(cli.url) as client:
            task_id = client.submit(NOBODY).task_id
        watching = cli.begin("watch", task_id)
        assert watching.stdout is not None
        assert "pending" in watching.stdout.readline()
    with farm_up(data, {}, workers=0, port=port) as cli:
        cli("cancel", task_id)
        out, said = watching.communicate(timeout=END_WITHIN_S)

    assert (watching.returncode, out.split("\t")[1]) == (1, "cancelled")
    assert "asking again\nthe farm answers again\n" in said


def test_events_are_told_as_they_happen_until_interrupted(bare: Cli) -> None:
    with FarmClient(bare.url) as client:
        telling = bare.begin("events", "-f", "--job", "told", "--topic", "task.*", "--json")
        plain = bare.begin("events", "-f", "--after", 0, "--job", "told")
        assert telling.stdout is not None
        assert plain.stdout is not None
        read: list[str] = []
        reading = threading.Thread(target=lambda: read.extend(islice(telling.stdout, 2)))  # type: ignore[arg-type]
        reading.start()
        # The first may come before the command has begun to listen.
        while reading.is_alive():
            task_id = client.submit(NOBODY.model_copy(update={"job_id": "told"})).task_id
            client.cancel(task_id)
            reading.join(0.2)
        lines = [line.rstrip("\n").split("\t") for line in islice(plain.stdout, 2)]
        for command in (telling, plain):
            command.send_signal(signal.SIGINT)
            command.communicate(timeout=END_WITHIN_S)

    topics = [json.loads(line)["topic"] for line in read]
    assert set(topics) <= {"rushlight.task.submitted", "rushlight.task.cancelled"}
    assert [line[2] for line in lines] == ["rushlight.task.submitted", "rushlight.task.cancelled"]
    assert (telling.returncode, plain.returncode) == (130, 130)


def test_events_of_the_past_are_listed(bare: Cli) -> None:
    with FarmClient(bare.url) as client:
        task_id = client.submit(NOBODY).task_id
        client.cancel(task_id)

    listed = bare("events", "--task", str(task_id)[-8:]).stdout.splitlines()
    last = bare("events", "--last", 4, "--json").stdout.splitlines()
    rounds = bare("events", "--last", 4, "--topic", "term").stdout.splitlines()
    wrong = bare("events", "--topic", "task.nothing")

    assert [line.split("\t")[2:4] for line in listed] == [
        ["rushlight.task.submitted", str(task_id)],
        ["rushlight.task.cancelled", str(task_id)],
    ]
    assert [json.loads(line)["topic"].split(".")[1] for line in last] == ["task", "task"]
    assert [line.split("\t")[2] for line in rounds] == ["rushlight.term.round_closed"] * 2
    assert (wrong.returncode, wrong.stdout) == (2, "")


def test_a_log_is_followed_over_a_restart_of_the_farm(tmp_path: Path) -> None:
    program, gate = tmp_path / "frame.py", tmp_path / "gate"
    program.write_text(PROGRAM)
    data = tmp_path / "data"
    with farm_up(data, {}, workers=0) as cli:
        port = cli.url.rpartition(":")[2]
        worker = cli.begin(
            *("worker", "run", "--id", "w", "--root", f"out={tmp_path}"),
            *("--renderer", "command", "--program", f"frame={sys.executable} {program}"),
        )
        task_id = cli.gated(gate)
        following = cli.begin("logs", task_id, "-f")
        assert following.stdout is not None
        # Two lines before it are the agent's.
        assert "frame 1 begins" in "".join(islice(following.stdout, 3))
    with farm_up(data, {}, workers=0, port=port) as cli:
        gate.touch()
        rest, said = following.communicate(timeout=END_WITHIN_S)
        worker.send_signal(signal.SIGTERM)
        worker.communicate(timeout=END_WITHIN_S)

    assert following.returncode == 0, said
    # It was written after the restart.
    assert "frame 1 is done" in rest
