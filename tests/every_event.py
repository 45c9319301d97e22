"""A farm's life in which every event happens, as lines of JSON: one stored event a line.

``python -m tests.every_event > tests/data/event_log_v1.jsonl`` made the log that is checked in.
Logs of shipped versions are never made anew: an event that changes gets a new version, an upcast,
and a log of its own beside the old ones.
"""

import json
import sys
from collections.abc import Iterable

from tests.rehearsal import Rehearsal, frame_output

from rushlight.domain import FarmEvent
from rushlight.domain import commands as c
from rushlight.settings import FarmSettings


def stored(events: Iterable[FarmEvent]) -> Iterable[str]:
    """The events as lines."""
    for event in events:
        fields = {
            "topic": event.TOPIC,
            "originator_id": str(event.originator_id),
            "version": event.originator_version,
            "state": event.encode().decode(),
        }
        yield json.dumps(fields, ensure_ascii=False)


def tell() -> Rehearsal:
    """Let every event happen."""
    farm = Rehearsal(provisioned_workers_max=1, max_losses=1)
    _render_and_requeue(farm)
    _preempt_and_cancel(farm)
    _overrun_and_fail(farm)
    _lose(farm)
    _provision(farm)
    _pull(farm)
    return farm


def _render_and_requeue(farm: Rehearsal) -> None:
    farm.join("w1", tags=("gpu", "fast"), memory_mib=8000)
    task_id = farm.submit(
        "orrery",
        name="Planetarium Größe 1",
        job_id="shot-010",
        renderer="mitsuba",
        scene="scenes:orrery.xml",
        frames="1-4",
        settings={"width": 320, "gain": 1.5, "nested": {"list": [1, None, True]}},
        args=("--threads", "2"),
        requires={"memory_mib": 4000, "tags": ("gpu",), "renderer_version": ">=3.9"},
        estimated_render_s=60,
        max_render_s=1000,
    )
    farm.report(c.FramesRendered, task_id, outputs=(frame_output(1), frame_output(2)))
    farm.complete(task_id)
    farm.say(c.RequeueTask, task_id=task_id, frames="2-3")
    farm.complete(task_id)
    farm.complete(task_id)  # unchanged
    farm.say(c.PauseTask, task_id=task_id)  # refused


def _preempt_and_cancel(farm: Rehearsal) -> None:
    low = farm.submit("low", priority="LOW")
    rush = farm.submit("rush", priority="MEDIUM")
    farm.say(c.ReprioritiseTask, task_id=rush, priority="RUSH")
    farm.later(400)
    farm.sweep()
    farm.stopped(low)
    farm.say(c.PauseTask, task_id=low)
    farm.say(c.CancelTask, task_id=rush)
    farm.stopped(rush)
    farm.say(c.JobCommand, job_id="none", verb="cancel")  # refused
    farm.say(c.ResumeTask, task_id=low)
    farm.complete(low)


def _overrun_and_fail(farm: Rehearsal) -> None:
    task_id = farm.submit("slow", max_render_s=100)
    farm.later(101)
    farm.sweep()
    farm.stopped(task_id)
    farm.sweep()
    farm.fail(task_id)
    faulty = farm.submit("faulty")
    farm.fail(faulty, "worker")
    farm.say(c.CancelTask, task_id=faulty)
    farm.say(c.DrainWorker, worker_id="w1")
    farm.say(c.UndrainWorker, worker_id="w1")


def _lose(farm: Rehearsal) -> None:
    farm.submit("lost")
    farm.silent.add("w1")
    farm.sweep()
    farm.later(91)
    farm.sweep()


def _provision(farm: Rehearsal) -> None:
    farm.round(settings=FarmSettings(provisioned_workers_max=2))
    wanted = farm.submit("wanted", job_id="job")
    (request,) = farm.sweep()
    assert isinstance(request, c.RequestWorker)
    farm.say(c.ClaimWorker, worker_id=request.worker_id, provisioner="local")
    farm.join(request.worker_id)
    farm.say(c.ReturnAttempt, task_id=wanted, attempt=1, reason="nobody there")
    farm.say(c.UndrainWorker, worker_id=request.worker_id)
    farm.complete(wanted)
    farm.say(c.LeaveWorker, worker_id=request.worker_id, instance="i1")


def _pull(farm: Rehearsal) -> None:
    farm.ready("plain")
    farm.ask("plain")
    first, second = farm.submit("first"), farm.submit("second", job_id="job")
    farm.ask("plain")
    farm.say(c.StartTask, task_id=first, worker_id="plain")
    farm.say(c.CompleteTask, task_id=first)
    farm.say(c.StartTask, task_id=second, worker_id="plain")
    farm.ready("plain", "offline")
    farm.say(c.JobCommand, job_id="job", verb="cancel")


if __name__ == "__main__":
    for line in stored(tell().events()):
        sys.stdout.write(line + "\n")
