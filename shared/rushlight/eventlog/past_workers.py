"""Workers as they were at a cut of the log.

A worker's stream grows with every task that it renders, so it is not folded whole: what it renders
is read off the last two of those events (see ``fold_worker``).
"""

from rushlight.domain.base import stream_of_worker
from rushlight.domain.replay import fold_worker
from rushlight.eventlog import rows
from rushlight.eventlog.cut import Cut
from rushlight.eventlog.rows import Row

CHUNK = 500
LAST_OF_WORK = 2


def page(cut: Cut, round_number: int, after_id: str | None, limit: int) -> list[Row]:
    """Up to ``limit`` workers as they were, by id; those that came later are passed over."""
    found: list[Row] = []
    after_id = after_id or ""
    while len(found) < limit:
        candidates = [rows.load(one["doc"]) for one in cut.select(_PAGE, after_id, CHUNK)]
        moved = [row["worker_id"] for row in candidates if row["round"] > round_number]
        versions = cut.versions_of(map(stream_of_worker, moved))
        for row in candidates:
            version = versions.get(stream_of_worker(row["worker_id"]), 0)
            if row["round"] <= round_number:
                found.append(row)
            elif version > 0:
                found.append(_folded(cut, row["worker_id"], version))
            if len(found) == limit:
                break
        if len(candidates) < CHUNK:
            break
        after_id = candidates[-1]["worker_id"]
    return found


def folded(cut: Cut, worker_id: str) -> Row | None:
    """One worker as it was; None: it had never been heard of."""
    stream = stream_of_worker(worker_id)
    version = cut.versions_of([stream]).get(stream)
    return None if version is None else _folded(cut, worker_id, version)


def _folded(cut: Cut, worker_id: str, version: int) -> Row:
    stream = stream_of_worker(worker_id)
    work = cut.last_frequent(stream, version, LAST_OF_WORK)
    then: Row = fold_worker(worker_id, [*cut.rare(stream), *work], version).row()
    return then


_PAGE = "SELECT doc FROM workers WHERE worker_id > ? ORDER BY worker_id LIMIT ?"
