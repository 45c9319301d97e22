"""One attempt from its assignment to its last report.

It renders to temporary names, puts each frame into place as soon as the renderer says that it is
written, and ends with exactly one report; with none if it was dropped. It never publishes while the
gate is closed or after a stop. It does not talk to the farm.
"""

import asyncio
import shlex
import signal
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from uuid import UUID, uuid4

import structlog

from rushlight.errors import (
    InvalidRequest,
    OutputInvalid,
    RenderFailed,
    RushlightError,
    WorkerUnfit,
)
from rushlight.messages.commands import (
    AttemptStopped,
    CompleteTask,
    FailAttempt,
    Output,
    Report,
)
from rushlight.messages.work import Assign, RunningAttempt
from rushlight_worker.attempt_log import AttemptLog
from rushlight_worker.environment import environment
from rushlight_worker.gate import Gate
from rushlight_worker.naming import Mark
from rushlight_worker.node import Node
from rushlight_worker.outputs import Target, blame, publish, says_unfit
from rushlight_worker.preparation import Prepared, clean, prepare
from rushlight_worker.renderers.port import Invocation, Progress
from rushlight_worker.spawn import Ended, RunningRenderer

REASON_MAX = 4000
REASON_LINES = 10
STALL_LOOKS = 10
# A renderer that uses less of one core than this, and says nothing, does nothing.
STALL_CPU = 0.01
_log = structlog.get_logger("rushlight.worker")


class Stopped(Exception):
    """The attempt is to end without a result."""


class Fenced(Exception):
    """The lease ended just before a rename."""


@dataclass
class _Stall:
    """When the renderer last showed that it is alive."""

    heard_s: float
    cpu_s: float = 0.0
    ended_it: bool = False


@dataclass
class _Done:
    """Outputs in place, by frame."""

    outputs: dict[int | None, Output] = field(default_factory=dict)
    since_s: float = 0.0


class Attempt:
    """Run it once with ``run``; the other methods may be called meanwhile."""

    def __init__(
        self,
        assign: Assign,
        *,
        instance: str,
        node: Node,
        gate: Gate,
        on_frame: Callable[[Output], None],
    ) -> None:
        """``on_frame`` hears of every frame that was put into place."""
        self.assign = assign
        self.log = AttemptLog(node.settings.log_max_bytes)
        self._mark = Mark(assign.task_id, assign.attempt, instance)
        self._node = node
        self._gate = gate
        self._on_frame = on_frame
        self._running: RunningRenderer | None = None
        self._stopping: asyncio.Task[None] | None = None
        self._stop_reason: str | None = None
        self._dropped = False
        self._stop = asyncio.Event()
        self._done = _Done()
        self._frames = 1
        self._progress = 0.0
        self._frame: int | None = None
        self._stall = _Stall(0.0)

    @property
    def key(self) -> tuple[UUID, int]:
        """Task and attempt."""
        return self.assign.task_id, self.assign.attempt

    def state(self) -> RunningAttempt:
        """For the heartbeat."""
        task_id, attempt = self.key
        return RunningAttempt(
            task_id=task_id, attempt=attempt, progress=self._progress, frame=self._frame
        )

    # --- What the farm or the lease ask of it ------------------------------------------------

    def stop(self, reason: str, grace_s: float) -> None:
        """End the renderer and the attempt; a second call with a grace of 0 does it at once."""
        if self._stop_reason is None:
            self._stop_reason = reason
            self._stop.set()
            self.log.note(f"# stopped: {reason}")
            if self._running is not None:
                self._stopping = asyncio.create_task(self._running.stop(grace_s))
        elif grace_s == 0 and self._running is not None:
            self._running.kill()

    def drop(self) -> None:
        """It is not ours any more: end it at once, and report nothing."""
        self._dropped = True
        self.stop("not this worker's any more", 0)

    def freeze(self) -> None:
        """The lease has ended: the renderer stands still."""
        if self._running is not None and self._stop_reason is None:
            self._running.freeze()

    def thaw(self) -> None:
        """The lease runs again."""
        if self._running is not None:
            self._running.thaw()

    # --- Its course --------------------------------------------------------------------------

    async def run(self) -> tuple[Report, bool]:
        """Render; the last report, and whether it is to be sent (not of a dropped attempt)."""
        self.log.note(f"# attempt {self.assign.attempt} on worker {self._node.place.worker_id}")
        try:
            report = await self._to_report()
            return report, not self._dropped
        finally:
            self._stop.set()
            self.log.close()

    async def _to_report(self) -> Report:
        try:
            await self._render()
            return CompleteTask(**self._ids(), outputs=self._outputs())
        except Stopped:
            return self._stopped()
        except OSError as error:
            return self._failure(blame(error, "the file system failed"))
        except RushlightError as error:
            return self._failure(error)
        except Exception as error:  # noqa: BLE001
            # A plug-in's defect must not take the agent along; the task says what it was.
            _log.exception("attempt_broke", task_id=str(self.key[0]), attempt=self.key[1])
            return self._failure(RenderFailed(f"the renderer's plug-in failed: {error!r}"))

    def _ids(self) -> dict[str, Any]:
        task_id, attempt = self.key
        return {
            "command_id": uuid4(),
            "task_id": task_id,
            "attempt": attempt,
            "worker_id": self._node.place.worker_id,
            "instance": self._mark.instance,
        }

    def _outputs(self) -> tuple[Output, ...]:
        return tuple(self._done.outputs.values())

    def _stopped(self) -> AttemptStopped:
        return AttemptStopped(**self._ids(), outputs=self._outputs())

    def _failure(self, error: RushlightError) -> Report:
        if self._stop_reason is not None:
            # What breaks because it is being stopped is no failure.
            self.log.note(f"# while stopping: {error}")
            return self._stopped()
        self.log.note(f"# failed: {error}")
        # A driver has printed the reason as its last line: once is enough.
        said = [one for one in self.log.last_lines() if not one.endswith(str(error))]
        reason = "\n".join([str(error), *said[-REASON_LINES:]])
        return FailAttempt(
            **self._ids(),
            reason=reason[:REASON_MAX],
            fault=_fault(error),
            outputs=self._outputs(),
        )

    async def _render(self) -> None:
        prepared = await asyncio.to_thread(prepare, self.assign, self._mark, self._node)
        try:
            self._frames = len(prepared.targets)
            self._done.outputs = {one.frame: one for one in prepared.kept}
            if prepared.kept:
                self.log.note(f"# {len(prepared.kept)} frames are in place from earlier attempts")
            if prepared.work.outputs:
                for invocation in prepared.renderer.prepare(prepared.work):
                    await self._invoke(invocation, prepared)
        finally:
            await asyncio.to_thread(clean, prepared)
        order = list(prepared.targets)
        self._done.outputs = {frame: self._done.outputs[frame] for frame in order}

    async def _invoke(self, invocation: Invocation, prepared: Prepared) -> None:
        """Run one program, and put into place what it has written."""
        await self._may_go_on()
        if any("\0" in part for part in invocation.argv):
            raise InvalidRequest("an argument of the program has a NUL in it")
        self.log.note(f"$ {shlex.join(invocation.argv)}")
        done_before = len(self._done.outputs)
        if len(invocation.outputs) == 1:
            (self._frame,) = invocation.outputs
        self._done.since_s = self._node.clock.elapsed_s()
        running = self._running = await RunningRenderer.start(
            invocation.argv,
            env=environment(prepared.work, self._node.place.worker_id, invocation.env),
            cwd=invocation.cwd or prepared.work.scratch,
        )
        watch = asyncio.create_task(self._watch_stall(running))
        try:
            if self._stop_reason is not None:
                running.kill()
            async for line in running.lines():
                self._stall.heard_s = self._node.clock.elapsed_s()
                self.log.add(line)
                said = prepared.renderer.read(line, prepared.work)
                if said is not None:
                    await self._hear(said, prepared, done_before, len(invocation.outputs))
            ended = await running.wait()
        finally:
            watch.cancel()
            await running.end()
            self._running = None
        self._judge(ended, prepared)
        await self._publish_rest(invocation, prepared)

    async def _may_go_on(self) -> None:
        """Wait while the lease is over; a stop ends the wait.

        Raises:
            Stopped: the attempt is to end.
        """
        while self._stop_reason is None and not self._gate.is_open():
            opened = asyncio.ensure_future(self._gate.opened())
            stopped = asyncio.ensure_future(self._stop.wait())
            try:
                await asyncio.wait({opened, stopped}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                opened.cancel()
                stopped.cancel()
        if self._stop_reason is not None:
            raise Stopped

    def _guard(self) -> None:
        """Asked by a thread, right before a rename."""
        if self._stop.is_set():
            raise Stopped
        if not self._gate.is_open():
            raise Fenced

    async def _hear(self, said: Progress, prepared: Prepared, before: int, outputs: int) -> None:
        self._frame = self._frame if said.frame is None else said.frame
        if said.fraction is not None:
            done = (before + said.fraction * outputs) / max(1, self._frames)
            self._progress = max(self._progress, min(1.0, done))
        # A name that the task has not asked for is not ours to publish.
        if said.saved and said.frame in prepared.work.outputs:
            await self._publish(prepared.targets[said.frame], prepared, said.render_s)

    def _judge(self, ended: Ended, prepared: Prepared) -> None:
        """Raise what the end of a program means, unless it ended well."""
        if self._stop_reason is not None:
            raise Stopped
        name = prepared.renderer.name
        if self._stall.ended_it:
            raise RenderFailed(
                f"{name} was stopped: no output and no CPU use for"
                f" {self._node.settings.stall_s:g} s (setting stall_s)"
            )
        if ended.not_started is not None:
            raise WorkerUnfit(f"{name} {ended}")
        if ended.well:
            return
        lines = self.log.last_lines()
        explained = prepared.renderer.explain(ended.code or -(ended.signal or 0), lines)
        if explained is not None:
            raise explained
        unfit = says_unfit(lines)
        if unfit is not None or ended.signal == signal.SIGXFSZ:
            raise WorkerUnfit(f"{name} {ended}: {unfit or 'file too large'}")
        raise RenderFailed(f"{name} {ended}")

    async def _publish_rest(self, invocation: Invocation, prepared: Prepared) -> None:
        for frame in invocation.outputs:
            if frame in self._done.outputs:
                continue
            target = prepared.targets[frame]
            if not target.temporary.exists():
                raise OutputInvalid(
                    f"{prepared.renderer.name} exited 0 but {target} was not written"
                )
            await self._publish(target, prepared, None)

    async def _publish(self, target: Target, prepared: Prepared, render_s: float | None) -> None:
        """Put one frame into place, as soon as the lease allows it."""
        if target.frame in self._done.outputs:
            return
        now_s = self._node.clock.elapsed_s()
        if render_s is None:
            render_s = now_s - self._done.since_s
        self._done.since_s = now_s

        def verify(path: Path) -> None:
            prepared.renderer.verify(path, prepared.work)

        while True:
            await self._may_go_on()
            with suppress(Fenced):
                output = await asyncio.to_thread(
                    publish, target, verify, self._guard, round(render_s, 3)
                )
                break
        self._done.outputs[target.frame] = output
        self._progress = max(self._progress, len(self._done.outputs) / max(1, self._frames))
        self.log.note(f"# {target} is in place: {output.path}, {output.bytes} bytes")
        self._on_frame(output)

    async def _watch_stall(self, running: RunningRenderer) -> None:
        """Stop a renderer that neither says nor computes anything; a frozen one may."""
        limit_s = self._node.settings.stall_s
        self._stall = _Stall(self._node.clock.elapsed_s())
        pause_s = limit_s / STALL_LOOKS
        while not self._stall.ended_it:
            await self._node.clock.sleep(pause_s)
            cpu_s = await asyncio.to_thread(running.cpu_s)
            now_s = self._node.clock.elapsed_s()
            if cpu_s - self._stall.cpu_s > STALL_CPU * pause_s or not self._gate.is_open():
                self._stall.heard_s = now_s
            self._stall.cpu_s = cpu_s
            self._stall.ended_it = now_s - self._stall.heard_s >= limit_s
        await running.stop(0)


def _fault(error: RushlightError) -> Literal["render", "worker", "task"]:
    """Whose fault it is; what makes no sense would make none at a second try."""
    if isinstance(error, WorkerUnfit):
        return "worker"
    return "task" if isinstance(error, InvalidRequest) else "render"
