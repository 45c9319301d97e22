"""The Postman collection as a story: which request comes after which, with what, and what it gets.

It needs no renderer: its worker is a plain REST client, offers a renderer that nobody else has, and
takes only the story's tasks, so it can be sent to a farm with other work as well. At its end the
farm has the keys that it had before.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

RENDERER = "postman"
TASK: Mapping[str, Any] = {"renderer": RENDERER, "priority": "HIGH", "jobId": "postman"}
OUTPUT: Mapping[str, Any] = {"path": "out:postman/frame.png", "bytes": 48213, "renderTime": 12.5}
INSTANCE = "{{taskId}}"


@dataclass(frozen=True, slots=True)
class Step:
    """One request. ``keep``: variables to what of the answer they get, as ``items.0.taskId``.

    ``path`` and ``query`` are only what differs from the variable of the same name. ``body`` None
    is the document's first example, if there is one. ``key`` is the variable with the key to use.
    """

    operation_id: str
    status: int = 200
    title: str = ""
    body: Any = None
    keep: Mapping[str, str] = field(default_factory=dict)
    path: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    key: str = "key"


VARIABLES: Mapping[str, str] = {
    "baseUrl": "http://127.0.0.1:3000",
    "key": "",
    "adminKey": "",
    "adminKeyId": "",
    "keyId": "",
    "token": "",
    "workerId": "postman",
    "agentId": "postman-agent",
    "taskId": "",
    "attempt": "1",
    "jobId": "",
    "commandId": "",
    "position": "1",
}
ASKS = Step(
    "requestTask", title="The worker asks for work", keep={"taskId": "taskId", "attempt": "attempt"}
)
JOINS: Mapping[str, Any] = {"status": "ready", "capabilities": {"renderers": {RENDERER: "1"}}}
STORY: Mapping[str, tuple[Step, ...]] = {
    "A task from its submission to its frames": (
        Step("submitRender", 201, body={**TASK, "name": "first"}, keep={"taskId": "taskId"}),
        Step("setWorkerStatus", title="A plain REST worker registers", body=JOINS),
        ASKS,
        Step(
            "setRenderStatus",
            title="It says that it renders",
            body={"status": "rendering", "workerId": "{{workerId}}"},
        ),
        Step("readRender", title="Read the task while it renders"),
        Step(
            "appendAttemptLog",
            title="The worker sends its log",
            body="rendering\n",
            query={"offset": "0"},
        ),
        Step("readAttemptLog", query={"offset": "0"}),
        Step(
            "completeRender",
            title="It reports the task as completed",
            body={"attempt": 1, "workerId": "{{workerId}}", "outputs": [OUTPUT]},
        ),
        Step("readRender", title="Read the completed task"),
        Step("readRenderOutputs"),
        Step(
            "readRenderOutput",
            404,
            title="Read a file, which is not here: nobody has rendered it",
            path={"frame": "still"},
        ),
        Step("readRenderAttempts"),
        Step("readRenderEvents", keep={"position": "items.0.position"}),
        Step("whyRender"),
    ),
    "Changing a task": (
        Step("submitRender", 201, body={**TASK, "name": "second"}, keep={"taskId": "taskId"}),
        Step("changeRender"),
        Step("pauseRender"),
        Step("resumeRender"),
        ASKS,
        Step("setRenderStatus", title="The worker reports a failure"),
        Step("retryRender"),
        Step("cancelRender"),
        Step("requeueRender", body={}),
        Step("cancelRender", title="End it again"),
        Step(
            "submitRender",
            202,
            title="Submit a task and do not wait",
            body={**TASK, "name": "third"},
            headers={"Prefer": "respond-async", "Idempotency-Key": "{{taskId}}"},
            keep={"commandId": "commandId"},
        ),
        Step("listRenders", query={"jobId": "postman", "limit": "5"}),
    ),
    "Jobs": (
        Step(
            "submitBatch",
            201,
            body={"tasks": [{"renderer": RENDERER}, {"renderer": RENDERER}]},
            keep={"jobId": "jobId"},
        ),
        Step("readJob"),
        Step("changeJob"),
        Step("pauseJob"),
        Step("resumeJob"),
        Step("cancelJob"),
        Step("requeueJob"),
        Step("retryJob"),
        Step("cancelJob", title="End it again"),
        Step("cancelJob", title="End all that the story has submitted", path={"job_id": "postman"}),
    ),
    "Workers": (
        Step("listWorkers"),
        Step("readWorker"),
        Step("whyWorker"),
        Step("drainWorker"),
        Step("undrainWorker"),
        Step("requestTask", 204, title="The worker asks, and there is nothing for it"),
        Step("setWorkerStatus", title="The worker leaves", body={"status": "offline"}),
    ),
    "An agent": (
        Step(
            "setWorkerStatus",
            title="An agent joins",
            path={"worker_id": "{{agentId}}"},
            body={
                "status": "ready",
                "instance": INSTANCE,
                "capabilities": {"renderers": {"postman-agent": "1"}},
            },
        ),
        Step(
            "heartbeat",
            path={"worker_id": "{{agentId}}"},
            body={
                "kind": "Heartbeat",
                "version": 1,
                "worker_id": "{{agentId}}",
                "instance": INSTANCE,
                "sequence": 1,
            },
        ),
        Step(
            "readMessages",
            path={"worker_id": "{{agentId}}"},
            query={"instance": INSTANCE, "after": "0"},
        ),
        Step(
            "report",
            title="It reports on an attempt that is not its own, and is told so in the outcome",
            path={"worker_id": "{{agentId}}"},
            body={
                "instance": INSTANCE,
                "reports": [
                    {
                        "kind": "FailAttempt",
                        "version": 1,
                        "command_id": INSTANCE,
                        "task_id": INSTANCE,
                        "attempt": 1,
                        "worker_id": "{{agentId}}",
                        "instance": INSTANCE,
                        "reason": "no memory",
                    }
                ],
            },
        ),
        Step(
            "setWorkerStatus",
            title="It leaves",
            path={"worker_id": "{{agentId}}"},
            body={"status": "offline", "instance": INSTANCE},
        ),
    ),
    "The farm": (
        Step("readCommand", title="Read what became of the task that nobody waited for"),
        Step("health"),
        Step("readiness"),
        Step("readMetrics"),
        Step("readEvents", query={"after": "0", "limit": "5"}),
        Step("readProblem", path={"code": "not-found"}),
        Step("readPastState", query={"at": "{{position}}", "limit": "5"}),
    ),
    "Keys": (
        Step(
            "createKey",
            201,
            title="Make an admin key: a farm without keys asks for one from here on",
            body={"name": "postman-admin", "role": "admin"},
            keep={"adminKey": "key", "adminKeyId": "keyId"},
        ),
        Step("readCaller", key="adminKey"),
        Step("enrolWorker", 201, key="adminKey", keep={"token": "token"}),
        Step("redeemEnrolment", 201, body={"token": "{{token}}"}, keep={"keyId": "keyId"}),
        Step("listKeys", key="adminKey"),
        Step("revokeKey", title="Revoke the worker's key", key="adminKey"),
        Step(
            "revokeKey",
            title="Revoke the admin key: the farm is as it was",
            path={"key_id": "{{adminKeyId}}"},
            key="adminKey",
        ),
    ),
}
