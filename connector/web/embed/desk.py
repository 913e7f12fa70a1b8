"""What all pages of deals begin with: whose browser it is, which installation and contact centre, who may frame them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler

from connector.clock import Clock
from connector.errors import ConnectorError, Misconfigured
from connector.flows.contacts.pushing import prepared
from connector.flows.deals.viewing import Viewer
from connector.flows.tenant import Centre, Tenant
from connector.i18n import Translate
from connector.store.access import Who
from connector.store.installations import Installations
from connector.store.operations import Operations
from connector.web.access import Guard
from connector.web.embed.words import not_now, too_old
from connector.web.forms import form_of
from connector.web.middleware import allow_framing
from connector.web.notes import Notes, Said
from connector.web.pages import page, translate_for
from connector.web.sign_in import SIGN_OUT, signed_out

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Visit:
    """An agent at the page of one record; `here` is the page's path."""

    request: web.Request
    tenant: Tenant
    centre: Centre
    who: Who
    record_id: str
    here: str
    guard: Guard

    @property
    def key(self) -> str:
        """The record's key."""
        return f"{self.centre.id}/{self.record_id}"

    @property
    def viewer(self) -> Viewer:
        """Which deals the agent may see."""
        return Viewer(self.who.user_id, sees_all=self.tenant.settings.deals.visible == "all")

    @property
    def translate(self) -> Translate:
        """What says a sentence in the agent's language."""
        return translate_for(self.request)

    @property
    def framed(self) -> bool:
        """Whether the page stands in another one."""
        return self.request.headers.get("Sec-Fetch-Dest") in ("iframe", "frame")

    @property
    def leave_token(self) -> str:
        """What the form that ends the session carries."""
        return self.token(SIGN_OUT)

    def token(self, purpose: str) -> str:
        """What a form of this page carries."""
        return self.guard.form_token(self.request, purpose)

    def purpose(self, what: str) -> str:
        """What a form of this page is for: `what` is done to this record."""
        return f"{what} {self.here}"

    def allows(self, purpose: str, shown: object) -> bool:
        """Whether a form is one that this session was shown for that purpose."""
        return self.guard.check_form(self.request, purpose, shown)


Show = Callable[[Visit], Awaitable[web.StreamResponse]]


@dataclass(slots=True)
class Desk:
    """Lets agents in; keeps for a while what came of what they pressed, to be said by the page they are sent to.

    `find` reads an installation anew, `latest` gives it as it is known, and `look` brings that up to date now and then.
    """

    find: Callable[[str], Awaitable[Tenant]]
    latest: Callable[[str], Tenant | None]
    look: Callable[[], Awaitable[None]]
    guard: Guard
    operations: Operations
    installations: Installations
    clock: Clock
    _notes: Notes = field(init=False)

    def __post_init__(self) -> None:
        """Nothing was said yet."""
        self._notes = Notes(self.clock)

    def serve(self, show: Show) -> Handler:
        """A handler that lets in who is known, and says in a page what keeps it from its work."""

        async def enter(request: web.Request) -> web.StreamResponse:
            visit = await self._visit(request)
            if visit is None:
                return signed_out(request, request.match_info["installation"])
            if request.method == "POST":
                await form_of(request)
            try:
                return await show(visit)
            except ConnectorError as error:
                log.warning("page not shown", installation=visit.tenant.id, error=type(error).__name__)
                said = not_now(error, visit.translate)
                if request.method == "POST":
                    return self.tell(visit, said)
                return page(request, "embed/trouble.html", status=503, visit=visit, said=said)

        return enter

    async def _visit(self, request: web.Request) -> Visit | None:
        parts = request.match_info
        # Whoever has no session is answered from what is known: addresses are easily made up.
        who = await self.guard.who(request, parts["installation"])
        tenant = self.latest(parts["installation"])
        if tenant is None:
            tenant = await self._looked_for(parts["installation"], who)
        centre = tenant.centres.get(parts["connection"]) if tenant is not None else None
        if centre is not None:
            allow_framing(request, centre.api.origin)
        if who is None:
            self.guard.count_visitor(request)
        if who is None or tenant is None or centre is None:
            return None
        here = f"/embed/{tenant.id}/{centre.id}/{parts['kind']}/{parts['id']}"
        return Visit(request, tenant, centre, who, parts["id"], here, self.guard)

    async def _looked_for(self, installation_id: str, who: Who | None) -> Tenant | None:
        if who is None:
            await self.look()
            return self.latest(installation_id)
        with suppress(Misconfigured):
            return await self.find(installation_id)
        return None

    async def prepared(self, tenant: Tenant) -> Tenant:
        """The tenant once the fields are there by which records are known again."""
        if await prepared(tenant, self.installations):
            return await self.find(tenant.id)
        return tenant

    # what came of it

    def tell(self, visit: Visit, said: Said, where: str = "") -> web.Response:
        """Lead to a page that says so: loaded again, it does nothing again."""
        return self._notes.leave(where or visit.here, said)

    def told(self, visit: Visit) -> Said | None:
        """What a page shall say, if it was led to."""
        return self._notes.found(visit.request)

    def too_old(self, visit: Visit) -> web.Response:
        """Lead back from a form that is none of this session's."""
        return self.tell(visit, too_old(visit.translate))
