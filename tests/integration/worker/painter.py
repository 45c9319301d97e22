"""A renderer for the tests: paints plain pictures, and misbehaves when told to.

It runs as a program of its own: nothing of Rushlight is imported.
"""

import argparse
import os
import signal
import sys
import time
from pathlib import Path

from PIL import Image


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--output", help="one picture there; else frames first to last")
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--last", type=int, default=-1)
    parser.add_argument("--size", default="16x9")
    parser.add_argument("--hold", type=Path, help="wait until this file is there")
    parser.add_argument("--hold-at", type=int, default=0, help="… before this frame")
    parser.add_argument("--cut", action="store_true", help="write half of the picture")
    parser.add_argument("--skip", type=int, help="do not write this frame")
    parser.add_argument("--nothing", action="store_true", help="write nothing at all")
    parser.add_argument("--fill", type=int, help="write so many bytes instead of a picture")
    parser.add_argument("--deaf", action="store_true", help="ignore SIGTERM")
    parser.add_argument("--escape", type=Path, help="leave a child in a session of its own")
    parser.add_argument("--say", action="append", default=[], help="print this line")
    parser.add_argument("--noise", type=int, default=0, help="print so many lines")
    parser.add_argument("--exit", type=int, default=0)
    parser.add_argument("--leak", action="store_true", help="leave a file in TMPDIR")
    parser.add_argument("--tell", type=Path, help="write the environment there")
    return parser.parse_args()


def note(path: Path, text: str) -> None:
    """Write a file so that nobody reads half of it."""
    part = path.with_suffix(".tmp")
    part.write_text(text)
    part.replace(path)


def hold(gate: Path | None) -> None:
    """Say that it waits, by a file, and wait for another."""
    if gate is None:
        return
    note(gate.with_suffix(".reached"), str(os.getpid()))
    while not gate.exists():
        time.sleep(0.02)


def paint(path: Path, wanted: argparse.Namespace, frame: int) -> None:
    if wanted.fill is not None:
        path.write_bytes(b"\0" * wanted.fill)
        return
    width, height = (int(part) for part in wanted.size.split("x"))
    Image.effect_noise((width, height), 20 + frame % 50).convert("RGB").save(path)
    if wanted.cut:
        os.truncate(path, path.stat().st_size // 2)


def escape(pid_file: Path) -> None:
    """An orphaned grandchild that changed its session, ignores SIGTERM and holds our output."""
    child = os.fork()
    if child == 0:
        os.setsid()
        grandchild = os.fork()
        if grandchild == 0:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            time.sleep(600)
        note(pid_file, str(grandchild))
        os._exit(0)
    os.waitpid(child, 0)


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def misbehave(wanted: argparse.Namespace) -> None:
    """Everything that is asked for before the first picture."""
    if wanted.deaf:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if wanted.escape is not None:
        escape(wanted.escape)
    if wanted.tell is not None:
        note(wanted.tell, "\n".join(f"{name}={value}" for name, value in os.environ.items()))
    if wanted.leak:
        (Path(os.environ["TMPDIR"]) / "leak").write_text("left behind")
    for line in [*wanted.say, *(f"noise {number}" for number in range(wanted.noise))]:
        say(line)


def paint_sequence(wanted: argparse.Namespace) -> None:
    pattern = os.environ["RUSHLIGHT_OUTPUT_PATTERN"]
    for frame in range(wanted.first, wanted.last + 1):
        if wanted.hold_at == frame:
            hold(wanted.hold)
        if frame != wanted.skip and not wanted.nothing:
            paint(Path(pattern.replace("####", f"{frame:04d}")), wanted, frame)
            say(f"SAVED frame={frame}")


def main() -> int:
    wanted = arguments()
    misbehave(wanted)
    if wanted.output is None:
        paint_sequence(wanted)
    else:
        hold(wanted.hold)
        if not wanted.nothing:
            paint(Path(wanted.output), wanted, 0)
    return int(wanted.exit)


if __name__ == "__main__":
    sys.exit(main())
