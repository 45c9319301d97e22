"""Workers as child processes of this one.

A child has a session of its own, so that Ctrl-C in the terminal reaches only the farm, and dies
with the farm, however that ends. Kept workers are started again when they end; requested ones are
not: the farm asks again if it still needs one.
"""

import asyncio
import contextlib
import ctypes
import os
import signal
import sys
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import structlog

from rushlight.clock import Clock
from rushlight.errors import Unavailable
from rushlight_reaper.provisioners.offer import Offer

BACKOFF_S = (1.0, 2.0, 5.0, 10.0, 30.0, 60.0)
# One that ran for so long failed for another reason than the one before.
SETTLED_S = 60.0
LOG_MAX_BYTES = 10_000_000
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)
_log = structlog.get_logger("rushlight.provisioner")


def _nothing_more(_worker_id: str) -> Mapping[str, str]:
    return {}


@dataclass(frozen=True, slots=True)
class Launch:
    """How workers are started: argv, environment, and the folder of their logs.

    ``also`` gives what the environment of one worker holds beside that, at each of its starts; it
    is called in a thread, and may raise ``OSError`` or ``Unavailable``.
    """

    environment: Mapping[str, str]
    folder: Path
    argv: Sequence[str] = (sys.executable, "-m", "rushlight_worker")
    offer: Offer = field(default_factory=Offer)
    also: Callable[[str], Mapping[str, str]] = _nothing_more


class LocalProvisioner:
    """Starts workers on this machine; to be used on the loop of the main thread only."""

    name = "local"

    def __init__(self, launch: Launch, clock: Clock) -> None:
        """Start them as ``launch`` says."""
        self._launch = launch
        self._clock = clock
        self._children: dict[str, asyncio.subprocess.Process] = {}
        self._watchers: dict[str, asyncio.Task[None]] = {}
        self._closing = False

    def offers(self) -> Offer:
        """What its workers will have."""
        return self._launch.offer

    def running(self) -> dict[str, int]:
        """The process of each worker that runs."""
        return {worker_id: child.pid for worker_id, child in self._children.items()}

    async def start(self, worker_id: str) -> None:
        """Start a worker that leaves when it is idle for long, unless it runs already.

        Raises:
            OSError: the process cannot be started.
            Unavailable: it cannot be given what it needs.
        """
        if self._closing or worker_id in self._watchers:
            return
        child = await self._spawn(worker_id, idle_exit=True)
        self._watch(worker_id, self._reap(worker_id, child))

    def keep(self, count: int) -> None:
        """Have that many workers running all the time, from ``local-1`` on."""
        for number in range(1, count + 1):
            worker_id = f"{self.name}-{number}"
            if worker_id not in self._watchers:
                self._watch(worker_id, self._keep(worker_id))

    async def close(self, *, within_s: float = 5.0) -> None:
        """SIGTERM to all; SIGKILL to those that are there ``within_s`` later."""
        self._closing = True
        self._signal_all(signal.SIGTERM)
        waiting = [asyncio.create_task(child.wait()) for child in self._children.values()]
        if waiting:
            _, late = await asyncio.wait(waiting, timeout=within_s)
            if late:
                _log.warning("workers_killed", count=len(late))
                self.kill()
                await asyncio.wait(late)
        for watcher in self._watchers.values():
            watcher.cancel()
        await asyncio.gather(*self._watchers.values(), return_exceptions=True)

    def kill(self) -> None:
        """SIGKILL to all, at once."""
        self._closing = True
        self._signal_all(signal.SIGKILL)

    def _signal_all(self, number: signal.Signals) -> None:
        for child in self._children.values():
            with contextlib.suppress(ProcessLookupError):
                child.send_signal(number)

    def _watch(self, worker_id: str, watching: Coroutine[Any, Any, None]) -> None:
        watcher = asyncio.create_task(watching, name=f"worker {worker_id}")
        self._watchers[worker_id] = watcher
        watcher.add_done_callback(lambda _: self._watchers.pop(worker_id, None))

    async def _keep(self, worker_id: str) -> None:
        failures = 0
        while not self._closing:
            started_s = self._clock.elapsed_s()
            try:
                await self._reap(worker_id, await self._spawn(worker_id, idle_exit=False))
            except (OSError, Unavailable) as error:
                _log.warning("worker_not_started", worker_id=worker_id, reason=str(error))
            if self._clock.elapsed_s() - started_s >= SETTLED_S:
                failures = 0
            await self._clock.sleep(BACKOFF_S[min(failures, len(BACKOFF_S) - 1)])
            failures += 1

    async def _reap(self, worker_id: str, child: asyncio.subprocess.Process) -> None:
        code = await child.wait()
        del self._children[worker_id]
        if not self._closing:
            log = str(self._log_of(worker_id))
            _log.warning("worker_ended", worker_id=worker_id, code=code, log=log)

    async def _spawn(self, worker_id: str, *, idle_exit: bool) -> asyncio.subprocess.Process:
        environment = {
            **self._launch.environment,
            "RUSHLIGHT_WORKER_ID": worker_id,
            "RUSHLIGHT_PROVISIONED": "true",
            "RUSHLIGHT_IDLE_EXIT": "true" if idle_exit else "false",
            **await asyncio.to_thread(self._launch.also, worker_id),
        }
        if self._closing:
            raise Unavailable("the farm stops")
        with self._open_log(worker_id) as output:
            child = await asyncio.create_subprocess_exec(
                *self._launch.argv,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=environment,
                start_new_session=True,
                preexec_fn=_dying_with(os.getpid()),
            )
        self._children[worker_id] = child
        _log.info("worker_started", worker_id=worker_id, pid=child.pid)
        return child

    def _log_of(self, worker_id: str) -> Path:
        return self._launch.folder / f"{worker_id}.log"

    def _open_log(self, worker_id: str) -> IO[bytes]:
        path = self._log_of(worker_id)
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and path.stat().st_size > LOG_MAX_BYTES:
            path.replace(path.with_suffix(".log.1"))
        return path.open("ab")


def _dying_with(parent: int) -> Callable[[], None]:
    """What a child does first: ask the kernel for SIGKILL when its parent ends."""

    def ask() -> None:
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)

    return ask
