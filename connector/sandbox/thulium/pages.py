"""Pages to look at: customers and their card, calls, chats, tickets, and forms that make something happen.

They live at `/{system}/panel/…`, where links into the panel can point; `/panel/…` leads to the first system.
"""

from __future__ import annotations

import html
import re
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TypeAlias

from aiohttp import web

from connector.sandbox.pages import Pages
from connector.sandbox.thulium import crm
from connector.sandbox.thulium.events import HAPPENINGS
from connector.sandbox.thulium.phone_pages import PhonePages
from connector.sandbox.thulium.state import Customer, System
from connector.sandbox.thulium.wire import ApiError, Body, local

ROWS = 50
BREAK = re.compile(r"<br\s*/?>|</(?:p|div|li|tr|h\d)>", re.IGNORECASE)
TAG = re.compile(r"<[^>]*>")
SHOWN_AT = {"call": "calls", "topic": "calls", "customer": "customers"}
SHOWN_AT |= {"chat": "chats", "chat_message": "chats", "chat_close": "chats", "ticket": "tickets"}

Page: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]


def plain(text: str) -> str:
    """Show a message's HTML as text; the template escapes it."""
    return html.unescape(TAG.sub("", BREAK.sub("\n", text))).strip()


class Panel:
    """The pages of one system."""

    def __init__(self, system: System) -> None:
        """Show `system`."""
        self.system = system
        self.base = f"/{system.name}/panel"
        names = ("customers", "calls", "chats", "tickets")
        nav = [(f"{self.base}/", "Today"), *((f"{self.base}/{name}", name.capitalize()) for name in names)]
        nav += [(f"{self.base}/phones", "Phones"), (f"{self.base}/external-crm", "External CRM")]
        self.pages = Pages(
            Path(__file__).parent / "templates", f"Contact centre “{system.name}”", nav, frames="http: https:"
        )

    def routes(self) -> list[web.RouteDef]:
        """Give the addresses of the pages."""
        return [
            web.get(f"{self.base}/", self.start),
            web.post(f"{self.base}/happen", self.happen),
            web.get(f"{self.base}/customers", self.customers),
            web.get(f"{self.base}/customers/{{id}}", self.customer),
            web.post(f"{self.base}/customers/{{id}}", self.edit_customer),
            web.get(f"{self.base}/calls", self.calls),
            web.get(f"{self.base}/calls/{{id}}", self.call),
            web.get(f"{self.base}/external-crm", self.external_crm),
            web.post(f"{self.base}/external-crm", self.set_external_crm),
            web.get(f"{self.base}/chats", self.chats),
            web.get(f"{self.base}/chats/{{id}}", self.chat),
            web.get(f"{self.base}/tickets", self.tickets),
            web.get(f"{self.base}/tickets/{{id}}", self.ticket),
            *PhonePages(self.system, self.base, self._show).routes(),
        ]

    def _show(self, template: str, status: int = 200, **context: object) -> web.Response:
        return self.pages.answer(
            template,
            status,
            system=self.system,
            base=self.base,
            local=partial(local, self.system.zone),
            plain=plain,
            **context,
        )

    def _list(self, request: web.Request, template: str, found: Sequence[object]) -> web.Response:
        text = request.query.get("from", "0")
        first = int(text) if text.isdecimal() and len(text) < 10 else 0
        more = first + ROWS if len(found) > first + ROWS else None
        rows = found[first : first + ROWS]
        return self._show(
            template, rows=rows, total=len(found), first=first, more=more, q=request.query.get("q", "")
        )

    def _missing(self) -> web.Response:
        return self._show("missing.html", 404)

    async def start(self, _request: web.Request) -> web.Response:
        """Counts, the last events, and forms."""
        return self._start()

    def _start(self, status: int = 200, problem: str = "") -> web.Response:
        system = self.system
        counts = {name: len(getattr(system, name)) for name in ("customers", "calls", "chats", "tickets")}
        hooks = list(system.deliveries)[-10:][::-1]
        return self._show("start.html", status, counts=counts, hooks=hooks, problem=problem)

    async def happen(self, request: web.Request) -> web.StreamResponse:
        """Do what a form asks, then show the record."""
        form = await request.post()
        sent: dict[str, object] = {
            key: text for key, text in form.items() if isinstance(text, str) and text.strip()
        }
        what = str(sent.pop("what", ""))
        try:
            if what not in HAPPENINGS:
                raise ApiError(400, "Invalid value", "what")
            if "close" in sent:
                sent["close"] = True
            if "line" in sent:
                sent["messages"] = [{"sent_by": "CLIENT", "text": sent.pop("line")}]
            made = HAPPENINGS[what](self.system, Body(sent))
        except ApiError as refusal:
            return self._start(400, f"{refusal.message}: {refusal.about}")
        if what in ("ticket_message", "ticket_touch"):
            raise web.HTTPSeeOther(f"{self.base}/tickets/{sent['ticket_id']}")
        raise web.HTTPSeeOther(
            f"{self.base}/{SHOWN_AT[what]}/{made['id']}" if what in SHOWN_AT else f"{self.base}/"
        )

    async def customers(self, request: web.Request) -> web.Response:
        """Customers by id; `q` searches name, number and address."""
        q = request.query.get("q", "").casefold().strip()
        found = [card for card in self.system.customers.values() if not q or q in _searched(card)]
        return self._list(request, "customers.html", found)

    def _card(self, request: web.Request) -> Customer | None:
        ref = request.match_info["id"]
        return self.system.customers.get(int(ref)) if ref.isdecimal() else None

    async def customer(self, request: web.Request) -> web.Response:
        """Show a card with everything that happened to the customer."""
        card = self._card(request)
        return self._customer(card) if card else self._missing()

    async def edit_customer(self, request: web.Request) -> web.StreamResponse:
        """Save the form as an agent does, or delete the card; a company's card with its company."""
        card = self._card(request)
        if card is None:
            return self._missing()
        form = {key: str(value) for key, value in (await request.post()).items()}
        company = self.system.companies.get(card.company_id or 0) if card.company_flag else None
        try:
            if form.pop("order", "") == "delete":
                if company is None:
                    crm.drop_customer(self.system, card)
                else:
                    crm.drop_company(self.system, company)
                raise web.HTTPSeeOther(f"{self.base}/customers")
            ways = {key: form.pop(key, "").splitlines() for key in ("phone_number", "email")}
            crm.change_customer(self.system, card, Body({**form, **ways}))
        except ApiError as refusal:
            return self._customer(card, f"{refusal.message}: {refusal.about}".rstrip(": "), 400)
        raise web.HTTPSeeOther(f"{self.base}/customers/{card.customer_id}")

    def _customer(self, card: Customer, problem: str = "", status: int = 200) -> web.Response:
        mine = card.customer_id
        return self._show(
            "customer.html",
            status,
            problem=problem,
            card=card,
            company=self.system.companies.get(card.company_id or 0),
            calls=[call for call in self.system.calls.values() if call.customer_id == mine][-ROWS:][::-1],
            chats=[chat for chat in self.system.chats.values() if chat.customer_id == mine][-ROWS:][::-1],
            tickets=[ticket for ticket in self.system.tickets.values() if ticket.customer_id == mine][-ROWS:][
                ::-1
            ],
        )

    async def calls(self, request: web.Request) -> web.Response:
        """Calls, newest first."""
        return self._list(
            request, "calls.html", self.system.calls_by_date.between(None, None, inclusive=True)
        )

    async def call(self, request: web.Request) -> web.Response:
        """One call, with who calls by the external CRM, and a form for its topic."""
        await self.system.external_crm.settled()
        call = self.system.calls.get(request.match_info["id"])
        return self._show("call.html", call=call) if call else self._missing()

    async def external_crm(self, _request: web.Request) -> web.Response:
        """Whom a ringing phone asks who calls."""
        return self._show("external_crm.html", crm=self.system.external_crm, problem="")

    async def set_external_crm(self, request: web.Request) -> web.Response:
        """Enter whom to ask."""
        form = await request.post()
        crm = self.system.external_crm
        try:
            crm.enter(*(str(form.get(name, "")).strip() for name in ("url", "user", "password")))
        except ValueError as wrong:
            return self._show("external_crm.html", 400, crm=crm, problem=str(wrong))
        raise web.HTTPSeeOther(f"{self.base}/external-crm")

    async def chats(self, request: web.Request) -> web.Response:
        """Chats, newest first."""
        return self._list(
            request, "chats.html", self.system.chats_by_start.between(None, None, inclusive=True)
        )

    async def chat(self, request: web.Request) -> web.Response:
        """One chat, with forms to go on and to end it."""
        chat = self.system.chats.get(request.match_info["id"])
        return self._show("chat.html", chat=chat) if chat else self._missing()

    async def tickets(self, request: web.Request) -> web.Response:
        """Tickets, last modified first."""
        found = self.system.tickets_by_change.between(None, None, inclusive=True)
        return self._list(request, "tickets.html", found)

    async def ticket(self, request: web.Request) -> web.Response:
        """One ticket with its messages, and forms to write another."""
        ref = request.match_info["id"]
        ticket = self.system.tickets.get(int(ref)) if ref.isdecimal() else None
        return self._show("ticket.html", ticket=ticket) if ticket else self._missing()


def _searched(card: Customer) -> str:
    return " ".join((card.full_name, *card.phones, *card.emails)).casefold()


def page_routes(systems: Sequence[System]) -> list[web.RouteDef]:
    """Give the pages of all systems; `/` and `/panel/…` lead to those of the first."""
    first = f"/{systems[0].name}/panel/"

    async def to_first(request: web.Request) -> web.StreamResponse:
        raise web.HTTPFound(first + request.match_info.get("rest", ""))

    routes = [route for system in systems for route in Panel(system).routes()]
    return [*routes, web.get("/", to_first), web.get("/panel/{rest:.*}", to_first)]
