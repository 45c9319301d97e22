"""Whether the worker is to go: asked once it goes in order, asked again it hurries."""

import asyncio


class Leaving:
    """Set by signals, or by the worker itself when it has been idle for long."""

    def __init__(self) -> None:
        """Stay, for now."""
        self.asked = asyncio.Event()
        self.hurry = asyncio.Event()
        self.reason = "stopped"

    def ask(self, reason: str) -> None:
        """Go in order; asking again changes nothing."""
        if not self.asked.is_set():
            self.reason = reason
            self.asked.set()

    async def asked_within(self, seconds: float) -> None:
        """Wait so long, or until it is time to go."""
        try:
            await asyncio.wait_for(self.asked.wait(), seconds)
        except TimeoutError:
            return

    def signalled(self) -> None:
        """SIGTERM or Ctrl-C: go; the second time, hurry."""
        if self.asked.is_set():
            self.hurry.set()
        self.ask("stopped")
