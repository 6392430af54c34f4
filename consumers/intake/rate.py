"""How many events a sender may send: a bucket that fills by the second, for each write key and each vendor."""

import math


class RateLimit:
    """One bucket a sender.

    Args:
        per_second: how many events a sender may send in the mean; 0: as many as come.
        burst_seconds: for how many seconds' worth a sender may save up.
    """

    def __init__(self, per_second: int, burst_seconds: int = 10) -> None:
        self._per_second = per_second
        self._full = float(per_second * burst_seconds)
        self._buckets: dict[str, tuple[float, float]] = {}

    def wait_seconds(self, sender: str, events: int, now_seconds: float) -> int:
        """Take so many events out of a sender's bucket.

        Args:
            sender: one of a closed set: the name of a write key or of a vendor.
            events: how many; more than a full bucket holds are taken once the bucket is full.
            now_seconds: a monotonic clock.

        Returns:
            0 when they may come, else after how many seconds to try again; then nothing was taken.
        """
        if self._per_second == 0:
            return 0
        left, at = self._buckets.get(sender, (self._full, now_seconds))
        left = min(self._full, left + (now_seconds - at) * self._per_second)
        wanted = min(float(events), self._full)
        taken = left >= wanted
        self._buckets[sender] = (left - wanted if taken else left, now_seconds)
        return 0 if taken else max(1, math.ceil((wanted - left) / self._per_second))
