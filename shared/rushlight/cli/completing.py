"""What a shell is offered when somebody completes: ids of the farm, asked for within a short limit.

Loaded only while a shell completes. What an argument takes is read from what its help calls it:
TASK, WORKER or JOB. When the farm does not answer in time, or at all, nothing is offered and
nothing is said: a shell has no place for messages.
"""

import threading
from collections.abc import Callable, Iterable, Iterator
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click
from click.shell_completion import CompletionItem

from rushlight.cli.farm import local_url
from rushlight.cli.words import short
from rushlight.client.credentials import find_key
from rushlight.errors import RushlightError

if TYPE_CHECKING:
    from rushlight.client.wire import Json, WireClient

ANSWER_WITHIN_S = 0.3
TASKS_MAX = 100
# Whom a verb can mean; all others any task.
STATUSES = {
    "cancel": "pending,rendering,paused,failed",
    "retry": "failed",
    "requeue": "completed,failed,cancelled",
    "pause": "pending",
    "resume": "paused",
    "priority": "pending,rendering,paused,failed",
}
Items = list[CompletionItem]
Ask = Callable[["WireClient", click.Context, str], Iterable[CompletionItem]]


def tasks(client: "WireClient", ctx: click.Context, part: str) -> Iterator[CompletionItem]:
    """The newest tasks, by the short ids that lists show; by whole ones if ``part`` begins one."""
    page = client.tasks_page(limit=TASKS_MAX, status=STATUSES.get(ctx.command.name or ""))
    for task in page["items"]:
        ids = (short(task["taskId"]) or "", task["taskId"])
        fitting = next((one for one in ids if one.startswith(part.lower())), None)
        if fitting is not None:
            yield CompletionItem(fitting, help=_about(task))


def workers(client: "WireClient", ctx: click.Context, part: str) -> Iterator[CompletionItem]:
    """Workers; to be drained those that are not yet, and the other way round."""
    for worker in client.workers_page(limit=None)["items"]:
        draining = worker["status"] == "draining"
        unfit = {"drain": draining, "undrain": not draining}.get(ctx.command.name or "", False)
        if worker["workerId"].startswith(part) and not unfit:
            yield CompletionItem(worker["workerId"], help=worker["status"])


def jobs(client: "WireClient", _: click.Context, part: str) -> Iterator[CompletionItem]:
    """Jobs of the newest tasks."""
    page = client.tasks_page(limit=TASKS_MAX)
    found = dict.fromkeys(task["jobId"] for task in page["items"] if task["jobId"])
    yield from (CompletionItem(job) for job in found if job.startswith(part))


ASK: dict[str, Ask] = {"TASK": tasks, "WORKER": workers, "JOB": jobs}


def prepare(command: click.Command) -> click.Command:
    """Let the arguments and options of a command, and of those below it, complete."""
    for parameter in command.params:
        called = (parameter.metavar or parameter.name or "").upper().strip("[].")
        asks = [ASK[word] for word in called.split("|") if word in ASK]
        if asks and not isinstance(parameter.type, click.Choice):
            _attach(parameter, asks)
    if isinstance(command, click.Group):
        for one in command.commands.values():
            prepare(one)
    return command


def _attach(parameter: click.Parameter, asks: list[Ask]) -> None:
    def complete(ctx: click.Context, part: str) -> Items:
        return [item for ask in asks for item in _within(ctx, part, ask)]

    parameter.shell_complete = complete  # type: ignore[assignment, method-assign]


def _within(ctx: click.Context, part: str, ask: Ask) -> Items:
    """What the farm says in time; the thread is left to itself when it is late."""
    found: list[Items] = []
    import_module("rushlight.client.wire")  # takes its time, which is not the farm's

    def run() -> None:
        answer = _asked(ctx, part, ask)
        if answer:
            found.append(answer)

    asking = threading.Thread(target=run, daemon=True)
    asking.start()
    asking.join(ANSWER_WITHIN_S)
    return found[0] if found else []


def _asked(ctx: click.Context, part: str, ask: Ask) -> Items:
    from rushlight.client.wire import WireClient  # noqa: PLC0415 - httpx takes its time

    given: dict[str, Any] = ctx.params
    try:
        file = given.get("key_file")
        key = find_key(None if file is None else Path(file))
        url = given.get("url") or local_url()
        with WireClient(url, key=None if key is None else key.text) as client:
            return list(ask(client, ctx, part))
    except (RushlightError, KeyError, TypeError):
        # Not to be reached, not to be understood, not to be let in: all the same to a shell.
        return []


def _about(task: "Json") -> str:
    return " ".join(filter(None, (task["status"], task["name"])))
