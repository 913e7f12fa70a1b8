"""The simulated time of a sandbox: real time plus an offset that tests move."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

from aiohttp import hdrs, web


class Clock:
    """Real time plus `offset`, which may be set at any moment."""

    def __init__(self, offset: timedelta = timedelta()) -> None:
        """Begin `offset` ahead of real time."""
        self.offset = offset
        self._stamped = 0
        self._stamp = ""

    def now(self) -> datetime:
        """The simulated time, aware UTC."""
        return datetime.now(UTC) + self.offset

    def http_date(self) -> str:
        """The simulated time as a Date header tells it, whole seconds."""
        now = self.now()
        second = int(now.timestamp())
        if second != self._stamped:
            self._stamped, self._stamp = second, format_datetime(now, usegmt=True)
        return self._stamp

    async def date_answers(self, _request: web.BaseRequest, response: web.StreamResponse) -> None:
        """Give every answer the simulated Date; for `app.on_response_prepare`."""
        response.headers[hdrs.DATE] = self.http_date()
