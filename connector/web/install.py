"""The way in from a browser: start page, consent at Pipedrive, callback; and Pipedrive's word that the app was taken away.

https://pipedrive.readme.io/docs/marketplace-oauth-authorization
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Awaitable, Callable
from functools import partial

import structlog
from aiohttp import web

from connector.clock import Clock
from connector.errors import ConnectorError, Forged, Rejected
from connector.flows.installing import Arrival
from connector.pipedrive import oauth
from connector.settings import Settings
from connector.web.pages import page, remember_look, serve_static, translate_for
from connector.web.throttle import Throttle
from connector.web.troubles import explain, no_app, refused, sorry

log = structlog.get_logger()

COOKIE = "install"
COOKIE_PATH = "/oauth"

InstallCode = Callable[[str], Awaitable[Arrival]]
Uninstall = Callable[[str, str], Awaitable[bool]]


def routes(
    settings: Settings, clock: Clock, *, install_code: InstallCode, uninstall: Uninstall
) -> web.RouteTableDef:
    """Start page, `/install`, the callback both ways, and the pages' static files."""
    entrance = _Entrance(settings, clock, install_code, uninstall)
    table = web.RouteTableDef()
    table.get("/")(entrance.start)
    # Without HEAD: a link checker must not use up a code.
    table.get("/install", allow_head=False)(entrance.begin)
    table.get(oauth.CALLBACK, allow_head=False)(entrance.arrive)
    table.delete(oauth.CALLBACK)(entrance.leave)
    table.post("/look")(partial(remember_look, secure=entrance.secure))
    table.get("/static/{version}/{name}")(serve_static)
    return table


class _Entrance:
    """The pages of installing, and what they share: how often strangers may come, and the key that signs states."""

    def __init__(
        self, settings: Settings, clock: Clock, install_code: InstallCode, uninstall: Uninstall
    ) -> None:
        self._settings, self._clock = settings, clock
        self._install_code, self._uninstall = install_code, uninstall
        self._throttle = Throttle(clock)
        self._secret = settings.pipedrive_client_secret.get_secret_value()
        self._has_app = bool(settings.pipedrive_client_id and self._secret)
        self._state_key = hmac.digest(self._secret.encode(), b"state of an installation", "sha256")
        self.secure = settings.public.scheme == "https"

    async def start(self, request: web.Request) -> web.Response:
        """What this is, and the way in."""
        return page(request, "start.html", has_app=self._has_app)

    async def begin(self, request: web.Request) -> web.Response:
        """Send the browser to Pipedrive with a state that only this browser can bring back."""
        self._admit(request)
        if not self._has_app:
            return sorry(request, no_app(translate_for(request)))
        nonce = secrets.token_urlsafe(32)
        state = oauth.sign_state(self._state_key, nonce, self._clock.now() + oauth.STATE_LIFE)
        address = str(oauth.authorize_url(self._settings, state))
        answer = web.Response(status=302, headers={"Location": address, "Cache-Control": "no-store"})
        answer.set_cookie(
            COOKIE, nonce, max_age=int(oauth.STATE_LIFE.total_seconds()), path=COOKIE_PATH, httponly=True,
            secure=self.secure, samesite="Lax",
        )  # fmt: skip
        return answer

    async def arrive(self, request: web.Request) -> web.Response:
        """The browser comes back from Pipedrive; a code is exchanged at once, since it lives five minutes."""
        self._admit(request)
        translate = translate_for(request)
        if not self._has_app:
            return sorry(request, no_app(translate))
        if "error" in request.query:
            return sorry(request, refused(translate))
        code = request.query.get("code", "")
        try:
            self._check_state(request)
            if not code:
                raise Rejected("The callback came without a code")
            arrival = await self._install_code(code)
        except ConnectorError as error:
            log.warning("installation failed", error=type(error).__name__, reason=_without(code, str(error)))
            answer = sorry(request, explain(error, translate))
        else:
            answer = page(request, "connected.html", arrival=arrival)
        answer.del_cookie(COOKIE, path=COOKIE_PATH, httponly=True, secure=self.secure, samesite="Lax")
        return answer

    async def leave(self, request: web.Request) -> web.Response:
        """Pipedrive says that a user took the app away. https://pipedrive.readme.io/docs/app-uninstallation"""
        try:
            if not self._has_app:
                raise Forged
            word = oauth.read_uninstall(
                request.headers, await request.read(), client_id=self._settings.pipedrive_client_id,
                client_secret=self._secret,
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

    def _check_state(self, request: web.Request) -> None:
        """Raise Forged if there is a state that this browser was not given.

        Pipedrive's own install link brings none; such an installation is bound to nobody's session, so that there is
        nothing to be gained by forging one.
        """
        if state := request.query.get("state"):
            nonce = request.cookies.get(COOKIE, "")
            oauth.verify_state(self._state_key, state, nonce, self._clock.now())


def _without(code: str, reason: str) -> str:
    """`reason` for the log, unless the other side's words repeat the code."""
    return reason if not code or code.lower() not in reason.lower() else "it repeats the code"
