"""Who may come in by a contact centre's own address, and how often: strangers by where they are from, others by their door."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from aiohttp import web

from connector.clock import Clock
from connector.web.hooks import Door, admitted
from connector.web.throttle import Throttle, ThrottleEach


class Gate:
    """Admits requests by the doors' credentials, each door no more often than it is given."""

    def __init__(
        self, doors: Mapping[str, Door], look_again: Callable[[], Awaitable[None]], clock: Clock, *, burst: int,
        per_minute: float,
    ) -> None:  # fmt: skip
        """A door opens `burst` times at once and then `per_minute`."""
        self._doors, self._look_again = doors, look_again
        self._strangers = Throttle(clock)
        self._of_doors = ThrottleEach(clock, burst=burst, per_minute=per_minute)

    async def admit(self, request: web.Request) -> Door:
        """The door that was knocked at; HTTPNotFound, HTTPUnauthorized or HTTPTooManyRequests else."""
        try:
            door = await admitted(request, self._doors, self._look_again)
        except web.HTTPException:
            if seconds := self._strangers.wait(request.remote):
                raise web.HTTPTooManyRequests(headers={"Retry-After": str(seconds)}) from None
            raise
        self._of_doors.count(request.match_info["path"])
        return door
