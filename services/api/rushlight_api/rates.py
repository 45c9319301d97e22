"""How fast one principal may send requests: a bucket of tokens each, in this process's memory.

A bucket fills at ``rate_per_s`` up to ``burst``; each request takes one token. Several API
processes each have their own.
"""

from dataclasses import dataclass

# More principals than that at once are no farm; those with full buckets are forgotten first.
BUCKETS_MAX = 10_000


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at_s: float


class Rates:
    """The buckets of all principals."""

    def __init__(self, rate_per_s: float, burst: int) -> None:
        """All full."""
        self._rate_per_s = rate_per_s
        self._burst = float(burst)
        self._buckets: dict[str, _Bucket] = {}

    def take(self, principal: str, now_s: float) -> float:
        """Take a token: 0 if there was one, else the seconds until there is.

        ``now_s`` is of a clock that never goes back.
        """
        bucket = self._buckets.get(principal)
        if bucket is None:
            bucket = self._new(principal, now_s)
        gained = max(0.0, now_s - bucket.at_s) * self._rate_per_s
        bucket.tokens = min(self._burst, bucket.tokens + gained)
        bucket.at_s = now_s
        if bucket.tokens < 1:
            return (1 - bucket.tokens) / self._rate_per_s
        bucket.tokens -= 1
        return 0.0

    def _new(self, principal: str, now_s: float) -> _Bucket:
        if len(self._buckets) >= BUCKETS_MAX:
            fills_s = self._burst / self._rate_per_s
            self._buckets = {
                name: bucket
                for name, bucket in self._buckets.items()
                if now_s - bucket.at_s < fills_s
            }
        bucket = self._buckets[principal] = _Bucket(self._burst, now_s)
        return bucket
