"""What came of what somebody pressed, kept for a while and said by the page that he is sent to: loaded again, it does nothing again."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from datetime import datetime, timedelta

from aiohttp import web

from connector.clock import Clock
from connector.web.embed.words import Said

_LIFE = timedelta(minutes=10)
_MOST = 1000


class Notes:
    """Notes of this process, each for the page it was left for."""

    def __init__(self, clock: Clock) -> None:
        """Keep none yet."""
        self._clock = clock
        self._kept: OrderedDict[str, tuple[datetime, str, Said]] = OrderedDict()

    def leave(self, where: str, said: Said) -> web.Response:
        """Lead to the page at `where`, which says so."""
        now = self._clock.now()
        while self._kept and (len(self._kept) >= _MOST or now - next(iter(self._kept.values()))[0] >= _LIFE):
            self._kept.popitem(last=False)
        note = secrets.token_urlsafe(9)
        path = where.partition("?")[0]
        self._kept[note] = (now, path, said)
        mark = "&" if "?" in where else "?"
        return web.Response(status=303, headers={"Location": f"{where}{mark}said={note}"})

    def found(self, request: web.Request) -> Said | None:
        """What the page that is asked for shall say, if somebody was led to it."""
        note = self._kept.get(request.query.get("said", ""))
        return note[2] if note is not None and note[1] == request.path else None
