"""Whose browser it is that asks: a session by cookie, forms that only its own pages can send, and strangers slowed down.

A handler of the embedded pages begins so:

    who = await guard.who(request, installation_id)
    if who is None:
        return signed_out(request, installation_id)  # of web/embed/sign_in.py

and shows `guard.form_token(request, "open deal")` in each form, as the field `form`. What receives the form calls `who`
likewise, and goes on only where `guard.check_form(request, "open deal", form.get("form"))` is true.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta

import structlog
from aiohttp import web

from connector.clock import Clock
from connector.errors import ConnectorError
from connector.flows.tenant import FRESH_FOR, Directory, Tenant
from connector.pipedrive.budget import Lane
from connector.settings import Settings
from connector.store.access import SESSION_LIFE, Access, Who
from connector.web.throttle import Throttle

log = structlog.get_logger()

PATH = "/embed"
#: The cookie of our own tabs (over https with a prefix), and the one of frames in pages of others.
SESSION, FRAMED = "session", "framed"

_TOKEN = web.RequestKey("session token", str)
#: Where users could not be read, or are being read, pages go on meanwhile.
_TRIED_AGAIN_AFTER = timedelta(minutes=1)


class Guard:
    """Knows agents by their cookies."""

    def __init__(
        self, access: Access, latest: Callable[[str], Tenant | None], settings: Settings, clock: Clock
    ) -> None:
        """`latest` answers an installation as it was last set up, or None."""
        self.access, self._latest, self._clock = access, latest, clock
        self._tried: dict[str, datetime] = {}
        self.https = settings.public.scheme == "https"
        # Browsers take a cookie of this name from this very host alone, and over https.
        self._session = f"__Host-{SESSION}" if self.https else SESSION
        # A whole office may share one address, and sign in on the same morning.
        self._strangers = Throttle(clock, burst=60, per_minute=60, all_burst=600)
        # Each of them has tabs open, which keep nobody from signing in.
        self._visitors = Throttle(clock, burst=300, per_minute=300, all_burst=3000)

    async def own(self, request: web.Request) -> Who | None:
        """Whose browser it is, in whichever installation; None when it is nobody's."""
        for token in self._tokens(request):
            if (who := await self.access.session(token)) is not None:
                return await self.who(request, who.installation_id)
        return None

    def is_admin(self, who: Who) -> bool:
        """Whether somebody is an administrator, and was still one in Pipedrive when users were last read."""
        tenant = self._latest(who.installation_id)
        if not who.is_admin or tenant is None:
            return False
        directory = tenant.directory
        has_lost_it = who.user_id is not None and who.user_id not in directory.people.admin_users
        return not (has_lost_it and _is_since(who, directory.read_at))

    async def who(self, request: web.Request, installation_id: str) -> Who | None:
        """The agent of this installation whose browser asks; None when it is nobody's, or another installation's."""
        for token in self._tokens(request):
            who = await self.access.session(token)
            if who is None or who.installation_id != installation_id:
                continue
            if await self._has_left(who):
                log.info("session ended, its agent has left", installation=installation_id, user=who.user_id)
                await self.access.end_all(who)
                continue
            request[_TOKEN] = token
            return who
        return None

    def session_of(self, request: web.Request) -> str:
        """The id of the session that `who` found."""
        return self.access.id_of(request[_TOKEN])

    def form_token(self, request: web.Request, purpose: str) -> str:
        """What a form of the session that `who` found must carry; forms of different purposes cannot be swapped."""
        return signed(request[_TOKEN], purpose)

    def check_form(self, request: web.Request, purpose: str, shown: object) -> bool:
        """Whether a form was sent by one of our own pages in the session that `who` found."""
        token = request.get(_TOKEN)
        return token is not None and is_own(request) and is_signed(token, purpose, shown)

    async def sender(self, request: web.Request, purpose: str, shown: object) -> Who | None:
        """Whose form this is, for what holds in every installation alike; None when it is no session's."""
        for token in self._tokens(request):
            if is_own(request) and is_signed(token, purpose, shown):
                return await self.access.session(token)
        return None

    def count_stranger(self, request: web.Request) -> None:
        """Count an attempt to come in of somebody unknown; HTTPTooManyRequests when there were too many."""
        _count(self._strangers, request)

    def count_visitor(self, request: web.Request) -> None:
        """Count somebody unknown who merely opens a page; HTTPTooManyRequests as well."""
        _count(self._visitors, request)

    async def begin(self, request: web.Request, answer: web.Response, who: Who) -> None:
        """Begin a session of our own tabs in place of the one that this browser had."""
        token = await self.access.begin(who)
        await self._end_own(request, self._session)
        answer.set_cookie(
            self._session, token, max_age=int(SESSION_LIFE.total_seconds()), httponly=True, secure=self.https,
            samesite="Lax",
        )  # fmt: skip

    async def begin_framed(self, request: web.Request, answer: web.Response, who: Who) -> None:
        """Begin a session of frames in the page that shows this one; browsers take its cookie over https or on loopback.

        It is no administrator's: what stands in somebody else's page changes no settings.
        """
        token = await self.access.begin(replace(who, is_admin=False))
        await self._end_own(request, FRAMED)
        _set_framed(answer, token, int(SESSION_LIFE.total_seconds()))

    def forget(self, answer: web.Response) -> None:
        """Take both cookies away."""
        answer.del_cookie(self._session, httponly=True, secure=self.https, samesite="Lax")
        _set_framed(answer, "", 0)

    def _tokens(self, request: web.Request) -> Iterator[str]:
        # Browsers send the cookie of frames to their pages alone; another host of our domain could make one up elsewhere.
        names = (self._session, FRAMED) if request.path.startswith(f"{PATH}/") else (self._session,)
        return (token for name in names if (token := request.cookies.get(name)))

    async def _end_own(self, request: web.Request, cookie: str) -> None:
        if token := request.cookies.get(cookie):
            await self.access.end(token)

    async def _has_left(self, who: Who) -> bool:
        """Whether Pipedrive or the contact centre no longer had this agent when they were read since his session began."""
        tenant = self._latest(who.installation_id)
        return tenant is not None and await self._keep_people(tenant) and _is_missing(who, tenant.directory)

    async def _keep_people(self, tenant: Tenant) -> bool:
        """Read users and agents once a day (20 tokens); whether they are known as of this day."""
        now = self._clock.now()
        if _is_of_the_day(tenant.directory, now):
            return True
        tried_at = self._tried.get(tenant.id)
        if tried_at is not None and now - tried_at < _TRIED_AGAIN_AFTER:
            return False
        self._tried[tenant.id] = now
        try:
            await replace(tenant, pipedrive=tenant.pipedrive.on(Lane.POP)).people()
        except ConnectorError as error:
            log.warning("users not read", installation=tenant.id, error=type(error).__name__)
        return _is_of_the_day(tenant.directory, now)


def _count(throttle: Throttle, request: web.Request) -> None:
    if seconds := throttle.wait(request.remote):
        raise web.HTTPTooManyRequests(headers={"Retry-After": str(seconds)})


def is_own(request: web.Request) -> bool:
    """Whether a request was sent by one of our own pages, as far as the browser says."""
    return request.headers.get("Sec-Fetch-Site", "same-origin") == "same-origin"


def _is_of_the_day(directory: Directory, now: datetime) -> bool:
    return directory.read_at is not None and now - directory.read_at <= FRESH_FOR


def _is_missing(who: Who, directory: Directory) -> bool:
    """Whoever began his session after people were read may be new."""
    people = directory.people
    if (
        who.user_id is not None
        and who.user_id not in people.active_users
        and _is_since(who, directory.read_at)
    ):
        return True
    connection, _, login = (who.agent or "").partition("/")
    # An account that may not see agents has none of them in its list.
    if all(of != connection for of, _ in people.agents):
        return False
    agent = people.agents.get((connection, login))
    return (agent is None or not agent.active) and _is_since(who, directory.agents_of.get(connection))


def _is_since(who: Who, read_at: datetime | None) -> bool:
    return read_at is not None and who.since is not None and read_at > who.since


def signed(token: str, purpose: str) -> str:
    """What only a page that was made for the holder of `token` carries."""
    return hmac.new(token.encode("utf-8", "replace"), f"form\0{purpose}".encode(), "sha256").hexdigest()


def is_signed(token: str, purpose: str, shown: object) -> bool:
    """Whether `shown` is what `signed` gave for these."""
    return isinstance(shown, str) and hmac.compare_digest(
        signed(token, purpose).encode(), shown.encode("utf-8", "replace")
    )


def _set_framed(answer: web.Response, token: str, seconds: int) -> None:
    # Written out: the standard library knows partitioned cookies from Python 3.14 on.
    answer.headers.add(
        "Set-Cookie",
        f"{FRAMED}={token}; Path={PATH}; Max-Age={seconds}; HttpOnly; Secure; SameSite=None; Partitioned",
    )
