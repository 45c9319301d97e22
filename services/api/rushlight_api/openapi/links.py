"""Where one goes from an answer: OpenAPI links, for programs that try out stories."""

from http import HTTPStatus
from typing import Any

from rushlight_api.operations import Operation

Json = dict[str, Any]
_TASK = {"task_id": "$response.body#/taskId"}
_WORKER = {"worker_id": "$request.path.worker_id"}
_OF_A_TASK = (
    "readRender",
    "readRenderEvents",
    "readRenderAttempts",
    "whyRender",
    "changeRender",
    "pauseRender",
    "resumeRender",
    "cancelRender",
    "requeueRender",
    "retryRender",
    "completeRender",
    "setRenderStatus",
)
# Operation and status to the operations that follow, with their path parameters.
STORIES: dict[tuple[str, int], dict[str, dict[str, str]]] = {
    ("submitRender", 201): dict.fromkeys(_OF_A_TASK, _TASK),
    ("submitBatch", 201): {
        "readJob": {"job_id": "$response.body#/jobId"},
        "cancelJob": {"job_id": "$response.body#/jobId"},
        "readRender": {"task_id": "$response.body#/taskIds/0"},
    },
    ("setWorkerStatus", 200): dict.fromkeys(
        ("readWorker", "whyWorker", "requestTask", "drainWorker", "undrainWorker"), _WORKER
    ),
    ("requestTask", 200): {
        "completeRender": _TASK,
        "readAttemptLog": {**_TASK, "attempt": "$response.body#/attempt"},
        "appendAttemptLog": {**_TASK, "attempt": "$response.body#/attempt"},
    },
}


def links_of(operation_id: str, status: int, declared: Operation) -> Json:
    """The links of one answer."""
    found = STORIES.get((operation_id, status), {})
    if status == HTTPStatus.ACCEPTED and declared.commands:
        found = {**found, "readCommand": {"command_id": "$response.body#/commandId"}}
    return {
        name: {"operationId": name, "parameters": parameters} for name, parameters in found.items()
    }
