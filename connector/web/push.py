"""The button of a customer's card: a page that brings this one customer in step with Pipedrive, without script.

Its address can stand in a link field of the card. Looking changes nothing. The credentials are those of the lookups; a
browser sends them along unasked, so that only a form that this page has shown is followed.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

import structlog
from aiohttp import web

from connector.clock import Clock
from connector.errors import ConnectorError
from connector.flows.contacts import reconciling
from connector.flows.contacts.kinds import COMPANIES
from connector.flows.contacts.pushing import Outcome, Pushed
from connector.flows.tenant import Tenant
from connector.i18n import Translate
from connector.web.gate import Gate
from connector.web.hooks import Door
from connector.web.pages import page, translate_for

log = structlog.get_logger()

PATH = "/push/"
_CUSTOMER = re.compile(r"[A-Za-z0-9._-]{1,64}")
_FORM_LIFE_S = 3600
#: Each push reads both sides: no more than hands press.
_DOOR_BURST, _DOOR_PER_MINUTE = 60, 60

#: Brings a customer in step: the installation and the customer's key in, the tenant and what came of it out.
PushCustomer = Callable[[str, str], Awaitable[tuple[Tenant, Pushed]]]
#: The pages in Pipedrive that a customer has already.
KnownPages = Callable[[str, str], Awaitable[list[str]]]


@dataclass(frozen=True, slots=True)
class Said:
    """What a visitor reads: the state with its word, what happened, and what it means or what to do next."""

    state: str
    word: str
    title: str
    text: str


def routes(
    doors: Mapping[str, Door],
    push_customer: PushCustomer,
    known_pages: KnownPages,
    look_again: Callable[[], Awaitable[None]],
    clock: Clock,
) -> web.RouteTableDef:
    """The page and its form."""
    gate = Gate(doors, look_again, clock, burst=_DOOR_BURST, per_minute=_DOOR_PER_MINUTE)
    table = web.RouteTableDef()

    @table.get(PATH + "{path}", allow_head=False)
    async def ask(request: web.Request) -> web.Response:
        """Say how a customer stands and offer the button."""
        door, customer = await gate.admit(request), _customer(request)
        links = await known_pages(door.installation_id, f"{door.source}/{customer}")
        return _page(request, door, customer, clock, links=links)

    @table.post(PATH + "{path}")
    async def press(request: web.Request) -> web.Response:
        """Bring the customer in step and say what came of it."""
        door, customer = await gate.admit(request), _customer(request)
        shown = (await request.post()).get("form", "")
        elsewhere = request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none")
        if elsewhere or not _is_ours(door, customer, str(shown), clock):
            said = _too_old(translate_for(request))
            return _page(request, door, customer, clock, status=403, said=said)
        try:
            tenant, pushed = await push_customer(door.installation_id, f"{door.source}/{customer}")
        except ConnectorError as error:
            log.warning("push failed", installation=door.installation_id, error=type(error).__name__)
            said = _not_now(translate_for(request))
            return _page(request, door, customer, clock, status=503, said=said, reason=str(error))
        return _page(
            request,
            door,
            customer,
            clock,
            said=say(pushed, translate_for(request)),
            links=pushed.links(tenant),
            reason=pushed.reason if pushed.outcome in (Outcome.REFUSED, Outcome.WAITS) else "",
            problems=[problem for pair in pushed.pairs for problem in pair.problems],
        )

    return table


def _customer(request: web.Request) -> str:
    customer = request.query.get("customer_id", "")
    if not _CUSTOMER.fullmatch(customer):
        raise web.HTTPBadRequest(text="Give customer_id.")
    return customer


def _page(
    request: web.Request, door: Door, customer: str, clock: Clock, *, status: int = 200, said: Said | None = None,
    links: list[str] | None = None, reason: str = "", problems: list[Mapping[str, str]] | None = None,
) -> web.Response:  # fmt: skip
    return page(
        request, "push.html", status=status, customer=customer, said=said, links=links or [], reason=reason,
        problems=problems or [], form=_form(door, customer, int(clock.now().timestamp()) + _FORM_LIFE_S),
        address=f"{PATH}{request.match_info['path']}?customer_id={customer}",
    )  # fmt: skip


# the form


def _form(door: Door, customer: str, until: int) -> str:
    """What shows that a form came from our own page: for this door and customer, until then."""
    signed = hmac.new(door.authorization, f"push\0{customer}\0{until}".encode(), "sha256").hexdigest()
    return f"{until}.{signed}"


def _is_ours(door: Door, customer: str, shown: str, clock: Clock) -> bool:
    until = shown.partition(".")[0]
    if not (until.isascii() and until.isdigit() and len(until) < 12):
        return False
    expected = _form(door, customer, int(until))
    return hmac.compare_digest(expected.encode(), shown.encode()) and clock.now().timestamp() < int(until)


# words


def say(pushed: Pushed, _: Translate) -> Said:
    """What came of a push, in the visitor's language."""
    is_company = any(pair.entity == COMPANIES.entity for pair in pushed.pairs)
    now_there = _("The company is in Pipedrive now") if is_company else _("The customer is in Pipedrive now")
    done, not_done = _("Done"), _("Not done")
    words = {
        Outcome.MADE: (
            "good", done, now_there, _("It was not there yet. From now on both sides belong together."),
        ),
        Outcome.LINKED: (
            "good", done, _("Found in Pipedrive and linked"),
            _("It was there already. From now on both sides belong together."),
        ),
        Outcome.UPDATED: (
            "good", done, _("Both sides are the same now"), _("What differed was carried over."),
        ),
        Outcome.IN_STEP: (
            "good", done, _("Both sides were the same already"), _("Nothing had to be written."),
        ),
        Outcome.ALIAS: (
            "attention", _("Look at this"), _("This customer is entered twice"),
            _("Another customer is this person of Pipedrive already. Calls, chats and e‑mails go there; the fields of this one are not carried over."),
        ),
        Outcome.ASKED: (
            "attention", _("Waits for a decision"), _("Several in Pipedrive could be meant"),
            _("Nobody is guessed. Ask your administrator to decide which one it is; what waits then goes on by itself."),
        ),
        Outcome.LEFT_OUT: (
            "attention", not_done, _("This customer was not pushed"), _left_out(pushed.reason, _),
        ),
        Outcome.WAITS: (
            "attention", _("Not done yet"), _("It could not be finished just now"),
            _("Nothing is lost. Wait a minute, then push once more."),
        ),
        Outcome.REFUSED: (
            "broken", not_done, _("It was refused"),
            _("Correct what the reason names on the customer’s card, then push again."),
        ),
    }  # fmt: skip
    return Said(*words[pushed.outcome])


def _left_out(reason: str, _: Translate) -> str:
    return {
        reconciling.NOT_IN_CENTRE: _(
            "The contact centre has no such customer. Open the page from the customer’s card."
        ),
        reconciling.DIRECTION_OFF: _(
            "The settings let nothing be made in Pipedrive. Ask your administrator."
        ),
        reconciling.CARD_WITHOUT_COMPANY: _("It is a company’s own record, and does not say whose."),
    }.get(reason, _("Ask your administrator."))


def _too_old(_: Translate) -> Said:
    return Said(
        "attention",
        _("Not done"),
        _("This page was open too long"),
        _("Nothing was written. Push once more."),
    )


def _not_now(_: Translate) -> Said:
    return Said(
        "broken", _("Not done"), _("It cannot be done just now"),
        _("Pipedrive or the contact centre does not let us work. If it goes on, give your administrator the reason."),
    )  # fmt: skip
