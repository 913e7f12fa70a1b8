"""Pages that show how far something is while it goes on: server-sent events, each the part of the page that changes.

https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta

from aiohttp import web

from connector.clock import Clock
from connector.web.console.desk import Visit
from connector.web.middleware import headers_of

_EVERY_S = 0.5
#: After that the browser asks again, and shows anew who it is.
_LONGEST = timedelta(minutes=5)
#: One browser's session watches no more at once; a browser opens about six.
MOST_WATCHED = 12

#: Renders the part that changes, and says whether it goes on.
Render = Callable[[], Awaitable[tuple[str, bool]]]


class Live:
    """Streams of one service; they end with it."""

    def __init__(self, clock: Clock) -> None:
        """Look as often as this clock says."""
        self._clock, self._closing = clock, False
        self._watched = Counter[str]()

    async def close(self, _app: web.Application) -> None:
        """Let every stream end."""
        self._closing = True

    async def stream(self, visit: Visit, render: Render) -> web.StreamResponse:
        """Send the part whenever it has changed, until it changes no more; HTTPTooManyRequests when too many are watched."""
        session = visit.guard.session_of(visit.request)
        if self._watched[session] >= MOST_WATCHED:
            raise web.HTTPTooManyRequests(headers={"Retry-After": "60"})
        self._watched[session] += 1
        try:
            return await self._stream(visit, render)
        finally:
            self._watched[session] -= 1
            if not self._watched[session]:
                del self._watched[session]

    async def _stream(self, visit: Visit, render: Render) -> web.StreamResponse:
        answer = web.StreamResponse(
            headers=headers_of(visit.request)
            | {"Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        )
        until, last = self._clock.now() + _LONGEST, ""
        await answer.prepare(visit.request)
        with suppress(ConnectionResetError):  # the browser has gone elsewhere
            while not self._closing and self._clock.now() < until and visit.request.transport is not None:
                part, goes_on = await render()
                if part != last:
                    await answer.write(_event("message", part))
                    last = part
                if not goes_on:
                    await answer.write(_event("end", ""))
                    break
                await self._clock.sleep(_EVERY_S)
        return answer


def _event(name: str, text: str) -> bytes:
    lines = "".join(f"data: {line}\n" for line in text.splitlines() or [""])
    return f"event: {name}\n{lines}\n".encode()
