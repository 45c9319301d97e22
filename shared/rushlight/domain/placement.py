"""Which waiting task goes to which worker: higher priority first, then older.

Only to a worker that has the renderer and meets ``requires``; of several, the one that was idle
first. A pull worker counts only in the round in which it asked. The cost depends on the number of
idle offers and different requirements, not on how many tasks wait.
"""

import heapq
from collections.abc import Collection, Iterator
from uuid import UUID

from rushlight.domain.farm import Farm
from rushlight.domain.matching import Offer
from rushlight.domain.task import Signature

PLANNER = 1


def plan(farm: Farm, asking: Collection[str]) -> Iterator[tuple[UUID, str]]:
    """Yield assignments one by one; the caller records each on the farm before the next."""
    pool = _available(farm, asking)
    if not pool:
        return
    heads = [
        (farm.queue(signature)[0], signature)
        for signature in farm.waiting
        if any(farm.misfit(signature, offer) is None for offer in pool)
    ]
    heapq.heapify(heads)
    while heads and pool:
        (_, _, task_id), signature = heapq.heappop(heads)
        worker_id = _take(farm, pool, signature)
        if worker_id is None:
            continue
        yield task_id, worker_id
        if signature in farm.waiting:
            heapq.heappush(heads, (farm.queue(signature)[0], signature))


def _available(farm: Farm, asking: Collection[str]) -> dict[Offer, dict[str, None]]:
    pool: dict[Offer, dict[str, None]] = {}
    for offer, workers in farm.idle.items():
        usable = {
            worker_id: None for worker_id in workers if offer[-1] == "push" or worker_id in asking
        }
        if usable:
            pool[offer] = usable
    return pool


def _take(farm: Farm, pool: dict[Offer, dict[str, None]], signature: Signature) -> str | None:
    avoid = signature[-1]
    best: tuple[Offer, str] | None = None
    for offer, workers in pool.items():
        if farm.misfit(signature, offer) is not None:
            continue
        worker_id = next((one for one in workers if one not in avoid), None)
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
