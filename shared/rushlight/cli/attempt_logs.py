"""``rushlight logs``: what the renderer of an attempt said."""

import codecs
import sys
import time

import rich_click as click

from rushlight.cli.farm import Farm, asks_farm
from rushlight.cli.output import safe
from rushlight.errors import NotFound

POLL_S = 1.0


@click.command()
@click.argument("task")
@click.option("--attempt", type=click.IntRange(1), help="Which attempt; without it the last one.")
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
    text = pieces.rest()
    if farm.out.as_json:
        log = {"taskId": task_id, "attempt": attempt, "complete": pieces.ended, "text": text}
        farm.out.document(log)
    else:
        _print(text)


def _print_as_it_comes(farm: Farm, pieces: "_Pieces", task_id: str, attempt: int) -> None:
    while not pieces.ended:
        text = pieces.next()
        if text is None:
            time.sleep(0 if pieces.ended else POLL_S)
        elif farm.out.as_json:
            farm.out.line_of_json({"taskId": task_id, "attempt": attempt, "text": text})
        else:
            _print(text)


def _last_attempt(farm: Farm, task_id: str, *, wait: bool) -> int:
    while (attempt := int(farm.client.task(task_id)["attempt"])) == 0:
        if not wait:
            raise NotFound(
                f"task {task_id} has not started, so there is no log;"
                f" `rushlight why {task_id[-8:]}` says why, -f waits for it"
            )
        time.sleep(POLL_S)
    return attempt


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

    def next(self) -> str | None:
        """What came since the last piece; None: nothing yet."""
        piece, self.ended = self._farm.client.attempt_log(
            self._task_id, self._attempt, self._offset
        )
        self._offset += len(piece)
        text = self._decoder.decode(piece, final=self.ended)
        return text if piece or text else None

    def rest(self) -> str:
        """All that is there now."""
        pieces: list[str] = []
        while not self.ended and (piece := self.next()) is not None:
            pieces.append(piece)
        return "".join(pieces)
