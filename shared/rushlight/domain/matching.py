"""Which worker can run which task, and why not: one predicate for placement and ``why``."""

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

from rushlight.domain.task import Signature
from rushlight.domain.worker import Worker
from rushlight.errors import InvalidRequest

Offer = tuple[tuple[tuple[str, str], ...] | None, bool, int | None, tuple[str, ...], str | None]


def offer_of(worker: Worker) -> Offer:
    """What decides which tasks it can run: workers with the same offer are alike."""
    renderers = None if worker.renderers is None else tuple(sorted(worker.renderers.items()))
    return (renderers, worker.default_scene, worker.memory_mib, tuple(worker.tags), worker.mode)


def misfit(task: Signature, worker: Offer) -> str | None:
    """Why a worker with this offer cannot run such a task; None: it can.

    ``no_renderer``, ``renderer_version``, ``memory`` or ``tags``. Avoided workers are looked at by
    the caller: that is about one worker, not about its offer.
    """
    renderer, memory_mib, tags, version, _ = task
    renderers, default_scene, memory_offered, tags_offered, mode = worker
    if renderers is None and mode == "pull":
        offered = None
    elif renderer is None:
        if not default_scene:
            return "no_renderer"
        offered = None
    else:
        found = dict(renderers or ())
        if renderer not in found:
            return "no_renderer"
        offered = found[renderer]
    if version is not None and offered is not None and not version_fits(offered, version):
        return "renderer_version"
    if memory_mib and memory_offered is not None and memory_offered < memory_mib:
        return "memory"
    return "tags" if not set(tags) <= set(tags_offered) else None


def version_fits(version: str, wanted: str) -> bool:
    """Whether a version like ``3.4.1`` meets a wish like ``>=3.4,<4``; an odd one never."""
    try:
        return Version(version) in SpecifierSet(wanted, prereleases=True)
    except InvalidVersion:
        return False


def check_version_wish(wanted: str) -> None:
    """Refuse a wish that cannot be read.

    Raises:
        InvalidRequest: with an example.
    """
    try:
        SpecifierSet(wanted)
    except InvalidSpecifier:
        raise InvalidRequest(
            f"requires.rendererVersion {wanted!r} cannot be read: write it like >=4.2,<5"
        ) from None
