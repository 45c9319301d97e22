"""``rushlight completion``: the script that teaches a shell to complete, which is click's own."""

import rich_click as click
from click.shell_completion import ShellComplete, get_completion_class
from rich_click import pass_context

from rushlight.cli.root import COMPLETE_VARIABLE


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the script that makes a shell complete commands, options, tasks, workers and jobs.

    Ids come from the farm, if it answers within 0.3 seconds; else there are none, and no message.

    \b
    Examples:
      echo 'eval "$(rushlight completion bash)"' >> ~/.bashrc
      echo 'eval "$(rushlight completion zsh)"' >> ~/.zshrc
      rushlight completion fish > ~/.config/fish/completions/rushlight.fish
    """
    found = get_completion_class(shell)
    if found is None:
        raise click.UsageError(f"no completion for {shell}")
    script = found(ctx.find_root().command, {}, "rushlight", COMPLETE_VARIABLE)
    # Not its own `source()`: bash's looks for a bash here first, to complain of its version.
    print(ShellComplete.source(script))
