"""Slows whoever guesses tokens: so many wrong ones from one address, and for a while none is looked at. No I/O."""

from collections import OrderedDict, deque
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Final

WINDOW_SECONDS: Final = 300.0
FAILURES_MAX: Final = 10  # of one address within the window
ADDRESSES_KEPT: Final = 10_000
_IPV6_PREFIX: Final = 64  # one customer of a provider has all addresses of such a network


class LoginLimiter:
    """Remembers wrong tokens for five minutes; of very many addresses those that failed last."""

    def __init__(self) -> None:
        self._failures: OrderedDict[str, deque[float]] = OrderedDict()

    def failed(self, address: str, now_seconds: float) -> None:
        """A wrong token came.

        Args:
            address: from where.
            now_seconds: of a monotonic clock.
        """
        key = _network(address)
        failures = self._failures.setdefault(key, deque(maxlen=FAILURES_MAX))
        self._failures.move_to_end(key)
        failures.append(now_seconds)
        if len(self._failures) > ADDRESSES_KEPT:
            self._failures.popitem(last=False)

    def wait_seconds(self, address: str, now_seconds: float) -> float:
        """How long an address must wait until its tokens are looked at again; 0: not at all."""
        failures = self._failures.get(_network(address), deque())
        if len(failures) < FAILURES_MAX:
            return 0.0
        return max(failures[0] + WINDOW_SECONDS - now_seconds, 0.0)


def _network(address: str) -> str:
    """An IPv4 address, or the /64 of an IPv6 address.

    >>> _network("192.0.2.1"), _network("2001:db8::1:2:3:4")
    ('192.0.2.1', '2001:db8::/64')
    """
    try:
        found = ip_address(address)
    except ValueError:
        return address
    if isinstance(found, IPv6Address):
        return str(ip_network((found, _IPV6_PREFIX), strict=False))
    return str(found)
