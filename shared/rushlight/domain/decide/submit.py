"""Accepting new tasks."""

from typing import Any
from uuid import UUID

from rushlight.domain.commands import SubmitTasks, TaskSpec
from rushlight.domain.frames import parse_frames
from rushlight.domain.matching import check_version_wish
from rushlight.domain.outputs import files_of
from rushlight.domain.round import Result, Round
from rushlight.domain.task_events import Submitted
from rushlight.errors import InvalidRequest, OutputTaken, RushlightError

# The farm keeps the file of every frame of a live task in memory, so one command has its limit.
FRAMES_AT_ONCE_MAX = 1_000_000

Taken = dict[str, UUID]


def submit_tasks(current: Round, command: SubmitTasks) -> Result:
    """Accept all tasks, or none; those that the log has already are accepted, for ever.

    Raises:
        InvalidRequest: a field makes no sense; ``facts["errors"]`` names each one.
        OutputTaken: a live task, or another of these, writes the same file.
    """
    farm = current.farm
    errors: list[dict[str, Any]] = []
    kind: type[RushlightError] = InvalidRequest
    taken: Taken = {}
    fresh: dict[UUID, TaskSpec] = {}
    named = 0
    for index, spec in enumerate(command.tasks):
        if spec.task_id in farm.tasks or spec.task_id in fresh:
            continue
        fresh[spec.task_id] = spec
        try:
            frames = _frames(spec)
            named += len(frames)
            _check_amount(named)
            _check_output(current, spec, _output(spec), frames, taken)
        except RushlightError as error:
            kind = type(error) if not errors else kind
            errors.append({"index": index, "detail": str(error), **error.facts})
            if named > FRAMES_AT_ONCE_MAX:
                break
    if errors:
        raise kind(errors[0]["detail"], errors=errors)
    for spec in fresh.values():
        current.task_event(Submitted, spec.task_id, **_payload(current, spec, _output(spec)))
    return Result(command, task_ids=tuple(spec.task_id for spec in command.tasks))


def _check_amount(named: int) -> None:
    if named > FRAMES_AT_ONCE_MAX:
        raise InvalidRequest(
            f"more than {FRAMES_AT_ONCE_MAX:,} frames up to this task: submit the rest later, in"
            " another batch",
            field="frames",
        )


def _output(spec: TaskSpec) -> str:
    return spec.output or default_output(spec)


def default_output(spec: TaskSpec) -> str:
    """Where a task writes that does not say: ``out:{job or task}/{name}.####.png``."""
    name = spec.name or "frame"
    folder = spec.job_id or str(spec.task_id)
    stem = name if spec.job_id is None or spec.frames is not None else f"{name}-{spec.task_id}"
    return f"out:{folder}/{stem}{'' if spec.frames is None else '.####'}.png"


def _frames(spec: TaskSpec) -> list[int | None]:
    wish = spec.requires.get("renderer_version")
    if wish is not None:
        check_version_wish(wish)
    if spec.frames is None:
        return [None]
    try:
        return list(parse_frames(spec.frames))
    except InvalidRequest as error:
        raise InvalidRequest(str(error), field="frames") from None


def _check_output(
    current: Round, spec: TaskSpec, output: str, frames: list[int | None], taken: Taken
) -> None:
    if len(frames) > 1 and "#" not in output.rsplit("/", 1)[-1]:
        raise InvalidRequest(
            f"output {output!r} needs a run of # for the frame number: write name.####.png",
            field="output",
        )
    _check_path(output, "output")
    if spec.scene is not None:
        _check_path(spec.scene, "scene")
    files = files_of(output, frames)
    other = current.farm.conflict(files, spec.task_id)
    for file in files:
        other = other or taken.get(file)
        taken[file] = spec.task_id
    if other is not None:
        raise OutputTaken(
            f"task {other} writes {output} already: give another output or name, or wait until it"
            " has ended",
            field="output",
            other=str(other),
        )


def _check_path(path: str, name: str) -> None:
    root, colon, inner = path.partition(":")
    parts = inner.replace("\\", "/").split("/")
    if not colon or not root or inner.startswith("/") or ".." in parts:
        raise InvalidRequest(
            f"{name} {path!r} leaves its root: write root:relative/path without ..", field=name
        )
    if parts[-1] in ("", "."):
        raise InvalidRequest(f"{name} {path!r} is a folder: name a file", field=name)


def _payload(current: Round, spec: TaskSpec, output: str) -> dict[str, Any]:
    default = current.farm.settings.max_retries
    return {
        "seq": current.farm.submitted + 1,
        "priority": spec.priority,
        "estimated_render_s": spec.estimated_render_s,
        "name": spec.name,
        "job_id": spec.job_id,
        "renderer": spec.renderer,
        "scene": spec.scene,
        "output": output,
        "frames": spec.frames,
        "settings": spec.settings,
        "args": tuple(spec.args),
        "requires": dict(spec.requires),
        "max_retries": default if spec.max_retries is None else spec.max_retries,
        "max_render_s": spec.max_render_s,
    }
