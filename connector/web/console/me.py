"""The page that everybody has who signs in: who he is here, his browsers, his last calls, his language."""

from __future__ import annotations

from aiohttp import web

from connector.i18n import LANGUAGES
from connector.web.console.desk import PATH, Console, Visit
from connector.web.console.words import done
from connector.web.embed.access import Guard
from connector.web.pages import YEAR_S, language_of


class OwnPage:
    """The page, and what is done on it."""

    def __init__(self, console: Console, guard: Guard) -> None:
        """Sessions are the `guard`'s."""
        self._console, self._guard = console, guard

    def routes(self) -> web.RouteTableDef:
        """All of them."""
        table = web.RouteTableDef()
        table.get(f"{PATH}/me")(self._console.serve(self._show, everybody=True))
        table.post(f"{PATH}/me/browsers")(self._console.serve(self._end_browser, everybody=True))
        table.post(f"{PATH}/me/language")(self._console.serve(self._choose_language, everybody=True))
        return table

    async def _show(self, visit: Visit) -> web.Response:
        users = visit.tenant.directory.people.users_by_email
        email = next((email for email, user in users.items() if user == visit.who.user_id), "")
        return self._console.page(
            visit, "console/me.html", "me", email=email, own=self._guard.session_of(visit.request),
            browsers=await self._guard.access.browsers(visit.who), language_now=language_of(visit.request),
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
