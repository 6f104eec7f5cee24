"""How often somebody may try a wrong link: the wrong ones are counted, and right ones are always obeyed."""

import time
from collections import OrderedDict, deque
from collections.abc import Callable
from ipaddress import IPv6Address, ip_address

# Wrong tokens that one address, or one person, may try within a minute.
MOST_GUESSES = 10
_SECONDS = 60.0
# Addresses that are remembered; the one that has tried longest ago is forgotten first.
_MOST_ADDRESSES = 4096


class Guesses:
    """Times of the latest wrong tokens by who tried them, in a bounded amount of memory."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._times: OrderedDict[str, deque[float]] = OrderedDict()

    def add(self, who: str) -> bool:
        """Count one wrong token; returns whether it was one too many."""
        now = self._clock()
        times = self._times.setdefault(who, deque(maxlen=MOST_GUESSES))
        self._times.move_to_end(who)
        if len(self._times) > _MOST_ADDRESSES:
            self._times.popitem(last=False)
        if len(times) == MOST_GUESSES and now - times[0] < _SECONDS:
            return True
        times.append(now)
        return False


def network_of(host: str) -> str:
    """What stands for one person's machines: an IPv4 address, or the 64 bits of IPv6 that a home or a room has."""
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return host[:100]
    if isinstance(address, IPv6Address) and address.ipv4_mapped is None:
        return f"{int(address) >> 64:x}::/64"
    return str(address)
