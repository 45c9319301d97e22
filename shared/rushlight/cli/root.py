"""The root of the command line: finds commands by name, loads only the one that runs."""

import os
import sys
from importlib import import_module
from typing import Any, NoReturn

import rich_click as click

from rushlight import __version__
from rushlight.cli.exits import Exit, exit_code_of, say_error
from rushlight.cli.farm import JSON_KEY
from rushlight.errors import RushlightError

# Set by the script of `rushlight completion` while a shell completes.
COMPLETE_VARIABLE = "_RUSHLIGHT_COMPLETE"
# Command: where it is. Panels of --help are below.
COMMANDS = {
    "up": "rushlight.cli.up:up",
    "demo": "rushlight.cli.demo.command:demo",
    "submit": "rushlight.cli.submit:submit",
    "watch": "rushlight.cli.watch:watch",
    "ls": "rushlight.cli.lists:ls",
    "show": "rushlight.cli.show:show",
    "why": "rushlight.cli.show:why",
    "logs": "rushlight.cli.attempt_logs:logs",
    "fetch": "rushlight.cli.fetch:fetch",
    "events": "rushlight.cli.events:events",
    "cancel": "rushlight.cli.verbs:cancel",
    "retry": "rushlight.cli.verbs:retry",
    "requeue": "rushlight.cli.verbs:requeue",
    "pause": "rushlight.cli.verbs:pause",
    "resume": "rushlight.cli.verbs:resume",
    "priority": "rushlight.cli.verbs:priority",
    "worker": "rushlight.cli.workers:worker",
    "audit": "rushlight.cli.audit:audit",
    "key": "rushlight.cli.keys:key",
    "whoami": "rushlight.cli.keys:whoami",
    "doctor": "rushlight.cli.doctor.command:doctor",
    "completion": "rushlight.cli.completion:completion",
    "version": "rushlight.cli.root:version",
}
PANELS = [
    {"name": "A farm", "commands": ["up", "demo", "worker", "key", "whoami", "audit"]},
    {
        "name": "Rendering",
        "commands": ["submit", "watch", "ls", "show", "why", "logs", "fetch", "events"],
    },
    {
        "name": "Changing your mind",
        "commands": ["cancel", "retry", "requeue", "pause", "resume", "priority"],
    },
    {"name": "This installation", "commands": ["doctor", "completion", "version"]},
]


class LazyGroup(click.RichGroup):
    """A group whose commands are imported when they are asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names, in the order of ``COMMANDS``."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one command."""
        if cmd_name not in COMMANDS:
            return None
        module, name = COMMANDS[cmd_name].split(":")
        command: click.Command = getattr(import_module(module), name)
        if COMPLETE_VARIABLE in os.environ:
            from rushlight.cli.completing import prepare  # noqa: PLC0415 - only for a shell

            prepare(command)
        return command

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[Any]:
        """Names of commands without importing them; options as for any command."""
        from click.shell_completion import CompletionItem  # noqa: PLC0415 - only for a shell

        if incomplete.startswith("-"):
            return list(super().shell_complete(ctx, incomplete))
        return [CompletionItem(name) for name in COMMANDS if name.startswith(incomplete)]

    def invoke(self, ctx: click.Context) -> Any:
        """Run; errors of the farm become exit codes."""
        try:
            return super().invoke(ctx)
        except RushlightError as error:
            say_error(error, as_json=ctx.meta.get(JSON_KEY, False))
            sys.exit(exit_code_of(error))

    def main(self, *args: Any, **rest: Any) -> NoReturn:
        """Run and exit: wrong usage and interruptions in the same words as all other errors."""
        try:
            code = super().main(*args, **{**rest, "standalone_mode": False})
            sys.stdout.flush()
        except click.ClickException as error:
            _say_usage(error)
            sys.exit(error.exit_code)
        except (KeyboardInterrupt, click.Abort):
            print("interrupted", file=sys.stderr)
            sys.exit(Exit.INTERRUPTED)
        except BrokenPipeError:
            # Whoever read our output has seen enough; there is nobody to tell it to.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(Exit.PIPE_CLOSED)
        sys.exit(code if isinstance(code, int) else Exit.OK)

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        """Find the command; a wrong name gets the nearest right one."""
        if args and self.get_command(ctx, args[0]) is None:
            from difflib import get_close_matches  # noqa: PLC0415 - hardly ever

            near = get_close_matches(args[0], COMMANDS, 1)
            meant = f"; did you mean `{near[0]}`?" if near else ""
            raise click.UsageError(f"there is no command {args[0]!r}{meant}", ctx)
        return super().resolve_command(ctx, args)


def _say_usage(error: click.ClickException) -> None:
    print(f"error: {error.format_message()}", file=sys.stderr)
    if isinstance(error, click.UsageError) and error.ctx is not None:
        print(f"  see `{error.ctx.command_path} --help`", file=sys.stderr)


HELP_LOOKS = {
    "theme": "default-slim",
    "text_markup": "rich",
    "text_paragraph_linebreaks": "\n\n",
    "padding_helptext_first_line": (0, 0, 1, 0),
    "command_groups": {"rushlight": PANELS},
    "max_width": 100,
}


# Not by the decorator `rich_config`: that loads rich for every command.
@click.group(
    cls=LazyGroup,
    context_settings={
        "help_option_names": ["-h", "--help"],
        "max_content_width": 100,
        "rich_help_config": HELP_LOOKS,
    },
)
@click.version_option(__version__, prog_name="rushlight", message="%(prog)s %(version)s")
def rushlight() -> None:
    """A render farm manager whose whole state is an event log.

    [bold]rushlight up[/] starts a farm on this machine; [bold]rushlight submit[/] gives it
    something to render, [bold]rushlight watch[/] shows how it goes.

    Data goes to stdout, everything else to stderr: tables in a terminal, lines with tabs in a pipe,
    the API's JSON with --json.

    Exit codes: 0 done, 1 the work failed, 2 wrong usage, 3 not found, 4 not allowed, 5 in conflict
    with the farm's state, 6 no farm answers, 7 timed out, 8 the audit found a mismatch, 130
    interrupted.
    """


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def version(as_json: bool) -> None:
    """Show which version this is."""
    from rushlight.cli.output import Output  # noqa: PLC0415

    if as_json:
        Output(as_json).document({"version": __version__})
    else:
        print(__version__)
