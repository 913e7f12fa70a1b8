"""How often strangers may call: a token bucket for each client address and one for all of them together."""

from __future__ import annotations

import ipaddress
import math
from collections import OrderedDict
from dataclasses import dataclass
from functools import partial

from aiohttp import web

from connector.clock import Clock

MOST_ADDRESSES = 4096


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at: float


class Throttle:
    """Counts calls in bounded memory."""

    def __init__(
        self, clock: Clock, *, burst: int = 30, per_minute: float = 30, all_burst: int = 300
    ) -> None:
        """An address may call `burst` times at once and then `per_minute`; all together ten times as often."""
        self._clock, self._burst, self._all_burst = clock, burst, all_burst
        self._per_second = per_minute / 60
        self._all = _Bucket(all_burst, self._now())
        self._by_address: OrderedDict[str, _Bucket] = OrderedDict()

    def wait(self, address: str | None) -> int:
        """Seconds to wait before a call from `address` is welcome; 0 = it may go on and has been counted."""
        key, now = _network(address), self._now()
        one = self._by_address.get(key) or _Bucket(self._burst, now)
        self._by_address[key] = one
        self._by_address.move_to_end(key)
        if len(self._by_address) > MOST_ADDRESSES:
            self._by_address.popitem(last=False)
        _fill(one, now, self._per_second, self._burst)
        _fill(self._all, now, self._per_second * 10, self._all_burst)
        if one.tokens < 1:
            return math.ceil((1 - one.tokens) / self._per_second)
        if self._all.tokens < 1:
            return math.ceil((1 - self._all.tokens) / (self._per_second * 10))
        one.tokens -= 1
        self._all.tokens -= 1
        return 0

    def _now(self) -> float:
        return self._clock.now().timestamp()


class ThrottleEach:
    """The same allowance for each of several that are known, such as doors or installations."""

    def __init__(self, clock: Clock, *, burst: int, per_minute: float) -> None:
        """Each may `burst` times at once and then `per_minute`."""
        self._new = partial(Throttle, clock, burst=burst, per_minute=per_minute, all_burst=burst)
        self._each: dict[str, Throttle] = {}

    def count(self, name: str) -> None:
        """Count one of this name; HTTPTooManyRequests when there were too many."""
        if seconds := self._each.setdefault(name, self._new()).wait(None):
            raise web.HTTPTooManyRequests(headers={"Retry-After": str(seconds)})


def _fill(bucket: _Bucket, now: float, per_second: float, most: int) -> None:
    bucket.tokens = min(most, bucket.tokens + max(0.0, now - bucket.at) * per_second)
    bucket.at = now


def _network(address: str | None) -> str:
    """The address, or the /64 it is in: one household's IPv6 addresses are one caller."""
    try:
        parsed = ipaddress.ip_address(address or "")
    except ValueError:
        return ""
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((parsed, 64), strict=False))
