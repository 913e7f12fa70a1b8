"""The way in from a browser: start page, consent at Pipedrive, callback; and Pipedrive's word that the app was taken away.

https://pipedrive.readme.io/docs/marketplace-oauth-authorization
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial

import structlog
from aiohttp import web

from connector.clock import Clock
from connector.errors import ConnectorError, Forged, Rejected
from connector.flows.installing import Arrival
from connector.pipedrive import oauth
from connector.settings import Settings
from connector.web.consent import Consent
from connector.web.pages import page, remember_look, serve_static, translate_for
from connector.web.throttle import Throttle
from connector.web.troubles import explain, no_app, refused, sorry

log = structlog.get_logger()

PURPOSE = "install"

InstallCode = Callable[[str], Awaitable[Arrival]]
#: Goes on with a browser that came back for something else than to install, and counts it.
Return = Callable[[web.Request, oauth.State], Awaitable[web.Response]]
Uninstall = Callable[[str, str], Awaitable[bool]]


def routes(
    settings: Settings,
    clock: Clock,
    *,
    install_code: InstallCode,
    uninstall: Uninstall,
    returns: Mapping[str, Return] | None = None,
) -> web.RouteTableDef:
    """Start page, `/install`, the callback both ways, and the pages' static files.

    Who comes back to the callback for another purpose is one of `returns`'.
    """
    entrance = _Entrance(settings, clock, install_code, uninstall, returns or {})
    table = web.RouteTableDef()
    table.get("/")(entrance.start)
    # Without HEAD: a link checker must not use up a code.
    table.get("/install", allow_head=False)(entrance.begin)
    table.get(oauth.CALLBACK, allow_head=False)(entrance.arrive)
    table.delete(oauth.CALLBACK)(entrance.leave)
    table.post("/look")(partial(remember_look, secure=settings.public.scheme == "https"))
    table.get("/static/{version}/{name}")(serve_static)
    return table


class _Entrance:
    """The pages of installing, and what they share."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        install_code: InstallCode,
        uninstall: Uninstall,
        returns: Mapping[str, Return],
    ) -> None:
        self._settings, self._consent = settings, Consent(settings, clock)
        self._install_code, self._uninstall, self._returns = install_code, uninstall, returns
        self._throttle = Throttle(clock)

    async def start(self, request: web.Request) -> web.Response:
        """What this is, and the way in."""
        return page(request, "start.html", has_app=self._consent.has_app)

    async def begin(self, request: web.Request) -> web.Response:
        """Send the browser to Pipedrive."""
        self._admit(request)
        if not self._consent.has_app:
            return sorry(request, no_app(translate_for(request)))
        return self._consent.ask(PURPOSE)

    async def arrive(self, request: web.Request) -> web.Response:
        """The browser comes back from Pipedrive; a code is exchanged at once, since it lives five minutes.

        Those who come back for another purpose are counted where they are expected.
        """
        translate = translate_for(request)
        try:
            state = self._consent.read(request) if self._consent.has_app else None
            if state is not None and state.purpose not in {PURPOSE, *self._returns}:
                raise Forged
        except Forged as error:
            self._admit(request)
            return sorry(request, explain(error, translate))
        if state is not None and state.purpose != PURPOSE:
            return await self._returns[state.purpose](request, state)
        self._admit(request)
        if not self._consent.has_app:
            return sorry(request, no_app(translate))
        if "error" in request.query:
            return sorry(request, refused(translate))
        answer = await self._install(request, state)
        self._consent.forget(answer, PURPOSE)
        return answer

    async def _install(self, request: web.Request, state: oauth.State | None) -> web.Response:
        """Install by the code that a browser brings.

        Pipedrive's own install link brings no state; such an installation is bound to nobody's session, so that there
        is nothing to be gained by forging one.
        """
        code = request.query.get("code", "")
        try:
            if state is not None:
                self._consent.check(request, state)
            if not code:
                raise Rejected("The callback came without a code")
            arrival = await self._install_code(code)
        except ConnectorError as error:
            log.warning("installation failed", error=type(error).__name__, reason=without(code, str(error)))
            return sorry(request, explain(error, translate_for(request)))
        return page(request, "connected.html", arrival=arrival)

    async def leave(self, request: web.Request) -> web.Response:
        """Pipedrive says that a user took the app away. https://pipedrive.readme.io/docs/app-uninstallation"""
        try:
            if not self._consent.has_app:
                raise Forged
            word = oauth.read_uninstall(
                request.headers, await request.read(), client_id=self._settings.pipedrive_client_id,
                client_secret=self._settings.pipedrive_client_secret.get_secret_value(),
            )  # fmt: skip
        except Forged as error:
            raise web.HTTPUnauthorized(headers={"WWW-Authenticate": 'Basic realm="uninstall"'}) from error
        except Rejected as error:
            log.warning("uninstall message not understood", reason=str(error))
            return web.Response()
        await self._uninstall(word.company_id, word.user_id)
        return web.Response()

    def _admit(self, request: web.Request) -> None:
        if seconds := self._throttle.wait(request.remote):
            raise web.HTTPTooManyRequests(headers={"Retry-After": str(seconds)})


def without(code: str, reason: str) -> str:
    """`reason` for the log, unless the other side's words repeat the code."""
    return reason if not code or code.lower() not in reason.lower() else "it repeats the code"
