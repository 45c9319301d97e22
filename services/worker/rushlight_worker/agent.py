"""The agent: joins the farm, is a member as one instance, and joins anew when that has ended.

It keeps trying for as long as the farm is away, and says so; it goes when it is told to.
"""

import secrets

import structlog

from rushlight.errors import StaleReport, Unauthenticated, Unavailable, WorkerIdTaken
from rushlight.messages.resources import CapabilitiesBody
from rushlight_worker.backoff import Backoff
from rushlight_worker.gate import LeaseOver
from rushlight_worker.leaving import Leaving
from rushlight_worker.membership import Membership
from rushlight_worker.node import Node
from rushlight_worker.transport import Join, Transport

RETRY_FIRST_S, RETRY_MOST_S = 0.5, 15.0
TAKEN_WAIT_S = 5.0
_log = structlog.get_logger("rushlight.worker")


class Agent:
    """Run it once."""

    def __init__(
        self,
        *,
        node: Node,
        transport: Transport,
        leaving: Leaving,
        offered: CapabilitiesBody,
    ) -> None:
        """``offered`` is what the node can render."""
        self._node = node
        self._transport = transport
        self._leaving = leaving
        self._offered = offered
        self._backoff = Backoff(RETRY_FIRST_S, RETRY_MOST_S)

    async def run(self) -> bool:
        """Work until it is time to leave; whether the farm knows that it has left.

        Raises:
            InvalidRequest: the farm does not take what this agent says of itself.
            Unauthenticated, Forbidden: its key does not let it in (any more).
        """
        while True:
            # A random id per start: what an older instance says counts no more.
            instance = secrets.token_hex(8)
            if not await self._join(instance):
                return True
            membership = Membership(
                instance, node=self._node, transport=self._transport, leaving=self._leaving
            )
            try:
                await membership.run()
            except (StaleReport, LeaseOver) as error:
                _log.warning("instance_ended", instance=instance, reason=str(error))
                if self._leaving.asked.is_set():
                    return True
                await self._leaving.asked_within(self._backoff.next_s())
                continue
            return membership.told_farm

    async def _join(self, instance: str) -> bool:
        """Try until the farm takes this instance; False if it is time to leave before that."""
        join = Join(
            instance=instance,
            capabilities=self._offered,
            host=self._node.place.host,
            holds_lock=True,
            provisioned=self._node.settings.provisioned,
        )
        backoff = Backoff(RETRY_FIRST_S, RETRY_MOST_S)
        while not self._leaving.asked.is_set():
            try:
                await self._transport.join(join)
            except Unauthenticated as error:
                worker_id = self._node.place.worker_id
                raise Unauthenticated(
                    f"the farm does not let worker {worker_id} in: {error}\n"
                    f"`rushlight worker enroll {worker_id}` on the farm's machine makes a token for"
                    " it; docs/keys.md says how a worker gets its key"
                ) from error
            except WorkerIdTaken as error:
                _log.warning("worker_id_taken", error=str(error))
                await self._leaving.asked_within(error.facts.get("retry_after_s") or TAKEN_WAIT_S)
            except (Unavailable, StaleReport) as error:
                pause_s = backoff.next_s()
                _log.warning("farm_away", error=str(error), next_try_s=round(pause_s, 1))
                await self._leaving.asked_within(pause_s)
            else:
                _log.info("joined", instance=instance, renderers=self._offered.renderers)
                return True
        return False
