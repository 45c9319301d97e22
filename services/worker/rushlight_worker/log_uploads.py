"""Sends the logs of attempts to the farm while they grow; a lost log never fails an attempt."""

from collections import OrderedDict

import structlog

from rushlight.clock import Clock
from rushlight.errors import InvalidRequest, StaleReport, Unavailable
from rushlight_worker.attempt_log import AttemptLog
from rushlight_worker.reports import Key
from rushlight_worker.transport import SHUT_OUT, Transport

PIECE_MAX = 256 * 1024
PERIOD_S = 1.0
# Logs of ended attempts that wait while the farm is away; older ones are given up.
LOGS_MAX = 16
STUCK_MAX = 3
_log = structlog.get_logger("rushlight.worker")


class _Upload:
    def __init__(self, log: AttemptLog) -> None:
        self.log = log
        self.sent = 0
        self.stuck = 0

    @property
    def complete(self) -> bool:
        return self.log.closed and self.sent >= self.log.size


class LogUploads:
    """All logs that are not yet sent to their end."""

    def __init__(self, transport: Transport, clock: Clock) -> None:
        """Begin with none."""
        self._transport = transport
        self._clock = clock
        self._uploads: OrderedDict[Key, _Upload] = OrderedDict()

    def add(self, key: Key, log: AttemptLog) -> None:
        """Follow the log of an attempt that begins."""
        self._uploads[key] = _Upload(log)
        while len(self._uploads) > LOGS_MAX:
            self._uploads.popitem(last=False)

    @property
    def empty(self) -> bool:
        """Whether everything has been sent."""
        return not self._uploads

    async def run(self) -> None:
        """Send what is new, again and again."""
        while True:
            for key in list(self._uploads):
                await self._send(key, self._uploads[key])
            await self._clock.sleep(PERIOD_S)

    async def _send(self, key: Key, upload: _Upload) -> None:
        try:
            while upload.sent < upload.log.size and upload.stuck < STUCK_MAX:
                piece = upload.log.piece(upload.sent, PIECE_MAX)
                size = await self._transport.upload_log(*key, upload.sent, piece)
                upload.stuck = 0 if size > upload.sent else upload.stuck + 1
                upload.sent = min(size, upload.log.size)
        except (Unavailable, *SHUT_OUT):
            return
        except (InvalidRequest, StaleReport) as error:
            _log.warning("log_refused", task_id=str(key[0]), attempt=key[1], error=str(error))
            upload.stuck = STUCK_MAX
        if upload.complete or upload.stuck >= STUCK_MAX:
            self._uploads.pop(key, None)
