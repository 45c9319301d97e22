"""``rushlight logs``: what the renderer of an attempt said."""

import codecs
import sys

import rich_click as click

from rushlight.cli import words
from rushlight.cli.farm import Farm, asks_farm
from rushlight.cli.notes import OutageNotes
from rushlight.cli.output import Json, safe
from rushlight.errors import NotFound

# The farm holds a request for so long where there is nothing new.
WAIT_S = 25


@click.command()
@click.argument("task")
@click.option(
    "--attempt", type=click.IntRange(1), metavar="N", help="Which attempt; without it the last one."
)
@click.option("-f", "--follow", is_flag=True, help="Go on until the attempt has ended.")
@asks_farm
def logs(farm: Farm, task: str, attempt: int | None, follow: bool) -> None:
    """Print the log of an attempt of a task.

    Of a long log the beginning and the end are kept. With --json: one document with the text, or
    with --follow a line of JSON per piece.

    \b
    Examples:
      rushlight logs 7f3a9c01
      rushlight logs 7f3a9c01 -f
      rushlight logs 7f3a9c01 --attempt 1 > first-attempt.log
    """
    task_id = farm.task_id(task)
    if attempt is None:
        attempt = _last_attempt(farm, task_id, wait=follow)
    pieces = _Pieces(farm, task_id, attempt)
    if follow:
        _print_as_it_comes(farm, pieces, task_id, attempt)
        return
    text = pieces.next()
    if farm.out.as_json:
        log = {"taskId": task_id, "attempt": attempt, "complete": pieces.ended, "text": text}
        farm.out.document(log)
    else:
        _print(text)


def _print_as_it_comes(farm: Farm, pieces: "_Pieces", task_id: str, attempt: int) -> None:
    from rushlight.client.patience import patiently  # noqa: PLC0415 - only where it waits

    notes = OutageNotes(farm.out.note)
    while not pieces.ended:
        text = patiently(lambda: pieces.next(wait_s=WAIT_S), told=notes.tell)
        if not text:
            continue
        if farm.out.as_json:
            farm.out.line_of_json({"taskId": task_id, "attempt": attempt, "text": text})
        else:
            _print(text)


def _last_attempt(farm: Farm, task_id: str, *, wait: bool) -> int:
    task = farm.client.task(task_id)
    if wait and task["attempt"] == 0:
        task = _started(farm, task_id)
    if task["attempt"] == 0:
        raise NotFound(_not_started(task))
    return int(task["attempt"])


def _started(farm: Farm, task_id: str) -> Json:
    """The task once it has an attempt, or has ended without any."""
    from rushlight.client.following import follow  # noqa: PLC0415 - only where it waits

    notes = OutageNotes(farm.out.note)
    task: Json = {}
    for look in follow(farm.client, [task_id]):
        notes.tell(look.outage)
        for task in look.changed:
            if task["attempt"] > 0:
                return task
    return task


def _not_started(task: Json) -> str:
    said = f"task {task['taskId']} has not started, so there is no log"
    if task["status"] in ("cancelled", "failed"):
        return f"{said}; it is {task['status']}"
    return f"{said}; `rushlight why {words.short(task['taskId'])}` says why, -f waits for it"


def _print(text: str) -> None:
    print(safe(text) if sys.stdout.isatty() else text, end="", flush=True)


class _Pieces:
    """The log, piece by piece; ``ended``: nothing will follow."""

    def __init__(self, farm: Farm, task_id: str, attempt: int) -> None:
        self.ended = False
        self._farm, self._task_id, self._attempt = farm, task_id, attempt
        self._offset = 0
        # A piece may end within a letter.
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def next(self, *, wait_s: int = 0) -> str:
        """What came since the last piece; the farm waits for up to ``wait_s`` for something."""
        piece = self._farm.client.attempt_log(
            self._task_id, self._attempt, self._offset, wait_s=wait_s
        )
        self._offset, self.ended = piece.next, piece.complete
        return self._decoder.decode(piece.text, final=self.ended)
