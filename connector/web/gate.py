"""Who may come in by a contact centre's own address, and how often: strangers by where they are from, others by their door."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial

from aiohttp import web

from connector.clock import Clock
from connector.web.hooks import Door, admitted
from connector.web.throttle import Throttle


class Gate:
    """Admits requests by the doors' credentials, each door no more often than it is given."""

    def __init__(
        self, doors: Mapping[str, Door], look_again: Callable[[], Awaitable[None]], clock: Clock, *, burst: int,
        per_minute: float,
    ) -> None:  # fmt: skip
        """A door opens `burst` times at once and then `per_minute`."""
        self._doors, self._look_again = doors, look_again
        self._strangers = Throttle(clock)
        self._for_door = partial(Throttle, clock, burst=burst, per_minute=per_minute, all_burst=burst)
        self._throttles: dict[str, Throttle] = {}

    async def admit(self, request: web.Request) -> Door:
        """The door that was knocked at; HTTPNotFound, HTTPUnauthorized or HTTPTooManyRequests else."""
        try:
            door = await admitted(request, self._doors, self._look_again)
        except web.HTTPException:
            _count(self._strangers, request.remote)
            raise
        _count(self._throttles.setdefault(request.match_info["path"], self._for_door()), None)
        return door


def _count(throttle: Throttle, address: str | None) -> None:
    if seconds := throttle.wait(address):
        raise web.HTTPTooManyRequests(headers={"Retry-After": str(seconds)})
