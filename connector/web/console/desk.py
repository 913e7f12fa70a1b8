"""What all pages of the console begin with: who asks and whether he may, in which language and zone, and forms that only they send.

A module of pages has a function `routes(console, …)` that gives its routes:

    table = web.RouteTableDef()
    table.get(f"{PATH}/runs")(console.serve(show_runs))
    table.post(f"{PATH}/runs")(console.serve(run_now))

Each handler is given a `Visit`. A form is checked before its handler is called, so that none can be forgotten: a
template writes `{{ form_of(visit, address) }}` into each form.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from urllib.parse import quote
from zoneinfo import ZoneInfo

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler
from yarl import URL

from connector.clock import Clock
from connector.errors import ConnectorError, Misconfigured
from connector.flows.saving import Find, Saved, save_settings
from connector.flows.tenant import Tenant
from connector.i18n import Translate
from connector.installation_settings import InstallationSettings, known_zones
from connector.store.access import Who
from connector.store.installations import Installations
from connector.store.operations import Operations
from connector.web.access import Guard
from connector.web.console.words import explain, moved_on, too_old
from connector.web.forms import close_files, form_of, upload_of
from connector.web.notes import Notes, Said
from connector.web.pages import page, translate_for
from connector.web.showing import Show
from connector.web.sign_in import SIGN_OUT, signed_out

log = structlog.get_logger()

ROOT = "/console"
PATH = ROOT + "/{installation:[0-9]{1,20}}"


@dataclass(frozen=True, slots=True)
class Visit:
    """Somebody at a page of an installation; `form` is what he sent."""

    request: web.Request
    tenant: Tenant
    who: Who
    guard: Guard
    form: Mapping[str, object]
    is_admin: bool

    @property
    def translate(self) -> Translate:
        """What says a sentence in his language."""
        return translate_for(self.request)

    @property
    def zone(self) -> ZoneInfo:
        """His zone, as his browser told it, or else the contact centre's."""
        name = self.request.cookies.get("zone", "")
        return ZoneInfo(name) if name in known_zones() else self.tenant.settings.tz

    @property
    def show(self) -> Show:
        """Writes times and counts as he reads them."""
        return Show.of(self.request, self.zone)

    def at(self, page: str = "", **query: str | int | None) -> str:
        """The address of a page of the console: `at("events", state="parked")`."""
        path = f"{ROOT}/{self.tenant.id}" + ("/" + quote(page, safe="/:") if page else "")
        return str(URL(path, encoded=True).with_query({k: v for k, v in query.items() if v is not None}))

    def token(self, address: str) -> str:
        """What a form carries that is sent to `address`."""
        return self.guard.form_token(self.request, _purpose(address))

    def text(self, field: str) -> str:
        """A field of what he sent, without the spaces round it; empty where it is missing."""
        value = self.form.get(field, "")
        return value.strip() if isinstance(value, str) else ""

    @property
    def leave_token(self) -> str:
        """What the form that ends his session carries."""
        return self.guard.form_token(self.request, SIGN_OUT)


View = Callable[[Visit], Awaitable[web.StreamResponse]]
Soon = Callable[[Tenant], None]
"""Has the service do before long what waits for an installation."""


class Console:
    """Lets administrators in, and saves what they change."""

    def __init__(
        self, find: Find, guard: Guard, installations: Installations, operations: Operations, clock: Clock
    ) -> None:
        """`find` reads an installation as it is set up now."""
        self.find, self.installations, self.operations, self.clock = find, installations, operations, clock
        self._guard, self._notes = guard, Notes(clock)

    def routes(self) -> web.RouteTableDef:
        """The way in without an installation's id: to one's own."""
        table = web.RouteTableDef()
        table.get(ROOT)(self._lead_home)
        return table

    async def _lead_home(self, request: web.Request) -> web.Response:
        who = await self._guard.own(request)
        if who is None:
            self._guard.count_visitor(request)
            return signed_out(request, "")
        where = "" if self._guard.is_admin(who) else "/me"
        return web.Response(status=303, headers={"Location": f"{ROOT}/{who.installation_id}{where}"})

    def serve(self, view: View, *, everybody: bool = False, uploads: bool = False) -> Handler:
        """A handler for administrators, or for `everybody` who is signed in; one with `uploads` is sent files too."""
        fields_of = upload_of if uploads else form_of

        async def enter(request: web.Request) -> web.StreamResponse:
            installation_id = request.match_info["installation"]
            who = await self._guard.who(request, installation_id)
            tenant = None
            if who is not None:
                with suppress(Misconfigured):
                    tenant = await self.find(installation_id)
            if who is None or tenant is None:
                self._guard.count_visitor(request)
                return signed_out(request, installation_id)
            visit = Visit(request, tenant, who, self._guard, {}, self._guard.is_admin(who))
            if not (visit.is_admin or everybody):
                return self.page(visit, "console/not_admin.html", "", status=403)
            form = await fields_of(request) if request.method == "POST" else {}
            try:
                answer = await self._let_in(view, replace(visit, form=form))
            finally:
                close_files(form)
            if not answer.prepared:
                answer.headers.setdefault("Cache-Control", "no-store")
            return answer

        return enter

    async def _let_in(self, view: View, visit: Visit) -> web.StreamResponse:
        request = visit.request
        if request.method == "POST" and not self._guard.check_form(
            request, _purpose(request.path), visit.form.get("form")
        ):
            return self._sent_back(visit, too_old(visit.translate))
        return await self._shown(view, visit)

    async def _shown(self, view: View, visit: Visit) -> web.StreamResponse:
        try:
            return await view(visit)
        except ConnectorError as error:
            log.warning("page not shown", installation=visit.tenant.id, error=type(error).__name__)
            said = explain(error, visit.translate)
            if visit.request.method == "POST":
                return self._sent_back(visit, said)
            return self.page(visit, "console/trouble.html", "", status=503, said=said)

    def _sent_back(self, visit: Visit, said: Said) -> web.Response:
        """Lead from a form that was not taken to the page it stood on, as far as that is known."""
        back = visit.text("back")
        own = visit.at()
        known = back if back == own or back.startswith((own + "/", own + "?")) else own
        return self.tell(said, known)

    def page(
        self,
        visit: Visit,
        template: str,
        current: str,
        *,
        status: int = 200,
        said: Said | None = None,
        **context: object,
    ) -> web.Response:
        """A page of the console; `current` is its place in the map of pages, such as `runs` or `settings/fields`."""
        return page(
            visit.request, template, status=status, visit=visit, show=visit.show, now=self.clock.now(),
            current=current, pages=_pages(visit.translate), sections=_sections(visit.translate),
            said=said or self._notes.found(visit.request), headers=None, **context,
        )  # fmt: skip

    def tell(self, said: Said, where: str) -> web.Response:
        """Lead to a page of the console that says what came of it."""
        return self._notes.leave(where, said)

    async def save(self, visit: Visit, settings: InstallationSettings) -> Saved:
        """Save settings as this administrator's change; Misconfigured with a sentence when somebody else was faster.

        The form says which version it was made of.
        """
        if visit.text("version") != str(visit.tenant.installed.settings_version):
            raise Misconfigured(moved_on(visit.translate))
        saved = await save_settings(
            visit.tenant, settings, doer=visit.who, find=self.find, installations=self.installations
        )
        if saved is None:
            raise Misconfigured(moved_on(visit.translate))
        return saved


def _purpose(address: str) -> str:
    return f"console {URL(address).path}"


def _pages(_: Translate) -> Sequence[tuple[str, str]]:
    """The map of the console."""
    return (
        ("", _("Overview")),
        ("events", _("Events")),
        ("undecided", _("Undecided")),
        ("customers", _("Customers")),
        ("deals", _("Deals")),
        ("runs", _("Runs")),
        ("settings", _("Settings")),
    )


def _sections(_: Translate) -> Sequence[tuple[str, str]]:
    """The map of the settings."""
    return (
        ("settings", _("Connections")),
        ("settings/special-fields", _("Special fields")),
        ("settings/agents", _("Agents")),
        ("settings/fields", _("Fields")),
        ("settings/activities", _("Activities")),
        ("settings/deals", _("Deals")),
        ("settings/calls", _("Calls by click")),
        ("settings/privacy", _("Privacy")),
        ("settings/alerts", _("Alerts")),
        ("settings/keys", _("API keys")),
        ("settings/history", _("History")),
        ("settings/set-up", _("Set-up")),
    )
