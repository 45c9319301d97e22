"""One farm over HTTP: requests, their repetition, and answers that take longer.

Reads may be repeated by nature. A change is repeated with the same ``Idempotency-Key``, so it takes
effect once however often it is sent. Not promised: that a change which ended in ``Unavailable`` or
``NoAnswer`` did not take effect.
"""

import time
from collections.abc import Iterator, Mapping
from typing import Any
from uuid import UUID, uuid4

import httpx

from rushlight.client.address import CONNECT_S, address_of, reaching
from rushlight.client.certificates import TRUST, UNTRUSTED
from rushlight.client.credentials import authorization
from rushlight.client.problems import error_in, refusal, retry_after_s
from rushlight.errors import NoAnswer, RushlightError, Unavailable

RETRY_WAITS_S = (0.2, 0.5, 1.0, 2.0)
RETRY_AFTER_MAX_S = 10.0
OUTCOME_POLL_S = 0.5
OUTCOME_POLLS = 120
ACCEPTED, NOT_FOUND = 202, 404
# Nothing was done, and later it may be: the answer says when to ask again.
NOT_NOW = frozenset({429, 503})


class Connection:
    """Requests to the farm at ``url``; ``timeout_s`` is for one answer.

    ``key`` goes with every request, to this address only: redirects are not followed.
    """

    def __init__(self, url: str, *, timeout_s: float = 15, key: str | None = None) -> None:
        """Connect lazily.

        Raises:
            InvalidRequest: ``url`` is no address, or ``key`` no key.
        """
        self.url = url.rstrip("/")
        self._reached = False
        self._timeout_s = timeout_s
        address = address_of(url)
        self._http = httpx.Client(
            headers=authorization(key), **reaching(address, answer_s=timeout_s)
        )

    def close(self) -> None:
        """End the connection."""
        self._http.close()

    def get(self, path: str, **query: Any) -> Any:
        """The JSON at ``path``; query values that are None are left out."""
        return self._json(self.get_raw(path, **query))

    def get_raw(self, path: str, *, held_s: float = 0, **query: Any) -> httpx.Response:
        """The whole answer at ``path``, whatever its type; the farm may hold it for ``held_s``."""
        query = {name: value for name, value in query.items() if value is not None}
        timeout = httpx.Timeout(self._timeout_s + held_s, connect=CONNECT_S)
        return self._good(self._send("GET", path, params=query, timeout=timeout))

    def open_stream(
        self,
        path: str,
        query: Mapping[str, Any],
        *,
        headers: Mapping[str, str],
        silence_max_s: float,
    ) -> httpx.Response:
        """The answer at ``path`` without its content yet; asked for once, to be closed.

        ``silence_max_s`` bounds the time between two pieces of the content.

        Raises:
            RushlightError: the class that the farm's answer, or its silence, stands for.
        """
        timeout = httpx.Timeout(self._timeout_s, connect=CONNECT_S, read=silence_max_s)
        request = self._http.build_request(
            "GET", path, params=dict(query), headers=dict(headers), timeout=timeout
        )
        try:
            answer = self._http.send(request, stream=True)
            if not answer.is_success:
                answer.read()
        except httpx.TransportError as fault:
            raise self.unreachable(fault) from None
        return self._good(answer)

    def pieces(self, path: str) -> Iterator[bytes]:
        """The content at ``path`` as it comes; asked for once.

        Raises:
            RushlightError: as for ``open_stream``; ``Unavailable`` where it breaks off.
        """
        answer = self.open_stream(path, {}, headers={}, silence_max_s=self._timeout_s)
        try:
            yield from answer.iter_bytes()
        except httpx.TransportError as fault:
            raise self.unreachable(fault) from None
        finally:
            answer.close()

    def change(self, method: str, path: str, body: Any = None, *, key: UUID | None = None) -> Any:
        """Do something, once, and give the JSON that the farm answered with its outcome.

        Raises:
            NoAnswer: the farm took it, and there is no outcome after a minute.
            RushlightError: the class that the farm's answer stands for.
        """
        headers = {"Idempotency-Key": str(key or uuid4())}
        answer = self._good(self._send(method, path, json=body, headers=headers))
        if answer.status_code != ACCEPTED:
            return self._json(answer)
        self._wait_for_outcome(self._json(answer)["commandId"])
        # The same key again: it has no second effect, and the answer has its usual form.
        answer = self._good(self._send(method, path, json=body, headers=headers))
        if answer.status_code == ACCEPTED:
            raise NoAnswer("the farm has decided, but does not say what; look with `rushlight ls`")
        return self._json(answer)

    def _wait_for_outcome(self, command_id: str) -> None:
        for _ in range(OUTCOME_POLLS):
            answer = self._send("GET", f"/commands/{command_id}")
            if answer.status_code != NOT_FOUND:
                command = self._json(self._good(answer))
                if command["status"] == "refused":
                    raise refusal(command)
                return
            time.sleep(OUTCOME_POLL_S)
        raise NoAnswer(
            f"the farm has taken command {command_id}, but not decided within"
            f" {OUTCOME_POLLS * OUTCOME_POLL_S:.0f} s; it may still take effect"
        )

    def _send(self, method: str, path: str, **rest: Any) -> httpx.Response:
        for usual_wait_s in (*RETRY_WAITS_S, None):
            wait_s = usual_wait_s
            try:
                answer = self._http.request(method, path, **rest)
            except httpx.TransportError as fault:
                error = self.unreachable(fault)
                if not self._reached and isinstance(fault, httpx.ConnectError):
                    raise error from None
            else:
                self._reached = True
                if answer.status_code not in NOT_NOW:
                    return answer
                error = error_in(answer)
                wait_s = usual_wait_s and _asked_wait_s(answer, usual_wait_s)
            if wait_s is None:
                raise error
            time.sleep(wait_s)
        raise AssertionError("the last turn returns or raises")

    def unreachable(self, fault: httpx.TransportError) -> RushlightError:
        """The error that a failure of the connection is."""
        if isinstance(fault, httpx.ConnectError | httpx.ConnectTimeout):
            reason = str(fault).split("] ", 1)[-1]
            if UNTRUSTED in reason:
                # A farm does answer; starting another one is no advice.
                return Unavailable(f"{self.url} is not to be trusted: {reason}. {TRUST}")
            return Unavailable(f"no farm answers at {self.url}: {reason}", url=self.url)
        if isinstance(fault, httpx.TimeoutException):
            return NoAnswer(f"the farm at {self.url} did not answer in time", url=self.url)
        return Unavailable(f"the connection to {self.url} broke: {fault}", url=self.url)

    @staticmethod
    def _good(answer: httpx.Response) -> httpx.Response:
        if not answer.is_success:
            raise error_in(answer)
        return answer

    def _json(self, answer: httpx.Response) -> Any:
        try:
            return answer.json()
        except (ValueError, RecursionError):
            raise RushlightError(
                f"what answers at {self.url} is no Rushlight farm (its answer is not JSON)"
            ) from None


def _asked_wait_s(answer: httpx.Response, otherwise_s: float) -> float:
    asked_s = retry_after_s(answer)
    return otherwise_s if asked_s is None else min(asked_s, RETRY_AFTER_MAX_S)
