"""Deals that were opened here: from what, when and by whom, how each stands, and whether its ticket shows it."""

from __future__ import annotations

from dataclasses import dataclass

from aiohttp import web

from connector.flows.contacts.kinds import COMPANIES, CUSTOMERS
from connector.flows.deals.back_linking import link_soon
from connector.flows.tenant import Tenant
from connector.i18n import Translate
from connector.store.figures import Figures
from connector.store.opened import Link, OpenedRow
from connector.web.console.desk import PATH, Console, Visit
from connector.web.console.words import done
from connector.web.embed.words import Line, say_row
from connector.web.notes import Said

DEALS = "/deals"
_PAGE = 50


@dataclass(frozen=True, slots=True)
class ShownDeal:
    """One deal that was opened here."""

    line: Line
    made: str
    origin: str
    origin_link: str
    customer: str
    customer_link: str
    by: str
    source: str
    ordinal: int
    can_retry: bool


class DealPages:
    """The list of opened deals."""

    def __init__(self, console: Console, figures: Figures) -> None:
        """`figures` lists them."""
        self._console, self._figures = console, figures

    def routes(self) -> web.RouteTableDef:
        """The list, and its form."""
        table, serve = web.RouteTableDef(), self._console.serve
        table.get(PATH + DEALS)(serve(self.show_deals))
        table.post(PATH + DEALS + "/link")(serve(self.link_again))
        return table

    async def show_deals(self, visit: Visit) -> web.StreamResponse:
        """The newest first, all of them or only those that need somebody to look."""
        query = visit.request.query
        attention = query.get("show") == "attention"
        skip = (
            int(text) if (text := query.get("skip", "")).isascii() and text.isdigit() and len(text) < 9 else 0
        )
        rows = await self._figures.deals(visit.tenant.id, attention=attention, limit=_PAGE + 1, skip=skip)
        return self._console.page(
            visit, "console/happening/deals.html", "deals", deals=[_shown(visit, row) for row in rows[:_PAGE]],
            attention=attention, next_skip=skip + _PAGE if len(rows) > _PAGE else None, is_first=not skip,
        )  # fmt: skip

    async def link_again(self, visit: Visit) -> web.StreamResponse:
        """Write the address of a deal into its ticket once more."""
        _, ordinal = visit.translate, visit.text("ordinal")
        where = visit.at("deals", show="attention" if visit.text("show") == "attention" else None)
        row = None
        if ordinal.isascii() and ordinal.isdigit() and len(ordinal) < 9:
            row = await visit.tenant.deals.retry_link(visit.text("source"), int(ordinal))
        if row is None:
            said = Said("attention", _("Not done"), _("This link need not be written any more."), "")
            return self._console.tell(said, where)
        await visit.tenant.audit.note(visit.who, "link", deal=row.deal_id, ticket=row.ticket_id)
        how = await link_soon(visit.tenant, row)
        if how in (Link.FIELD, Link.COMMENT):
            return self._console.tell(done(_("The ticket shows the deal’s address now."), _), where)
        if how is Link.FAILED:
            said = Said(
                "broken", _("Not done"), _("The contact centre has no such ticket any more."),
                _("There is nowhere to write the address."),
            )  # fmt: skip
            return self._console.tell(said, where)
        said = Said(
            "busy", _("Under way"), _("The contact centre does not take the link just now."),
            _("It is tried again by itself."),
        )  # fmt: skip
        return self._console.tell(said, where)


def _shown(visit: Visit, row: OpenedRow) -> ShownDeal:
    tenant, _ = visit.tenant, visit.translate
    link = tenant.record_page("deal", row.deal_id) if row.deal_id else None
    title = _("Deal %(number)s") % {"number": row.deal_id} if row.deal_id else _("Not made")
    ticket = _record(row.ticket_id)
    customer = _record(row.customer_id)
    return ShownDeal(
        line=say_row(row, title, link, _),
        made=visit.show.time(row.made_at),
        origin=_("Ticket %(number)s") % {"number": ticket} if ticket else _("Customer’s page or a program"),
        origin_link=_address(tenant.settings.links.ticket, ticket),
        customer=_("Customer %(number)s") % {"number": customer},
        customer_link=_in_pipedrive(tenant, row) or _address(tenant.settings.links.customer, customer),
        by=_name(tenant, row.made_by, _),
        source=row.source,
        ordinal=row.ordinal,
        can_retry=row.link_state is Link.FAILED and bool(row.deal_id),
    )


def _record(key: str | None) -> str:
    """The id that a record has in its contact centre."""
    return (key or "").rpartition("/")[2]


def _address(template: str | None, record_id: str) -> str:
    return template.replace("{id}", record_id) if template and record_id else ""


def _in_pipedrive(tenant: Tenant, row: OpenedRow) -> str:
    for kind, record_id in ((CUSTOMERS, row.person_id), (COMPANIES, row.organization_id)):
        if record_id:
            return tenant.record_page(kind.crm, record_id)
    return ""


def _name(tenant: Tenant, made_by: str | None, _: Translate) -> str:
    """Who pressed, by the names that are at hand: nothing is asked for."""
    if made_by is None:
        return _("A program")
    connection, slash, login = made_by.partition("/")
    if slash:
        agent = tenant.directory.people.agents.get((connection, login))
        return agent.name if agent is not None else login
    at_hand = tenant.deals_at_hand.catalogue
    name = at_hand[1].names.get(made_by) if at_hand is not None else None
    return name or _("User %(number)s") % {"number": made_by}
