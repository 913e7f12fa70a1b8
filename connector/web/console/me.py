"""The page that everybody has who signs in: who he is here, his browsers, what dials for him, his last calls, his language."""

from __future__ import annotations

from collections.abc import Collection

from aiohttp import web

from connector.flows.agents import agent_names, agents_of
from connector.flows.rules import agent_of
from connector.i18n import LANGUAGES
from connector.records import EventKind
from connector.store.devices import Devices
from connector.store.events import Events, Wanted
from connector.web.access import Guard
from connector.web.console.desk import PATH, Console, Visit
from connector.web.console.devices import own_devices
from connector.web.console.happening.events import Line, line
from connector.web.console.words import done
from connector.web.pages import YEAR_S, language_of

#: So many of the newest calls are looked through for those of one agent, and so many of them shown.
_NEWEST = 200
_SHOWN = 10


class OwnPage:
    """The page, and what is done on it."""

    def __init__(self, console: Console, guard: Guard, devices: Devices) -> None:
        """Sessions are the `guard`'s."""
        self._console, self._guard, self._devices = console, guard, devices

    def routes(self) -> web.RouteTableDef:
        """All of them."""
        table = web.RouteTableDef()
        table.get(f"{PATH}/me")(self._console.serve(self._show, everybody=True))
        table.post(f"{PATH}/me/browsers")(self._console.serve(self._end_browser, everybody=True))
        table.post(f"{PATH}/me/language")(self._console.serve(self._choose_language, everybody=True))
        return table

    async def _show(self, visit: Visit) -> web.Response:
        users = visit.tenant.directory.people.users_by_email
        agents = agents_of(visit.tenant, visit.who)
        email = next((email for email, user in users.items() if user == visit.who.user_id), "")
        return self._console.page(
            visit, "console/me.html", "me", email=email, own=self._guard.session_of(visit.request),
            browsers=await self._guard.access.browsers(visit.who), language_now=language_of(visit.request),
            agents=bool(agents), calls=await _calls(visit, agents), newest=_NEWEST,
            devices=await own_devices(visit, self._devices), names=agent_names(visit.tenant),
        )  # fmt: skip

    async def _end_browser(self, visit: Visit) -> web.Response:
        _ = visit.translate
        await self._guard.access.end_browser(visit.who, visit.text("browser"))
        return self._console.tell(done(_("That browser is signed out."), _), visit.at("me"))

    async def _choose_language(self, visit: Visit) -> web.Response:
        language = visit.text("language")
        answer = web.Response(status=303, headers={"Location": visit.at("me")})
        if language in LANGUAGES:
            answer.set_cookie(
                "language", language, max_age=YEAR_S, httponly=True, secure=self._guard.https, samesite="Lax"
            )
        return answer


async def _calls(visit: Visit, agents: Collection[tuple[str, str]]) -> list[Line]:
    """His last calls, as far as they are among the newest of all; whom he spoke with is no secret to him."""
    if not agents:
        return []
    newest = await Events(visit.tenant.ledger).page(Wanted(kinds=(EventKind.CALL,)), limit=_NEWEST)
    own = [
        one
        for one in newest
        if one.entry.event is not None and (one.entry.connection, agent_of(one.entry.event)) in agents
    ]
    return [line(one, visit, reveal=True) for one in own[:_SHOWN]]
