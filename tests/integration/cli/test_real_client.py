"""``FarmClient`` on a farm that really renders: its models take what the farm says."""

from collections.abc import Iterator
from uuid import uuid4

import pytest
from tests.integration.cli.conftest import Cli, wait_until

from rushlight.client import FarmClient
from rushlight.errors import IllegalTransition, InvalidRequest, KeyReused, NotFound
from rushlight.messages.resources import ExpandBody, RenderBody, TaskResource

WRITES = {
    "renderer": "command",
    "settings": {"program": "frame"},
    "args": ["{frame}", "{output}", "-"],
}


@pytest.fixture
def client(rushlight: Cli) -> Iterator[FarmClient]:
    with FarmClient(rushlight.url) as client:
        yield client


def frames(text: str, **fields: object) -> RenderBody:
    wire = {**WRITES, "frames": text, "output": f"out:{uuid4()}.####.txt", **fields}
    return RenderBody.model_validate(wire)


def test_a_task_is_submitted_waited_for_and_looked_at(client: FarmClient) -> None:
    seen: list[TaskResource] = []
    made = client.submit(frames("1-3", name="looked-at", estimatedRenderTime=5))

    [ended] = client.wait(made.task_id, timeout_s=60, seen=seen.append)

    assert (ended.status, ended.frames_done) == ("completed", 3)
    assert seen[-1] == ended == client.task(made.task_id)
    assert [one.result for one in client.attempts(made.task_id)] == ["completed"]
    # The log comes in pieces beside the reports; its end may be later than theirs.
    wait_until(lambda: "frame 3 is done" in client.attempt_log(made.task_id, 1))
    assert [one.task_id for one in client.tasks(name="looked-at")] == [made.task_id]
    assert next(client.events(made.task_id)).topic == "rushlight.task.submitted"
    assert client.why_task(made.task_id).status == "completed"


def test_a_batch_of_a_job_is_waited_for(client: FarmClient) -> None:
    body = {**WRITES, "frames": "1-4", "framesPerTask": 2, "output": "out:expanded/####.txt"}
    made = client.expand(ExpandBody.model_validate({**body, "jobId": "expanded"}))
    more = client.submit_batch([frames("1"), frames("2")], job_id="expanded")

    ended = client.wait(job_id="expanded", timeout_s=60)

    assert {one.task_id for one in ended} == {*made.task_ids, *more.task_ids}
    assert client.job("expanded").by_status["completed"] == 4


def test_all_pages_of_a_list_are_read(client: FarmClient) -> None:
    made = client.submit_batch([RenderBody(renderer="nobody-has-it")] * 230, job_id="many")

    found = list(client.tasks(jobId="many"))

    assert {one.task_id for one in found} == set(made.task_ids)
    assert client.reprioritise_job("many", "LOW").changed == 230
    assert client.change_job("many", "cancel").changed == 230


def test_the_same_key_is_the_same_task_and_no_other(client: FarmClient) -> None:
    key = uuid4()
    body = RenderBody(renderer="nobody-has-it", name="once")

    first, second = (client.submit(body, key=key) for _ in range(2))

    assert first.task_id == second.task_id
    with pytest.raises(KeyReused):
        client.submit(RenderBody(renderer="nobody-has-it", name="twice"), key=key)
    client.cancel(first.task_id)


def test_verbs_answer_with_the_task_as_it_is_then(client: FarmClient) -> None:
    task_id = client.submit(RenderBody(renderer="nobody-has-it")).task_id

    assert client.pause(task_id).status == "paused"
    assert client.reprioritise(task_id, "RUSH").priority == "RUSH"
    assert client.resume(task_id).status == "pending"
    assert client.cancel(task_id).status == "cancelled"
    with pytest.raises(IllegalTransition):
        client.retry(task_id)
    assert client.requeue(task_id).status == "pending"
    client.cancel(task_id)


def test_workers_are_looked_at_and_drained(client: FarmClient) -> None:
    [worker] = client.workers()

    assert worker == client.worker(worker.worker_id) or worker.status == "busy"
    assert client.drain(worker.worker_id).status == "draining"
    assert client.why_worker(worker.worker_id).status == "draining"
    assert client.undrain(worker.worker_id).status == "ready"


def test_what_the_farm_refuses_is_raised_as_what_it_is(client: FarmClient) -> None:
    with pytest.raises(NotFound):
        client.task(uuid4())
    with pytest.raises(InvalidRequest, match="10-1"):
        client.submit(RenderBody(frames="10-1"))
