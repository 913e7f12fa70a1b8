"""What came of what somebody pressed, kept for a while and said by the page that he is sent to: loaded again, it does nothing again."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import timedelta

from aiohttp import web

from connector.clock import Clock
from connector.web.recent import Recent

_LIFE = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Said:
    """A state with its word, what happened, and what it means or what to do next.

    `reason` is a sentence of ours, `detail` another system's own words, in whichever language.
    """

    state: str
    word: str
    title: str
    text: str = ""
    reason: str = ""
    detail: str = ""
    link: str | None = None


class Notes:
    """Notes of this process, each for the page it was left for."""

    def __init__(self, clock: Clock) -> None:
        """Keep none yet."""
        self._kept: Recent[str, tuple[str, Said]] = Recent(clock, _LIFE)

    def leave(self, where: str, said: Said) -> web.Response:
        """Lead to the page at `where`, which says so."""
        note = secrets.token_urlsafe(9)
        self._kept.keep(note, (where.partition("?")[0], said))
        mark = "&" if "?" in where else "?"
        return web.Response(status=303, headers={"Location": f"{where}{mark}said={note}"})

    def found(self, request: web.Request) -> Said | None:
        """What the page that is asked for shall say, if somebody was led to it."""
        note = self._kept.get(request.query.get("said", ""))
        return note[1] if note is not None and note[0] == request.path else None
