"""Heartbeats over a real bus, log and table: answered, compared with the log, repaired."""

import asyncio
import threading
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from rushlight.bus.local import LocalBus
from rushlight.bus.port import Queue, WorkerQueue
from rushlight.eventlog.liveness import Liveness
from rushlight.eventlog.log import FarmLog
from rushlight.messages import commands as c
from rushlight.messages.base import Message
from rushlight.messages.work import (
    Assign,
    FinishedAttempt,
    Heartbeat,
    HeartbeatAnswer,
    RunningAttempt,
    Stop,
)
from rushlight.settings import FarmSettings
from rushlight.testing import ManualClock
from rushlight_dispatcher.writer import Writer
from rushlight_reaper.main import Reaper

SETTINGS = FarmSettings()
QUEUE = WorkerQueue("w1", "i1")
MARK = Stop(task_id=UUID(int=0), attempt=0, reason="stale")
WAIT_S = 10


@dataclass
class Scene:
    """A farm with one worker, and what its agent hears."""

    bus: LocalBus
    writer: Writer
    liveness: Liveness
    clock: ManualClock
    beats: int = 0

    def say(self, kind: type[c.Command], **fields: object) -> None:
        self.clock.advance(1)
        command = kind.model_validate({"command_id": uuid4(), **fields})
        outcome = self.writer.write([command], self.clock.now()).outcomes[command.command_id]
        assert outcome.status == "done", outcome

    async def beat(
        self,
        *running: tuple[UUID, int],
        finished: tuple[tuple[UUID, int], ...] = (),
        instance: str = "i1",
    ) -> HeartbeatAnswer:
        self.beats += 1
        beat = Heartbeat(
            worker_id="w1",
            instance=instance,
            sequence=self.beats,
            running=tuple(RunningAttempt(task_id=one, attempt=number) for one, number in running),
            finished=tuple(
                FinishedAttempt(task_id=one, attempt=number) for one, number in finished
            ),
        )
        answer = await self.bus.request(Queue.HEARTBEATS, beat, timeout_s=WAIT_S)
        assert isinstance(answer, HeartbeatAnswer)
        return answer

    async def heard(self) -> list[Message]:
        """What the agent was told so far: one more heartbeat shows that the last was compared."""
        async with self.bus.consume(QUEUE) as inbox:
            await self.bus.publish(QUEUE, MARK)
            found: list[Message] = []
            while MARK not in found:
                found += [one.message for one in await inbox.take(100)]
                await inbox.ack()
            return found[:-1]


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    clock = ManualClock()
    bus = LocalBus(clock)
    with (
        FarmLog.open(tmp_path / "farm", clock=clock) as log,
        closing(Liveness.open(tmp_path / "farm", clock=clock)) as liveness,
    ):
        reaper = Reaper(bus=bus, views=log.views, liveness=liveness, settings=SETTINGS, clock=clock)
        running = asyncio.create_task(reaper.run(sweeps=False))
        await bus.declare(QUEUE)
        scene = Scene(bus, Writer(log, "test", SETTINGS), liveness, clock)
        scene.say(
            c.JoinWorker,
            worker_id="w1",
            instance="i1",
            capabilities=c.Capabilities(renderers={}, default_scene=True),
        )
        yield scene
        await bus.close()
        await running


def submit(scene: Scene) -> UUID:
    task_id = uuid4()
    scene.say(c.SubmitTasks, tasks=(c.NewTask(task_id=task_id),))
    return task_id


async def test_an_answer_extends_the_lease_and_says_the_periods(scene: Scene) -> None:
    answer = await scene.beat()

    assert (answer.status, answer.sequence) == ("ok", 1)
    assert (answer.heartbeat_s, answer.self_fence_s) == (15, 60)


async def test_a_heartbeat_is_in_the_table_before_it_is_answered(scene: Scene) -> None:
    await scene.beat()

    row = scene.liveness.row("w1")

    assert row is not None
    assert (row.instance, row.sequence) == ("i1", 1)


@pytest.mark.parametrize("instance", ["i0", "i2"])
async def test_another_instance_is_stale(scene: Scene, instance: str) -> None:
    assert (await scene.beat(instance=instance)).status == "stale"


async def test_an_instance_that_left_is_stale(scene: Scene) -> None:
    scene.say(c.LeaveWorker, worker_id="w1", instance="i1")

    assert (await scene.beat()).status == "stale"


async def test_a_condemned_instance_is_only_ever_answered_stale(scene: Scene) -> None:
    await scene.beat()
    assert scene.liveness.condemn("w1", "i1", 1)

    assert [(await scene.beat()).status for _ in range(2)] == ["stale", "stale"]


async def test_an_assignment_that_does_not_run_is_sent_again_at_the_second_heartbeat(
    scene: Scene,
) -> None:
    task_id = submit(scene)
    await scene.beat()
    await scene.beat((task_id, 1))  # it runs by now: the first difference was none
    await scene.beat()
    await scene.beat((task_id, 1))
    assert await scene.heard() == []

    await scene.beat()
    await scene.beat()
    await scene.beat((task_id, 1))

    (assign,) = await scene.heard()
    assert isinstance(assign, Assign)
    assert (assign.task_id, assign.attempt) == (task_id, 1)


async def test_a_finished_attempt_is_not_assigned_again(scene: Scene) -> None:
    task_id = submit(scene)
    for _ in range(3):
        await scene.beat(finished=((task_id, 1),))

    assert await scene.heard() == []


async def test_an_attempt_that_should_not_run_is_stopped_at_the_second_heartbeat(
    scene: Scene,
) -> None:
    stray = (uuid4(), 4)
    await scene.beat(stray)
    await scene.beat(stray)
    await scene.beat()

    assert await scene.heard() == [Stop(task_id=stray[0], attempt=4, reason="stale")]


async def test_an_older_attempt_of_the_same_task_is_stopped(scene: Scene) -> None:
    task_id = submit(scene)
    scene.say(c.AttemptStopped, task_id=task_id, attempt=1)
    for _ in range(2):
        await scene.beat((task_id, 1), (task_id, 2))
    await scene.beat((task_id, 2))

    assert await scene.heard() == [Stop(task_id=task_id, attempt=1, reason="stale")]


async def test_a_stop_is_repeated_while_heartbeats_list_its_attempt(scene: Scene) -> None:
    task_id = submit(scene)
    scene.say(c.CancelTask, task_id=task_id)
    for _ in range(3):
        await scene.beat((task_id, 1))
    scene.say(c.AttemptStopped, task_id=task_id, attempt=1)
    await scene.beat()

    assert await scene.heard() == [Stop(task_id=task_id, attempt=1, reason="cancelled")] * 3


async def test_a_worker_without_a_queue_is_answered_all_the_same(scene: Scene) -> None:
    submit(scene)
    scene.say(c.LeaveWorker, worker_id="w1", instance="i1")
    scene.say(
        c.JoinWorker,
        worker_id="w1",
        instance="i9",
        capabilities=c.Capabilities(renderers={}, default_scene=True),
    )

    answers = [await scene.beat(instance="i9") for _ in range(3)]

    assert [answer.status for answer in answers] == ["ok"] * 3


async def test_a_heartbeat_does_not_wait_behind_other_reads(scene: Scene) -> None:
    over = threading.Event()
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))
    other = asyncio.create_task(asyncio.to_thread(over.wait))
    try:
        assert (await scene.beat()).status == "ok"
    finally:
        over.set()
        await other
