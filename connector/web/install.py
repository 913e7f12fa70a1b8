"""The way in from a browser: start page, set-up code, consent at Pipedrive, callback; and Pipedrive's word that the app was taken away.

https://pipedrive.readme.io/docs/marketplace-oauth-authorization
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial

import structlog
from aiohttp import web

from connector.clock import Clock
from connector.errors import ConnectorError, Forbidden, Forged, Rejected, Unauthorised
from connector.flows.installing import Arrival
from connector.i18n import Translate
from connector.pipedrive import oauth
from connector.settings import Settings
from connector.store.access import Who
from connector.store.installations import Outcome
from connector.web.access import Guard, is_own
from connector.web.consent import Consent
from connector.web.forms import form_of
from connector.web.notes import Said
from connector.web.pages import page, remember_look, serve_static, translate_for
from connector.web.set_up_code import SetUpCode
from connector.web.throttle import Throttle
from connector.web.troubles import explain, no_app, refused, sorry

log = structlog.get_logger()

PURPOSE = "install"
INSTALL = "/install"
CODE, TOKEN = f"{INSTALL}/code", f"{INSTALL}/token"
CONSOLE = "/console"
LONGEST_TOKEN = 200

InstallCode = Callable[[str], Awaitable[Arrival]]
#: Installs by a personal API token of an administrator.
InstallToken = Callable[[str], Awaitable[Arrival]]
#: Leads to a page of the console that says what came of it.
Tell = Callable[[Said, str], web.Response]
#: Goes on with a browser that came back for something else than to install, and counts it.
Return = Callable[[web.Request, oauth.State], Awaitable[web.Response]]
Uninstall = Callable[[str, str], Awaitable[bool]]


def routes(
    settings: Settings,
    clock: Clock,
    guard: Guard,
    *,
    is_fresh: Callable[[], Awaitable[bool]],
    install_code: InstallCode,
    install_token: InstallToken,
    uninstall: Uninstall,
    tell: Tell,
    returns: Mapping[str, Return] | None = None,
) -> web.RouteTableDef:
    """Start page, `/install`, the callback both ways, and the pages' static files.

    While the service `is_fresh` its set-up code is asked for. Who has installed is signed in by `guard`. Who comes back to
    the callback for another purpose is one of `returns`'.
    """
    code = SetUpCode(settings, clock, is_fresh)
    entrance = _Entrance(
        settings, clock, guard, code, install_code, install_token, uninstall, tell, returns or {}
    )
    table = web.RouteTableDef()
    table.get("/")(entrance.start)
    # Without HEAD: a link checker must not use up a code.
    table.get(INSTALL, allow_head=False)(entrance.begin)
    table.post(CODE)(entrance.take_code)
    table.post(TOKEN)(entrance.take_token)
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
        guard: Guard,
        code: SetUpCode,
        install_code: InstallCode,
        install_token: InstallToken,
        uninstall: Uninstall,
        tell: Tell,
        returns: Mapping[str, Return],
    ) -> None:
        self._settings, self._consent = settings, Consent(settings, clock)
        self._guard, self._code, self._tell = guard, code, tell
        self._install_code, self._install_token = install_code, install_token
        self._uninstall, self._returns = uninstall, returns
        self._throttle = Throttle(clock)

    async def start(self, request: web.Request) -> web.Response:
        """What this is, and the way in."""
        return await self._start(request)

    async def _start(self, request: web.Request, *, status: int = 200, wrong: str = "") -> web.Response:
        return page(
            request, "start.html", status=status, has_app=self._consent.has_app, wrong=wrong,
            is_fresh=await self._code.is_fresh(),
        )  # fmt: skip

    async def take_code(self, request: web.Request) -> web.Response:
        """The set-up code, as it was typed: whoever has it goes on to Pipedrive."""
        form = await form_of(request)
        if not (self._code.fits(request, form.get("code")) and is_own(request)):
            return _ask_for_code(request, wrong=True)
        # Browsers let a form of ours lead nowhere else, not by a redirect either: the page goes on by itself.
        answer = page(
            request, "set_up_code.html", headers={"Refresh": f"0; url={INSTALL}"}, wrong=False, go_on=INSTALL
        )
        self._code.remember(answer)
        return answer

    async def take_token(self, request: web.Request) -> web.Response:
        """A fresh service without an app of its own is given a personal API token, with the set-up code."""
        _ = translate_for(request)
        if self._consent.has_app or not await self._code.is_fresh():
            raise web.HTTPFound("/")
        form = await form_of(request)
        if not (self._code.fits(request, form.get("code")) and is_own(request)):
            return await self._start(request, status=403, wrong="code")
        token = str(form.get("token", "")).strip()
        if not token or len(token) > LONGEST_TOKEN:
            return await self._start(request, status=422, wrong="token")
        try:
            arrival = await self._install_token(token)
        except Forbidden:
            return await self._start(request, status=422, wrong="no administrator")
        except (Unauthorised, Rejected):
            return await self._start(request, status=422, wrong="token")
        except ConnectorError as error:
            log.warning("installation failed", error=type(error).__name__, reason=without(token, str(error)))
            return sorry(request, explain(error, _), again="/")
        return await self._let_in(request, arrival)

    async def begin(self, request: web.Request) -> web.Response:
        """Send the browser to Pipedrive."""
        self._admit(request)
        if not self._consent.has_app:
            return sorry(request, no_app(translate_for(request)))
        if await self._code.is_wanted(request):
            return _ask_for_code(request)
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
        if await self._code.is_wanted(request):
            # The code of Pipedrive's own install link is left to die: with ours Pipedrive is asked once more.
            return _ask_for_code(request)
        answer = await self._install(request, state)
        self._consent.forget(answer, PURPOSE)
        return answer

    async def _install(self, request: web.Request, state: oauth.State | None) -> web.Response:
        """Install by the code that a browser brings.

        Pipedrive's own install link brings no state; such an installation is bound to nobody's session, so that there
        is nothing to be gained by forging one: its user signs in afterwards, which brings a state.
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
        if state is None or arrival.outcome is Outcome.UNOWNED:
            return page(
                request, "connected.html", arrival=arrival, console=f"{CONSOLE}/{arrival.installation_id}"
            )
        return await self._let_in(request, arrival)

    async def _let_in(self, request: web.Request, arrival: Arrival) -> web.Response:
        """Sign in who has installed; an administrator goes on with the set-up, anybody else to his own page."""
        _ = translate_for(request)
        home = f"{CONSOLE}/{arrival.installation_id}"
        place = (
            "/me" if not arrival.is_admin else "/settings/set-up" if arrival.outcome is Outcome.NEW else ""
        )
        answer = self._tell(_said(arrival, _), home + place)
        answer.headers["Cache-Control"] = "no-store"
        who = Who(arrival.installation_id, arrival.user_id, None, arrival.name, is_admin=arrival.is_admin)
        await self._guard.begin(request, answer, who)
        log.info("signed in", installation=who.installation_id, user=who.user_id, agent=None)
        return answer

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


def _ask_for_code(request: web.Request, *, wrong: bool = False) -> web.Response:
    return page(
        request, "set_up_code.html", status=403 if wrong else 200, wrong=wrong, address=CODE, go_on=""
    )


def _said(arrival: Arrival, _: Translate) -> Said:
    """What an installation came to."""
    company = {"company": arrival.company}
    said = {
        Outcome.NEW: (
            _("%(company)s is connected"),
            _("Nothing is written to Pipedrive until an administrator has gone through the set-up and switched it on."),
        ),
        Outcome.AGAIN: (
            _("%(company)s is connected again"),
            _("If its contact centre is still connected, there is nothing left to do: the sync goes on where it stopped, and what waited is caught up."),
        ),
        Outcome.JOINED: (
            _("You have joined %(company)s"),
            _("It runs with another user’s permission. There is nothing left for you to do."),
        ),
    }  # fmt: skip
    title, text = said[arrival.outcome]
    return Said("good", _("Connected"), title % company, text)


def without(code: str, reason: str) -> str:
    """`reason` for the log, unless the other side's words repeat the code."""
    return reason if not code or code.lower() not in reason.lower() else "it repeats the code"
