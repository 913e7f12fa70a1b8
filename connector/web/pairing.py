"""How an agent lets a browser's extension, or the terminal client, dial for him: a page asks him, and sends it back with a code.

The code is traded for a token by `pairing_token`; what may ask, and where the answer may go, `pairing_request` says.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import structlog
from aiohttp import web

from connector.clock import Clock
from connector.errors import ConnectorError, Misconfigured
from connector.flows.agents import dials_as
from connector.flows.tenant import Tenant
from connector.pipedrive.budget import Lane
from connector.settings import Settings
from connector.store.access import Who
from connector.web.access import Guard
from connector.web.forms import form_of
from connector.web.middleware import let_forms_lead
from connector.web.pages import page, translate_for
from connector.web.pairing_request import PATH, TERMINAL, Asked, Refused, read_asked
from connector.web.pairing_token import Tokens
from connector.web.sign_in import to_sign_in
from connector.web.throttle import ThrottleEach
from connector.web.troubles import Trouble, sorry

log = structlog.get_logger()

#: So old may the list of agents be in which somebody is not found.
_NEWCOMERS = timedelta(minutes=10)


class Pairing:
    """The page that asks the agent."""

    def __init__(
        self, tokens: Tokens, guard: Guard, find: Callable[[str], Awaitable[Tenant]], settings: Settings, clock: Clock
    ) -> None:  # fmt: skip
        """`tokens` gives the codes, and `find` reads an installation as it is set up now."""
        self._tokens, self._guard, self._find = tokens, guard, find
        self._extensions = settings.extension_ids
        self._pace = ThrottleEach(clock, burst=10, per_minute=10)

    def routes(self) -> web.RouteTableDef:
        """The page and its form."""
        table = web.RouteTableDef()
        table.get(PATH, allow_head=False)(self.show)
        table.post(PATH)(self.decide)
        return table

    async def show(self, request: web.Request) -> web.Response:
        """Ask the agent; who is nobody's here signs in first, and comes back."""
        found = await self._begin(request)
        return found if isinstance(found, web.Response) else await self._ask(request, *found)

    async def decide(self, request: web.Request) -> web.Response:
        """Take his answer, and lead back to where it is waited for."""
        found = await self._begin(request)
        if isinstance(found, web.Response):
            return found
        asked, who, tenant = found
        form = await form_of(request)
        if not self._guard.check_form(request, _purpose(asked), form.get("form")):
            return await self._ask(request, asked, who, tenant, wrong="old", status=403)
        if form.get("answer") == "refuse":
            return _lead_on(asked.answered(error="access_denied"))
        agents = await self._agents(tenant, who)
        chosen = next((one for one in agents or () if "/".join(one) == form.get("agent")), None)
        if form.get("answer") != "allow" or chosen is None:
            return await self._ask(request, asked, who, tenant, wrong="agent", status=422)
        self._pace.count(f"{tenant.id} {who.by}")
        return _lead_on(asked.answered(code=self._tokens.code_for(asked, who, *chosen)))

    async def _begin(self, request: web.Request) -> web.Response | tuple[Asked, Who, Tenant]:
        """What is asked for, and of whom; the answer to those who cannot be asked."""
        asked = read_asked(request.query, self._extensions)
        if isinstance(asked, Refused):
            self._guard.count_visitor(request)
            log.info("pairing refused", extension=asked.stranger)
            return _refuse(request, asked)
        who, tenant = await self._guard.own(request), None
        if who is not None:
            with suppress(Misconfigured):
                tenant = await self._find(who.installation_id)
        if who is None or tenant is None:
            self._guard.count_visitor(request)
            return _lead_on(to_sign_in(asked.address))
        return asked, who, tenant

    async def _ask(
        self, request: web.Request, asked: Asked, who: Who, tenant: Tenant, *, wrong: str = "", status: int = 200
    ) -> web.Response:  # fmt: skip
        let_forms_lead(request, asked.origin)
        agents = await self._agents(tenant, who)
        names = tenant.directory.people.agents
        options = [
            ("/".join(one), (names[one].name if one in names else who.name) or one[1], one) for one in agents or ()
        ]  # fmt: skip
        return page(
            request, "pair.html", status=status, headers={"X-Frame-Options": "DENY"}, asked=asked, who=who,
            company=tenant.installed.name, agents=options, is_read=agents is not None, wrong=wrong,
            is_terminal=asked.client == TERMINAL, form=self._guard.form_token(request, _purpose(asked)),
            table=f"/console/{tenant.id}/settings/agents" if self._guard.is_admin(who) else "",
            other=to_sign_in(asked.address),
        )  # fmt: skip

    async def _agents(self, tenant: Tenant, who: Who) -> list[tuple[str, str]] | None:
        """As which agents he may dial, who came lately too; None where nobody knows because agents cannot be read."""
        asking = replace(tenant, pipedrive=tenant.pipedrive.on(Lane.POP))
        try:
            await asking.people()
            if not (found := dials_as(tenant, who)):
                await asking.people(older_than=_NEWCOMERS)
        except ConnectorError as error:
            log.warning("users not read", installation=tenant.id, error=type(error).__name__)
            return dials_as(tenant, who) or None
        return found or dials_as(tenant, who)


def _purpose(asked: Asked) -> str:
    return f"pair {asked.address}"


def _lead_on(address: str) -> web.Response:
    return web.Response(status=303, headers={"Cache-Control": "no-store", "Location": address})


def _refuse(request: web.Request, refused: Refused) -> web.Response:
    """Say so here: an answer to where it came from would send the agent wherever a stranger likes."""
    _ = translate_for(request)
    if refused.stranger:
        title = _("This extension is not allowed here")
        text = _(
            "Nothing was connected. If it is your company’s, have the operator add its id to CONNECTOR_EXTENSION_IDS: %(id)s"
        ) % {"id": refused.stranger}
    else:
        title = _("This cannot be connected")
        text = _(
            "Nothing was connected: the request is not as our extension and our terminal client send it. Begin again there, and update it first if it happens again."
        )
    return sorry(request, Trouble(400, title, text, may_start_again=False))
