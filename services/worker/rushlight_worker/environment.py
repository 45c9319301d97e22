"""The environment of a renderer: a few variables of the agent's, and what it is to know.

An allow-list, so that keys and settings of the agent stay with the agent.
"""

import os
from collections.abc import Mapping

from rushlight_worker.renderers.port import Work

ALLOWED = (
    "CUDA_VISIBLE_DEVICES",
    "HOME",
    "LANG",
    "LD_LIBRARY_PATH",
    "LOGNAME",
    "PATH",
    "TZ",
    "USER",
)
THREAD_LIMITS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def environment(work: Work, worker_id: str, more: Mapping[str, str]) -> dict[str, str]:
    """What a renderer of ``work`` gets; ``more`` is its own and comes last."""
    found = {name: os.environ[name] for name in ALLOWED if name in os.environ}
    threads = str(work.worker.threads or os.cpu_count() or 1)
    found |= {
        "LC_ALL": "C.UTF-8",
        "PYTHONUNBUFFERED": "1",
        "TMPDIR": str(work.scratch),
        "RUSHLIGHT_TASK": str(work.task_id),
        "RUSHLIGHT_ATTEMPT": str(work.attempt),
        "RUSHLIGHT_WORKER": worker_id,
        "RUSHLIGHT_THREADS": threads,
    }
    if work.frames:
        found["RUSHLIGHT_FRAME"] = str(work.frames[0])
    if work.worker.threads is not None:
        found |= dict.fromkeys(THREAD_LIMITS, threads)
    return {**found, **more}
