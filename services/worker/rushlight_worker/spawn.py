"""A renderer at work, seen from the agent: its lines, its end, and how to freeze, thaw and stop it.

The supervisor stands between: whatever becomes of the agent, no renderer outlives it. Nothing here
knows attempts or leases.
"""

import asyncio
import os
import re
import secrets
import signal
import sys
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

SUPERVISOR = Path(__file__).resolve().parent / "supervisor.py"
LINE_MAX = 16_384
CHUNK_BYTES = 65_536
STATUS_BYTES = 4096
MARK = "RUSHLIGHT_RENDERER_MARK"
_BREAK = re.compile(rb"[\r\n]")
_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")


@dataclass(frozen=True, slots=True)
class Ended:
    """How a renderer ended: an exit code, a signal, or a reason why it never started."""

    code: int | None = None
    signal: int | None = None
    not_started: str | None = None

    @property
    def well(self) -> bool:
        """Exit code 0, which is not yet success."""
        return self.code == 0

    def __str__(self) -> str:
        if self.not_started is not None:
            return f"could not be started: {self.not_started}"
        if self.signal is None:
            return f"ended with exit code {self.code}"
        try:
            name = signal.Signals(self.signal).name
        except ValueError:
            name = str(self.signal)
        hint = " (out of memory?)" if self.signal == signal.SIGKILL else ""
        return f"was killed by signal {name}{hint}"


class Lines:
    """Cuts bytes into lines at carriage returns and newlines; empty ones are left out."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._rest = b""

    def feed(self, chunk: bytes) -> Iterator[str]:
        """The lines that are complete now; one that is too long is cut."""
        *whole, self._rest = _BREAK.split(self._rest + chunk)
        while len(self._rest) > LINE_MAX:
            whole.append(self._rest[:LINE_MAX])
            self._rest = self._rest[LINE_MAX:]
        for line in whole:
            for start in range(0, len(line), LINE_MAX):
                yield _plain(line[start : start + LINE_MAX])

    def end(self) -> Iterator[str]:
        """What came after the last break."""
        if self._rest:
            yield _plain(self._rest)
        self._rest = b""


def _plain(line: bytes) -> str:
    return _ANSI.sub("", line.decode("utf-8", errors="replace")).replace("\0", "")


class RunningRenderer:
    """Started by ``start``; read ``lines`` to their end, then ``wait``."""

    def __init__(self, process: asyncio.subprocess.Process, status_fd: int, mark: str) -> None:
        """Watch a supervisor that reports to ``status_fd``; ``mark`` is in its environment."""
        loop = asyncio.get_running_loop()
        self._process = process
        self._mark = mark
        self._ended: asyncio.Future[Ended] = loop.create_future()
        self._status_fd = status_fd
        self._frozen = False
        self._sweeping: asyncio.Task[None] | None = None
        loop.add_reader(status_fd, self._hear_status)

    @classmethod
    async def start(
        cls, argv: Sequence[str], *, env: Mapping[str, str], cwd: Path
    ) -> "RunningRenderer":
        """Start ``argv`` below a supervisor; that it cannot be executed is told by ``wait``."""
        status, told = os.pipe()
        mark = secrets.token_hex(8)
        try:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", "-S", str(SUPERVISOR), str(told), *argv),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                pass_fds=(told,),
                start_new_session=True,
                env={**env, MARK: mark},
                cwd=cwd,
            )
        except BaseException:
            os.close(status)
            raise
        finally:
            os.close(told)
        return cls(process, status, mark)

    async def lines(self) -> AsyncIterator[str]:
        """Every line of its output, until nobody writes to it any more."""
        assert self._process.stdout is not None  # noqa: S101
        lines = Lines()
        while chunk := await self._process.stdout.read(CHUNK_BYTES):
            for line in lines.feed(chunk):
                yield line
        for line in lines.end():
            yield line

    async def wait(self) -> Ended:
        """How it ended; by then nothing that it started is left."""
        ended = await asyncio.shield(self._ended)
        await self._process.wait()
        return ended

    def freeze(self) -> None:
        """SIGSTOP to all of it."""
        if not self._frozen:
            self._tell(b"s")
        self._frozen = True

    def thaw(self) -> None:
        """SIGCONT to all of it."""
        if self._frozen:
            self._tell(b"c")
        self._frozen = False

    async def stop(self, grace_s: float) -> None:
        """SIGTERM to its group, and SIGKILL to all of it after ``grace_s``."""
        self._tell(b"t")
        self._frozen = False
        try:
            await asyncio.wait_for(asyncio.shield(self._ended), grace_s)
        except TimeoutError:
            self.kill()

    def kill(self) -> None:
        """SIGKILL to all of it."""
        self._tell(b"k")

    async def end(self) -> None:
        """Make sure that nothing of it is left; for those who have stopped reading lines."""
        self.kill()
        assert self._process.stdout is not None  # noqa: S101
        # A full pipe would keep its transport, and with it the wait, open for ever.
        while await self._process.stdout.read(CHUNK_BYTES):
            continue
        await self.wait()

    def cpu_s(self) -> float:
        """CPU seconds that the renderer and what it started have used; takes milliseconds."""
        try:
            family = psutil.Process(self._process.pid).children(recursive=True)
        except psutil.Error:
            return 0.0
        return sum(_cpu_s(one) for one in family)

    def _tell(self, order: bytes) -> None:
        stdin = self._process.stdin
        if stdin is not None and not stdin.is_closing() and not self._ended.done():
            stdin.write(order)

    def _hear_status(self) -> None:
        said = os.read(self._status_fd, STATUS_BYTES).decode()
        asyncio.get_running_loop().remove_reader(self._status_fd)
        os.close(self._status_fd)
        if said:
            self._ended.set_result(_read_status(said))
        else:
            self._sweeping = asyncio.create_task(self._sweep())

    async def _sweep(self) -> None:
        """Somebody killed the supervisor itself: what it left is known by its environment."""
        await asyncio.to_thread(_kill_marked, self._mark)
        self._ended.set_result(Ended(signal=int(signal.SIGKILL)))


def _cpu_s(process: psutil.Process) -> float:
    try:
        used = process.cpu_times()
    except psutil.Error:
        return 0.0
    return float(used.user + used.system + used.children_user + used.children_system)


def _kill_marked(mark: str) -> None:
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK) == mark:
                process.kill()
        except psutil.Error:
            continue


def _read_status(said: str) -> Ended:
    kind, _, value = said.strip().partition(" ")
    if kind == "failed":
        return Ended(not_started=value)
    if kind == "exited":
        return Ended(code=int(value))
    return Ended(signal=int(value))
