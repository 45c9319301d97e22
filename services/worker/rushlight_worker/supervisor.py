"""A tiny process between the agent and a renderer, so that no renderer outlives its agent.

Run as ``python -I -S supervisor.py STATUS_FD ARGV…``, in a session of its own, with nothing but
the standard library, so that it starts in a few milliseconds. It starts the renderer in a process
group of its own and obeys one-letter orders on its standard input: ``t`` SIGTERM to the group,
``s`` freeze, ``c`` thaw, ``k`` kill. When the input closes, as it does when the agent dies of
SIGKILL, and when the renderer ends, it kills everything that the renderer has started, also what
changed its session: as "child subreaper" it inherits orphans. What became of the renderer goes to
STATUS_FD, as one line: ``exited CODE``, ``signalled NUMBER`` or ``failed TEXT`` (not started).
"""

import ctypes
import os
import select
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
# Looked at again so soon while something that was killed has not gone yet.
LOOK_S = 0.02
# If memory runs out, the kernel had better choose the renderer than the agent.
OOM_SCORE = "500"
_libc = ctypes.CDLL(None, use_errno=True)


def set_up_process(option: int, value: int) -> None:
    """Call ``prctl``."""
    if _libc.prctl(option, value, 0, 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def start(argv: Sequence[str]) -> tuple[int, str]:
    """Start the renderer; its pid, and why not if it cannot be executed."""
    failed, told = os.pipe()
    supervisor = os.getpid()
    pid = os.fork()
    if pid == 0:
        become(argv, supervisor, told)
    os.close(told)
    with os.fdopen(failed, encoding="utf-8") as lines:
        return pid, lines.read()


def become(argv: Sequence[str], supervisor: int, told: int) -> NoReturn:
    """Turn this child into the renderer; never returns."""
    try:
        os.setpgid(0, 0)
        set_up_process(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != supervisor:
            os._exit(1)
        for number in (
            signal.SIGPIPE,
            signal.SIGXFSZ,
            signal.SIGTERM,
            signal.SIGINT,
            signal.SIGHUP,
        ):
            signal.signal(number, signal.SIG_DFL)
        with open("/dev/null", "rb") as nothing:  # noqa: PTH123
            os.dup2(nothing.fileno(), 0)
        raise_oom_score()
        os.execvp(argv[0], list(argv))  # noqa: S606
    except OSError as error:
        os.write(told, (error.strerror or str(error)).encode())
    os._exit(1)


def raise_oom_score() -> None:
    """Offer this process to the kernel first; a container may forbid it, which is no loss."""
    try:
        Path("/proc/self/oom_score_adj").write_text(OOM_SCORE)
    except OSError:
        return


def descendants() -> list[int]:
    """All processes below this one, from ``/proc``; those that end meanwhile are left out."""
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):  # noqa: PTH208
        if name.isdigit():
            children.setdefault(parent_of(name), []).append(int(name))
    found, rest = [], [os.getpid()]
    while rest:
        below = children.get(rest.pop(), [])
        found += below
        rest += below
    return found


def parent_of(pid: str) -> int:
    """The parent's pid; 0 if the process is gone."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:  # noqa: PTH123
            # The name in brackets may hold anything, also brackets and blanks.
            return int(file.read().rpartition(b")")[2].split()[1])
    except (OSError, IndexError):
        return 0


def signal_all(number: int) -> None:
    """Send a signal to every descendant."""
    for pid in descendants():
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue


def reap(renderer: int) -> int | None:
    """Collect the dead; the wait status of the renderer if it is among them."""
    found = None
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return found
        if pid == 0:
            return found
        if pid == renderer:
            found = status


def freeze() -> None:
    """Stop every descendant, until no new one turns up."""
    known: set[int] = set()
    while not known.issuperset(now := set(descendants())):
        known |= now
        signal_all(signal.SIGSTOP)


def terminate(renderer: int) -> None:
    """Ask the renderer's group to end; a frozen one has to wake up to hear it."""
    try:
        os.killpg(renderer, signal.SIGTERM)
    except ProcessLookupError:
        return
    signal_all(signal.SIGCONT)


def kill_all(renderer: int) -> int | None:
    """Kill and collect every descendant; the renderer's wait status if it was still there."""
    found = None
    while descendants():
        signal_all(signal.SIGKILL)
        status = reap(renderer)
        found = status if found is None else found
        select.select([], [], [], LOOK_S if descendants() else 0)
    return found


def obey(renderer: int, wake: int) -> int | None:
    """Follow orders until the renderer has ended or is to be killed; its status if it has ended."""
    while True:
        ready, _, _ = select.select([0, wake], [], [])
        if wake in ready:
            os.read(wake, 512)
            status = reap(renderer)
            if status is not None:
                return status
        if 0 in ready and not follow(os.read(0, 1), renderer):
            return None


def follow(order: bytes, renderer: int) -> bool:
    """Follow one order; False: it is to be killed (``k``, or no agent is there to give orders)."""
    if order == b"t":
        terminate(renderer)
    elif order == b"s":
        freeze()
    elif order == b"c":
        signal_all(signal.SIGCONT)
    return order not in (b"", b"k")


def hear_of_children() -> int:
    """A file descriptor that has something to read when a child has ended."""
    wake, woken = os.pipe()
    os.set_blocking(wake, False)
    os.set_blocking(woken, False)
    signal.set_wakeup_fd(woken, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    # A service manager may send these to every process; it is for the agent to act on them.
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    return wake


def report(status_fd: int, text: str) -> None:
    """Say what became of the renderer; an agent that is dead does not hear it."""
    try:
        os.write(status_fd, f"{text}\n".encode())
    except BrokenPipeError:
        return


def main(arguments: Sequence[str]) -> int:
    """Supervise one renderer from start to end."""
    status_fd, argv = int(arguments[0]), arguments[1:]
    os.set_inheritable(status_fd, False)
    set_up_process(PR_SET_CHILD_SUBREAPER, 1)
    wake = hear_of_children()
    renderer, fault = start(argv)
    status = obey(renderer, wake) if not fault else None
    rest = kill_all(renderer)
    status = rest if status is None else status
    if fault:
        report(status_fd, f"failed {fault}")
    elif status is not None and os.WIFSIGNALED(status):
        report(status_fd, f"signalled {os.WTERMSIG(status)}")
    else:
        report(
            status_fd, f"exited {os.waitstatus_to_exitcode(status) if status is not None else 1}"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
