"""Which waiting task goes to which worker: higher priority first, then older.

Only to a worker that has the renderer and meets ``requires``; of several, the one that was idle
first. A pull worker counts only in the round in which it asked. The cost depends on the number of
idle offers and different requirements, not on how many tasks wait. Nothing is changed here.
"""

import heapq
from collections.abc import Collection, Iterator
from uuid import UUID

from rushlight.domain.farm import Farm
from rushlight.domain.matching import Offer
from rushlight.domain.task import Signature

PLANNER = 1


Pool = dict[Offer, dict[str, None]]


def plan(farm: Farm, asking: Collection[str]) -> list[tuple[UUID, str]]:
    """The assignments of this round, best first; ``asking`` are the pull workers that asked."""
    return list(_match(farm, _available(farm, asking))) if farm.waiting else []


def helped_by_idle(farm: Farm) -> set[UUID]:
    """Waiting tasks that get a worker as soon as every idle one asks; each worker helps one."""
    if not farm.waiting:
        return set()
    pool = {offer: dict(workers) for offer, workers in farm.idle.items()}
    return {task_id for task_id, _ in _match(farm, pool)}


def _match(farm: Farm, pool: Pool) -> Iterator[tuple[UUID, str]]:
    """Give the pool's workers away, best task first, until none is left or nothing fits."""
    heads = [
        (queue[0], 0, signature)
        for signature, queue in farm.waiting.items()
        if any(farm.misfit(signature, offer) is None for offer in pool)
    ]
    heapq.heapify(heads)
    while heads and pool:
        (_, _, task_id), place, signature = heapq.heappop(heads)
        worker_id = _take(farm, pool, signature)
        if worker_id is None:
            continue
        yield task_id, worker_id
        queue = farm.waiting[signature]
        if place + 1 < len(queue):
            heapq.heappush(heads, (queue[place + 1], place + 1, signature))


def _available(farm: Farm, asking: Collection[str]) -> Pool:
    pool: Pool = {}
    for offer, workers in farm.idle.items():
        usable = {
            worker_id: None for worker_id in workers if offer[-1] == "push" or worker_id in asking
        }
        if usable:
            pool[offer] = usable
    return pool


def _take(farm: Farm, pool: Pool, signature: Signature) -> str | None:
    avoid = signature[-1]
    best: tuple[Offer, str] | None = None
    for offer, workers in pool.items():
        if farm.misfit(signature, offer) is not None:
            continue
        worker_id = next((one for one in workers if farm.workers[one].running not in avoid), None)
        if worker_id is None:
            continue
        if best is None or _older(farm, worker_id, best[1]):
            best = (offer, worker_id)
    if best is None:
        return None
    offer, worker_id = best
    del pool[offer][worker_id]
    if not pool[offer]:
        del pool[offer]
    return worker_id


def _older(farm: Farm, one: str, other: str) -> bool:
    a, b = farm.workers[one], farm.workers[other]
    return (a.idle_since, a.worker_id) < (b.idle_since, b.worker_id)
