"""A push agent that says over HTTP exactly what a test tells it to."""

from typing import Any
from uuid import uuid4

import httpx

from rushlight.testing import ManualFarm

RENDERERS = {"mitsuba": "3.9.1"}


class ScriptedAgent:
    """One instance of a worker."""

    def __init__(self, farm: ManualFarm, worker_id: str = "node-1") -> None:
        """Not joined yet."""
        self.farm = farm
        self.worker_id = worker_id
        self.instance = uuid4().hex
        self.sequence = 0
        self.after = 0

    async def join(self, **body: Any) -> httpx.Response:
        """Join with one renderer."""
        return await self.farm.http.put(
            f"/workers/{self.worker_id}/status",
            json={
                "status": "ready",
                "instance": self.instance,
                "capabilities": {"renderers": RENDERERS},
                **body,
            },
        )

    async def messages(self) -> list[dict[str, Any]]:
        """What the farm has said since the last call."""
        response = await self.farm.http.get(
            f"/workers/{self.worker_id}/messages",
            params={"instance": self.instance, "after": self.after, "wait": 0.3},
        )
        assert response.status_code == 200, response.text
        self.after = response.json()["next"]
        return [item["message"] for item in response.json()["items"]]

    async def beat(self, *running: dict[str, Any], finished: tuple[Any, ...] = ()) -> str:
        """A heartbeat with these attempts; returns ok or stale."""
        self.sequence += 1
        response = await self.farm.http.post(
            f"/workers/{self.worker_id}/heartbeat",
            json={
                "kind": "Heartbeat",
                "version": 1,
                "worker_id": self.worker_id,
                "instance": self.instance,
                "sequence": self.sequence,
                "running": [attempt(one) for one in running],
                "finished": [attempt(one) for one in finished],
            },
        )
        assert response.status_code == 200, response.text
        return str(response.json()["status"])

    async def report(self, kind: str, assign: dict[str, Any], **fields: Any) -> dict[str, Any]:
        """One report of an assignment; returns its outcome."""
        report = {
            "kind": kind,
            "version": 1,
            "command_id": str(uuid4()),
            "worker_id": self.worker_id,
            "instance": self.instance,
            **attempt(assign),
            **fields,
        }
        return (await self.send(report))[0]

    async def send(self, *reports: dict[str, Any]) -> list[dict[str, Any]]:
        """Reports as they are; returns their outcomes."""
        response = await self.farm.http.post(
            f"/workers/{self.worker_id}/reports",
            json={"instance": self.instance, "reports": list(reports)},
        )
        assert response.status_code == 200, response.text
        return list(response.json()["outcomes"])


def attempt(message: dict[str, Any]) -> dict[str, Any]:
    """The attempt that a message speaks of."""
    return {"task_id": message["task_id"], "attempt": message["attempt"]}


def outputs(*frames: int | None) -> list[dict[str, Any]]:
    """Finished frames, as reports name them."""
    return [
        {
            "frame": frame,
            "path": f"out:shot/frame.{frame}.png",
            "bytes": 100,
            "sha256": "0" * 64,
            "render_s": 1.5,
        }
        for frame in frames
    ]
