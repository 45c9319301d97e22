"""The command ``rushlight demo``."""

import contextlib
import sys
from pathlib import Path
from typing import Any

import rich_click as click
from click import get_current_context

from rushlight.cli.farm import JSON_KEY


@click.command()
@click.argument("folder", type=click.Path(path_type=Path), default="demo-output")
@click.option("--frames", type=click.IntRange(8, 1000), metavar="N", default=48, help="Length; 48.")
@click.option(
    "--width", type=click.IntRange(32, 4096), metavar="N", default=320, help="In pixels; 320."
)
@click.option(
    "--height", type=click.IntRange(18, 4096), metavar="N", default=180, help="In pixels; 180."
)
@click.option(
    "--samples", type=click.IntRange(1, 4096), metavar="N", default=32, help="Rays per pixel; 32."
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    metavar="PORT",
    default=0,
    help="Any free one by default.",
)
@click.option("--no-chaos", is_flag=True, help="Preempt nothing, kill nobody.")
@click.option("--keep-running", is_flag=True, help="Keep the farm up at the end, until Ctrl-C.")
@click.option("--json", "as_json", is_flag=True, help="Print the attempts as JSON at the end.")
def demo(folder: Path, *, no_chaos: bool, as_json: bool, **options: Any) -> None:
    """Show what a farm does: an animation, a preemption, a killed worker, and the audit.

    Starts a farm with two workers of its own in FOLDER (./demo-output), renders, disturbs, and
    checks every frame. An earlier demo's output there is replaced. With --json the story goes to
    stderr.

    \b
    Examples:
      rushlight demo
      rushlight demo /tmp/demo --width 640 --height 360 --samples 64
    """
    from rushlight.cli.demo.run import run_demo  # noqa: PLC0415 - Pillow and rich take their time

    get_current_context().meta[JSON_KEY] = as_json
    with contextlib.redirect_stdout(sys.stderr) if as_json else contextlib.nullcontext():
        code = run_demo(folder, chaos=not no_chaos, **options)
    attempts = folder / "attempts.json"
    if as_json and attempts.exists():
        print(attempts.read_text(), end="")
    sys.exit(code)
