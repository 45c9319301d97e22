"""Runs the demo from an empty folder to the verdict, and cleans up behind it."""

import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import current_thread, main_thread
from types import FrameType

from rushlight.cli.demo.broken import PromiseBroken
from rushlight.cli.demo.farm_process import FarmProcess, clean_environment, rushlight
from rushlight.cli.demo.folder import farm_data, prepare
from rushlight.cli.demo.pictures import write_animation, write_contact_sheet
from rushlight.cli.demo.screen import Screen, screen
from rushlight.cli.demo.script import JOB, TIMERS_S, WORKERS, Script
from rushlight.cli.demo.story import Account, Story
from rushlight.cli.demo.table import as_json, as_text
from rushlight.cli.demo.timeline import write_timeline
from rushlight.cli.demo.verdict import check_attempts, check_frames
from rushlight.client import FarmClient

AUDIT_WITHIN_S = 120


def run_demo(
    output: Path,
    *,
    chaos: bool = True,
    frames: int = 48,
    port: int = 0,
    keep_running: bool = False,
    width: int = 320,
    height: int = 180,
    samples: int = 32,
) -> int:
    """Run the whole demo in the folder ``output``; its exit code: 0, or 1 for a broken promise.

    Without ``chaos`` nothing is preempted and nobody is killed. ``samples`` are rays per pixel;
    more take longer. With ``keep_running`` the farm stays up at the end, until Ctrl-C.

    Raises:
        InvalidRequest: ``output`` holds something that no demo made.
    """
    output = output.absolute()
    prepare(output)
    script = Script(frames=frames, width=width, height=height, samples=samples, chaos=chaos)
    shown = screen()
    try:
        with _ended_by_sigterm():
            account = _played(script, output, port, shown)
            _written(script, account, output, shown)
            _audited(output, shown)
            if keep_running:
                _kept_running(output, port, shown)
    except PromiseBroken as broken:
        shown.say(f"FAILED: {broken}", "bold red")
        shown.say(f"what there is, is in {output}; the farm's own log is farm.log")
        return 1
    return 0


def _played(script: Script, output: Path, port: int, shown: Screen) -> Account:
    shown.say("starting a farm with two workers; its timers are shortened for this demo:", "bold")
    shown.say("  " + ", ".join(f"{name} {value:g}" for name, value in TIMERS_S.items()), "dim")
    with FarmProcess(farm_data(output), output / "farm.log", port=port) as farm:
        shown.say(f"the farm answers at {farm.url}")
        with FarmClient(farm.url) as client, shown:
            account = Story(script, farm, client, shown).play()
        code = farm.stop()
    if code != 0:
        raise PromiseBroken(f"the farm did not stop cleanly: exit code {code}")
    shown.say("all tasks are complete, and the farm has stopped cleanly")
    return account


def _written(script: Script, account: Account, output: Path, shown: Screen) -> None:
    """Check everything, then write pictures and tables."""
    text = as_text(account.records, account.start)
    (output / "attempts.txt").write_text(text)
    (output / "attempts.json").write_text(as_json(account.records))
    print(f"\n{text}", flush=True)
    write_timeline(
        account.records,
        output / "timeline.png",
        title="Rushlight demo: who rendered what, and what became of it",
        subtitle=f"{script.frames} frames in tasks of {script.frames_per_task}, {WORKERS} workers;"
        " a bar is an attempt",
        start=account.start,
        marks=account.marks,
    )
    wrong = list(check_frames(script, account.reported, farm_data(output) / "out" / JOB))
    if script.chaos:
        wrong += check_attempts(
            account.records,
            new_worker_due=account.new_worker_due,
            joined=account.joined_later,
        )
    if wrong:
        raise PromiseBroken("\n  ".join(["not as promised:", *wrong]))
    shown.say(f"{script.frames} frames are whole, and equal by SHA-256 what was reported", "green")
    _draw(script, output, shown)


def _draw(script: Script, output: Path, shown: Screen) -> None:
    shutil.copytree(farm_data(output) / "out" / JOB, output / "frames")
    for still in (farm_data(output) / "out").glob("beauty/*.png"):
        shutil.copyfile(still, output / still.name)
    frames = sorted((output / "frames").glob(f"{JOB}.*.png"))
    write_animation(frames, output / f"{JOB}.gif")
    write_contact_sheet(
        frames,
        output / "contact-sheet.png",
        title="orrery",
        subtitle=f"{script.frames} frames of {script.width} x {script.height} pixels,"
        f" {script.samples} samples each, by Mitsuba",
    )
    for name in (f"{JOB}.gif", "contact-sheet.png", "timeline.png", "attempts.txt", "frames"):
        shown.say(f"  {output / name}")


def _audited(output: Path, shown: Screen) -> None:
    argv = rushlight("audit", "verify", "--data", farm_data(output))
    shown.say("rushlight audit verify: is the log that the farm wrote whole, and was it right?")
    done = subprocess.run(
        argv,
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=AUDIT_WITHIN_S,
        check=False,
    )
    for line in (done.stdout + done.stderr).splitlines():
        shown.say(f"  {line}")
    if done.returncode != 0:
        raise PromiseBroken(f"`rushlight audit verify` found a fault: exit code {done.returncode}")


def _kept_running(output: Path, port: int, shown: Screen) -> None:
    with FarmProcess(farm_data(output), output / "farm.log", port=port) as farm:
        shown.say(f"the farm runs again at {farm.url}, /api-docs/ included; Ctrl-C ends it", "bold")
        farm.wait()


@contextmanager
def _ended_by_sigterm() -> Iterator[None]:
    """Let SIGTERM end the demo as Ctrl-C does: with everything cleaned up."""
    if current_thread() is not main_thread():
        yield
        return

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
