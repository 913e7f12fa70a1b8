"""The set-up code: printed where a fresh service is started, asked for before the first company is connected.

Without it the first stranger who finds the address would own a service that is not yet in use.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

from aiohttp import web

from connector.clock import Clock
from connector.errors import Misconfigured
from connector.settings import Settings
from connector.web.throttle import Throttle

COOKIE = "set-up"
#: So long a browser that has shown the code may connect the first company.
LIFE = timedelta(hours=1)
LONGEST_CODE = 40

_LENGTH, _GROUP = 12, 4
#: What is taken for a letter when it is read aloud or copied by hand.
_MISREAD = str.maketrans("018", "OIB", "- ")


def set_up_code(settings: Settings) -> str:
    """Twelve characters in groups of four, such as ABCD-EFGH-2345; the same at each start, as long as the last key is."""
    letters = base64.b32encode(_derived(settings, "set-up code")).decode()[:_LENGTH]
    return "-".join(letters[at : at + _GROUP] for at in range(0, _LENGTH, _GROUP))


class SetUpCode:
    """Asks for the code while no company has ever been connected; `is_fresh` tells whether that is so."""

    def __init__(self, settings: Settings, clock: Clock, is_fresh: Callable[[], Awaitable[bool]]) -> None:
        """Slow strangers down who guess."""
        self.is_fresh = is_fresh
        self._settings, self._clock = settings, clock
        self._guesses = Throttle(clock, burst=10, per_minute=5, all_burst=60)

    async def is_wanted(self, request: web.Request) -> bool:
        """Whether this browser has yet to show the code."""
        return await self.is_fresh() and not self._has_shown(request)

    def fits(self, request: web.Request, shown: object) -> bool:
        """Whether that is the code; HTTPTooManyRequests when there were too many guesses."""
        if seconds := self._guesses.wait(request.remote):
            raise web.HTTPTooManyRequests(headers={"Retry-After": str(seconds)})
        text = shown[:LONGEST_CODE].upper().translate(_MISREAD) if isinstance(shown, str) else ""
        code = set_up_code(self._settings).replace("-", "")
        return hmac.compare_digest(text.encode("utf-8", "replace"), code.encode())

    def remember(self, answer: web.Response) -> None:
        """Have the browser keep that it has shown the code."""
        until = str(int((self._clock.now() + LIFE).timestamp()))
        answer.set_cookie(
            COOKIE, f"{until}.{self._seal(until)}", max_age=int(LIFE.total_seconds()), httponly=True,
            secure=self._settings.public.scheme == "https", samesite="Lax",
        )  # fmt: skip

    def _has_shown(self, request: web.Request) -> bool:
        until, _, seal = request.cookies.get(COOKIE, "").partition(".")
        if not hmac.compare_digest(seal.encode("utf-8", "replace"), self._seal(until).encode()):
            return False
        return self._clock.now() < datetime.fromtimestamp(int(until), UTC)

    def _seal(self, until: str) -> str:
        return hmac.new(_derived(self._settings, "set-up cookie"), until.encode("utf-8", "replace"), "sha256").hexdigest()  # fmt: skip


def _derived(settings: Settings, purpose: str) -> bytes:
    if not settings.secret_keys:
        raise Misconfigured("CONNECTOR_SECRET_KEYS is empty: write a key into it.")
    # The last one, for that is the key that stays.
    return hmac.digest(settings.secret_keys[-1].get_secret_value().encode(), purpose.encode(), "sha256")
