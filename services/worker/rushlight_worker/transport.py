"""How the agent speaks to the farm: the port, and its HTTP adapter.

Every call tries once; whoever calls decides when to try again. What the farm answers is told by
errors: ``Unavailable`` (nobody answered, or not now), ``StaleReport`` (the farm does not know this
instance any more), ``WorkerIdTaken`` (at the join), ``InvalidRequest`` (the agent is wrong),
``Unauthenticated`` or ``Forbidden`` (its key does not let it in).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from types import TracebackType
from typing import Any, Protocol
from uuid import UUID

import httpx

from rushlight.client.address import address_of, reaching
from rushlight.client.credentials import authorization
from rushlight.client.problems import code_and_detail, retry_after_s
from rushlight.errors import (
    Forbidden,
    InvalidRequest,
    RushlightError,
    SettingsInvalid,
    StaleReport,
    TokenSpent,
    Unauthenticated,
    Unavailable,
    WorkerIdTaken,
)
from rushlight.messages.base import Kinds, Message
from rushlight.messages.commands import Report
from rushlight.messages.outcomes import OUTCOME_KINDS, Outcome
from rushlight.messages.resources import CapabilitiesBody, WorkerStatusBody
from rushlight.messages.work import WORKER_KINDS, Heartbeat, HeartbeatAnswer

CALL_S = 15.0
# A held answer comes some time after its wait is over.
POLL_MARGIN_S = 10.0
_ANSWERS = Kinds(HeartbeatAnswer)
_GONE = {"stale", "not-found"}
# What a worker is answered whose key does not count, or is another's.
SHUT_OUT = (Unauthenticated, Forbidden)
_BY_STATUS: dict[int, type[RushlightError]] = {401: Unauthenticated, 403: Forbidden}


@dataclass(frozen=True)
class Join:
    """What an instance says of itself."""

    instance: str
    capabilities: CapabilitiesBody
    host: str
    holds_lock: bool
    provisioned: bool


@dataclass(frozen=True)
class Messages:
    """What a poll brought; messages of unknown kinds are named in ``unknown`` and passed over."""

    messages: tuple[Message, ...]
    unknown: tuple[str, ...]
    next: int


class Transport(Protocol):
    """The port. Calls raise ``Unavailable``, ``StaleReport``, ``InvalidRequest``, ``SHUT_OUT``."""

    async def join(self, join: Join) -> None:
        """Tell the farm that this instance is ready.

        Raises:
            WorkerIdTaken: another instance may still live; ``facts["retry_after_s"]``.
        """
        ...

    async def heartbeat(self, heartbeat: Heartbeat, *, timeout_s: float) -> HeartbeatAnswer:
        """Ask for the lease."""
        ...

    async def messages(self, instance: str, *, after: int, wait_s: float) -> Messages:
        """Wait for messages; ``after`` acknowledges all up to there."""
        ...

    async def report(self, instance: str, reports: Sequence[Report]) -> list[Outcome]:
        """Report, and hear what became of each."""
        ...

    async def upload_log(self, task_id: UUID, attempt: int, offset: int, piece: bytes) -> int:
        """Send a piece of an attempt's log; the size that the farm has now."""
        ...

    async def drain(self) -> None:
        """Ask for no new work."""
        ...

    async def leave(self, instance: str, reason: str) -> None:
        """Say that this instance ends and has nothing running."""
        ...

    async def close(self) -> None:
        """Close every connection."""
        ...


class HttpTransport:
    """Speaks ``docs/worker-protocol.md`` over HTTP."""

    def __init__(self, url: str, worker_id: str) -> None:
        """For one worker id; nothing is sent yet.

        Raises:
            SettingsInvalid: ``url`` is no address.
        """
        self._worker_id = worker_id
        self._worker = f"/workers/{worker_id}"
        try:
            address = address_of(url)
        except InvalidRequest as error:
            raise SettingsInvalid(f"setting url: {error}") from None
        # A poll, a heartbeat, reports, a log and a drain may be on their way at the same time.
        self._client = httpx.AsyncClient(
            **reaching(address, answer_s=CALL_S),
            limits=httpx.Limits(max_connections=16, keepalive_expiry=60),
            headers={"User-Agent": "rushlight-worker"},
        )

    async def __aenter__(self) -> "HttpTransport":
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def join(self, join: Join) -> None:
        """``PUT /workers/{id}/status`` ready."""
        body = WorkerStatusBody(
            status="ready",
            instance=join.instance,
            capabilities=join.capabilities,
            host=join.host,
            holds_lock=join.holds_lock,
            provisioned=join.provisioned,
        )
        await self._call("PUT", f"{self._worker}/status", json=_json(body))

    async def heartbeat(self, heartbeat: Heartbeat, *, timeout_s: float) -> HeartbeatAnswer:
        """``POST /workers/{id}/heartbeat``."""
        answer = await self._call(
            "POST", f"{self._worker}/heartbeat", json=heartbeat.to_wire(), timeout=timeout_s
        )
        found = _ANSWERS.read(answer)
        assert isinstance(found, HeartbeatAnswer)  # noqa: S101
        return found

    async def messages(self, instance: str, *, after: int, wait_s: float) -> Messages:
        """``GET /workers/{id}/messages``."""
        answer = await self._call(
            "GET",
            f"{self._worker}/messages",
            params={"instance": instance, "after": after, "wait": wait_s},
            timeout=wait_s + POLL_MARGIN_S,
        )
        known, unknown = [], []
        for one in answer["items"]:
            try:
                known.append(WORKER_KINDS.read(one["message"]))
            except InvalidRequest as error:
                unknown.append(str(error))
        return Messages(tuple(known), tuple(unknown), int(answer["next"]))

    async def report(self, instance: str, reports: Sequence[Report]) -> list[Outcome]:
        """``POST /workers/{id}/reports``."""
        answer = await self._call(
            "POST",
            f"{self._worker}/reports",
            json={"instance": instance, "reports": [one.to_wire() for one in reports]},
        )
        found = [OUTCOME_KINDS.read(one) for one in answer["outcomes"]]
        return [one for one in found if isinstance(one, Outcome)]

    async def upload_log(self, task_id: UUID, attempt: int, offset: int, piece: bytes) -> int:
        """``POST /renders/{task}/attempts/{n}/log``."""
        answer = await self._call(
            "POST",
            f"/renders/{task_id}/attempts/{attempt}/log",
            params={"offset": offset},
            content=piece,
            headers={"Content-Type": "text/plain; charset=utf-8"},
        )
        return int(answer["size"])

    async def drain(self) -> None:
        """``POST /workers/{id}/drain``."""
        await self._call("POST", f"{self._worker}/drain")

    async def leave(self, instance: str, reason: str) -> None:
        """``PUT /workers/{id}/status`` offline."""
        body = WorkerStatusBody(status="offline", instance=instance, reason=reason)
        await self._call("PUT", f"{self._worker}/status", json=_json(body))

    def use_key(self, key: str) -> None:
        """Speak with this key from now on.

        Raises:
            InvalidRequest: it is none.
        """
        self._client.headers.update(authorization(key))

    async def is_shut_out(self) -> bool:
        """Whether the farm does not know the key (any more): ``GET /whoami``."""
        try:
            await self._call("GET", "/whoami")
        except Unauthenticated:
            return True
        return False

    async def redeem(self, token: str) -> str:
        """``POST /workers/{id}/key``: the key of this worker, for a token that counts once.

        Raises:
            TokenSpent: it counts no more, or is another worker's.
        """
        answer = await self._call("POST", f"{self._worker}/key", json={"token": token})
        return str(answer["key"])

    async def close(self) -> None:
        """Close every connection."""
        await self._client.aclose()

    async def _call(self, method: str, path: str, **more: Any) -> Any:
        try:
            answer = await self._client.request(method, path, **more)
        except httpx.HTTPError as error:
            said = str(error) or type(error).__name__
            raise Unavailable(
                f"the farm at {self._client.base_url} does not answer: {said}"
            ) from error
        if answer.status_code in (HTTPStatus.OK, HTTPStatus.CREATED, HTTPStatus.NO_CONTENT):
            return _body(answer)
        raise _error(answer)


def _json(body: WorkerStatusBody) -> dict[str, Any]:
    return body.model_dump(mode="json", by_alias=True, exclude_none=True)


def _body(answer: httpx.Response) -> Any:
    try:
        return answer.json() if answer.content else None
    except ValueError:
        raise Unavailable(
            f"{answer.request.url} answered something that is not JSON: is it a farm?"
        ) from None


def _error(answer: httpx.Response) -> Exception:
    """What an answer other than success means."""
    status = answer.status_code
    code, detail = code_and_detail(answer)
    text = f"{answer.request.method} {answer.request.url.path}: {status} {detail}"
    # 202: the outcome is not known yet; 408 and 429: not now.
    later = {HTTPStatus.ACCEPTED, HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS}
    if status in later or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Unavailable(text, retry_after_s=retry_after_s(answer))
    if code == WorkerIdTaken.code:
        return WorkerIdTaken(text, retry_after_s=retry_after_s(answer))
    if code in _GONE:
        return StaleReport(text)
    if code == TokenSpent.code:
        return TokenSpent(detail)
    return _BY_STATUS.get(status, InvalidRequest)(text)
