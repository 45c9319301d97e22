"""What each command does to the farm: one function a command, which may refuse it.

A function takes the round and the command, emits events, and returns a ``Result``; it refuses by
raising an error of ``rushlight.errors`` before it has emitted anything.
"""

from collections.abc import Callable
from typing import Any

from rushlight.domain import commands as c
from rushlight.domain.decide import reports, submit, tasks, timed, workers
from rushlight.domain.round import Result, Round

Decider = Callable[[Round, Any], Result]

DECIDERS: dict[type[c.Command], Decider] = {
    c.SubmitTasks: submit.submit_tasks,
    c.CancelTask: tasks.cancel_task,
    c.PauseTask: tasks.pause_task,
    c.ResumeTask: tasks.resume_task,
    c.RetryTask: tasks.retry_task,
    c.RequeueTask: tasks.requeue_task,
    c.ReprioritiseTask: tasks.reprioritise_task,
    c.JobCommand: tasks.job_command,
    c.StartTask: reports.start_task,
    c.FramesRendered: reports.frames_rendered,
    c.CompleteTask: reports.complete_task,
    c.FailAttempt: reports.fail_attempt,
    c.AttemptStopped: reports.attempt_stopped,
    c.ReturnAttempt: reports.return_attempt,
    c.JoinWorker: workers.join_worker,
    c.SetWorkerStatus: workers.set_worker_status,
    c.RequestTask: workers.request_task,
    c.DrainWorker: workers.drain_worker,
    c.UndrainWorker: workers.undrain_worker,
    c.LeaveWorker: workers.leave_worker,
    c.TimeoutWorker: timed.timeout_worker,
    c.TimeoutTask: timed.timeout_task,
    c.PreemptTask: timed.preempt_task,
    c.FailTask: timed.fail_task,
    c.RequestWorker: timed.request_worker,
    c.ClaimWorker: timed.claim_worker,
}


def decide(current: Round, command: c.Command) -> Result:
    """Decide a command.

    Raises:
        RushlightError: it is refused, and nothing has changed.
    """
    return DECIDERS[type(command)](current, command)
