"""What an attempt needs before its renderer starts, and what is cleared away after it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import structlog

from rushlight.errors import WorkerUnfit
from rushlight.messages.commands import Output
from rushlight.messages.work import Assign
from rushlight_worker.naming import Mark
from rushlight_worker.node import Node
from rushlight_worker.outputs import Target, check_space, in_place, sweep_older, targets_of
from rushlight_worker.renderers.port import Renderer, Work
from rushlight_worker.scratch import close_scratch

_log = structlog.get_logger("rushlight.worker")


@dataclass(frozen=True)
class Prepared:
    """Ready to render: ``work.outputs`` are those that are not in place yet."""

    renderer: Renderer
    work: Work
    targets: Mapping[int | None, Target]
    kept: list[Output]


def prepare(assign: Assign, mark: Mark, node: Node) -> Prepared:
    """Find renderer, scene and folders, and look which frames are in place; touches the disk.

    Raises:
        InvalidRequest, SceneMissing: the task makes no sense.
        WorkerUnfit: this worker cannot render it.
    """
    renderer, scene = _renderer_and_scene(assign, node)
    roots = node.roots
    scene_path = None if scene is None else roots.scene(scene)
    targets = targets_of(assign, roots, mark)
    folder = next(iter(targets.values())).final.parent
    check_space(folder, node.settings.disk_free_min_mib)
    swept = sweep_older(folder, mark.task_id, mark.attempt)
    if swept:
        _log.info("temporary_files_swept", folder=str(folder), count=swept)
    kept = in_place(assign.kept, targets)
    there = {one.frame for one in kept}
    outputs = {frame: one.temporary for frame, one in targets.items() if frame not in there}
    work = Work(
        task_id=assign.task_id,
        attempt=assign.attempt,
        scene=scene_path,
        outputs=outputs,
        pattern=_pattern(assign.output, folder, targets, mark),
        scratch=node.place.open_scratch(mark, outputs.values()),
        worker=node.settings,
        settings=assign.settings,
        args=assign.args,
    )
    return Prepared(renderer, work, targets, kept)


def clean(prepared: Prepared) -> None:
    """Remove the scratch folder and every temporary output that was not put into place."""
    close_scratch(prepared.work.scratch)


def _renderer_and_scene(assign: Assign, node: Node) -> tuple[Renderer, str | None]:
    name, scene = assign.renderer, assign.scene
    if name is None:
        name, scene = node.settings.default_renderer, scene or node.settings.default_scene
        if scene is None:
            raise WorkerUnfit(
                "the task names no renderer, and this worker has no default_scene: set"
                " RUSHLIGHT_DEFAULT_SCENE, say to builtin:orrery.xml"
            )
    renderer = node.renderers.get(name)
    if renderer is None:
        known = ", ".join(sorted(node.renderers)) or "none"
        raise WorkerUnfit(f"this worker has no renderer {name!r} (it has: {known})")
    return renderer, scene


def _pattern(output: str, folder: Path, targets: Mapping[int | None, Target], mark: Mark) -> Path:
    """The temporary name with the ``#`` left in; for a still the still's own."""
    if None in targets:
        return targets[None].temporary
    name = Path(output.rpartition("/")[2].rpartition(":")[2])
    return folder / f"{name.stem}.{mark}{name.suffix}"
