"""The provisioner of farms whose workers come by themselves."""

from rushlight_reaper.provisioners.port import Offer


class NoProvisioner:
    """Starts nothing."""

    name = "none"

    def offers(self) -> Offer:
        """Nothing."""
        return Offer()

    async def start(self, worker_id: str) -> None:
        """Leave the request to run out."""

    async def close(self) -> None:
        """Nothing was started."""
