"""A ticket's page: the deals that were opened from it, how it shows them, and the form of the next one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from aiohttp import web

from connector.flows.contacts.kinds import asking
from connector.flows.deals.opening import deals_of_ticket, next_place, ticket_source
from connector.flows.deals.viewing import CustomerDeals
from connector.records import Ticket
from connector.store.opened import OpenedRow, State
from connector.web.embed.desk import Desk, Visit
from connector.web.embed.new_deal import NewDeals, Place, deals_for
from connector.web.embed.words import Line, no_ticket, say_row, ticket_stands
from connector.web.notes import Said
from connector.web.pages import page
from connector.web.recent import Recent
from connector.web.showing import Show

PATH = "/embed/{installation}/{connection}/{kind:tickets}/{id:[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}}"

_FRESH_FOR = timedelta(seconds=30)


class TicketPages:
    """The pages of tickets."""

    def __init__(self, desk: Desk, new_deals: NewDeals) -> None:
        """For agents who are at the `desk`."""
        self._desk, self._new_deals = desk, new_deals
        self._tickets: Recent[tuple[str, str], Ticket] = Recent(desk.clock, _FRESH_FOR)

    def routes(self) -> web.RouteTableDef:
        """All of them."""
        table = web.RouteTableDef()
        table.get(PATH, allow_head=False)(self._desk.serve(self.show))
        table.post(PATH)(self._desk.serve(self.open))
        return table

    async def show(self, visit: Visit) -> web.Response:
        """The ticket and its deals."""
        ticket = await self._ticket(visit)
        return await self._page(visit, ticket, said=self._desk.told(visit))

    async def open(self, visit: Visit) -> web.Response:
        """Open the deal that the form asks for."""
        sent, ticket = await visit.request.post(), await self._ticket(visit)
        if ticket is None or ticket.customer_id is None:
            return await self._page(visit, ticket, status=422)
        text = str(sent.get("place", ""))
        ordinal = int(text) if text.isascii() and text.isdigit() and len(text) < 4 else 1
        place = _place(visit, ticket, ticket.customer_id, ordinal)
        if (again := await self._new_deals.open(visit, place, sent)) is None:
            return web.Response(status=303, headers={"Location": visit.here})
        form, said = again
        return await self._page(visit, ticket, said=said, form=form, status=422)

    async def _page(
        self, visit: Visit, ticket: Ticket | None, *, said: Said | None = None, form: object = None, status: int = 200
    ) -> web.Response:  # fmt: skip
        _, customer = visit.translate, ticket.customer_id if ticket is not None else None
        key = f"{visit.centre.id}/{customer}"
        shown, trouble = await deals_for(visit, key) if customer else (None, None)
        # After the list: a deal that it shows is not asked for by itself.
        rows = await deals_of_ticket(visit.tenant, visit.key)
        standing = [row for row in rows if row.stands]
        looking = any(row.state is State.SENDING for row in standing)
        wants_another = "another" in visit.request.query and not looking
        if form is None and ticket is not None and customer and (not standing or wants_another):
            form = await self._new_deals.form(visit, _place(visit, ticket, customer, next_place(rows)))
        return page(
            visit.request, "embed/ticket.html", status=status, visit=visit, show=Show.of(visit.request, visit.tenant.settings.tz), said=said, form=form,
            standing=no_ticket(_) if ticket is None else ticket_stands(standing, ticket.subject, _, has_customer=bool(customer)),
            opened=_lines(visit, rows, shown), looking=looking and form is None,
            another=f"{visit.here}?another=1" if customer and standing and not looking else "",
            shown=shown, trouble=trouble,
            customer_page=f"/embed/{visit.tenant.id}/{visit.centre.id}/customers/{customer}",
        )  # fmt: skip

    async def _ticket(self, visit: Visit) -> Ticket | None:
        """The ticket's head; with a customer it is taken as it was half a minute ago."""
        known = (visit.tenant.id, visit.key)
        if (kept := self._tickets.get(known)) is not None:
            return kept
        async with asking(visit.centre, visit.key) as centre:
            ticket = await centre.api.ticket(visit.record_id)
        if ticket is not None and ticket.customer_id is not None:
            self._tickets.keep(known, ticket)
        return ticket


def _place(visit: Visit, ticket: Ticket, customer: str, ordinal: int) -> Place:
    return Place(
        ticket_source(visit.key), ordinal, str(ordinal), f"{visit.centre.id}/{customer}", visit.here, ticket=visit.key, subject=ticket.subject
    )  # fmt: skip


def _lines(visit: Visit, rows: Sequence[OpenedRow], shown: CustomerDeals | None) -> list[Line]:
    """What became of each deal."""
    _ = visit.translate
    titles = {deal.id: deal.title for deal in shown.deals} if shown is not None else {}
    lines = []
    for row in rows:
        number = _("Deal %(number)s") % {"number": row.deal_id} if row.deal_id else _("New deal")
        link = visit.tenant.record_page("deal", row.deal_id) if row.deal_id else None
        lines.append(say_row(row, titles.get(row.deal_id or "", number), link, _))
    return lines
