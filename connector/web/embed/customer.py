"""A customer's page: how he stands in Pipedrive and what brings him there, his deals, and the form of a new one."""

from __future__ import annotations

import asyncio
import secrets

from aiohttp import web

from connector.flows.contacts.kinds import CUSTOMERS
from connector.flows.contacts.pushing import Outcome, push
from connector.flows.deals.viewing import pair_of
from connector.store.dirty import Side
from connector.store.opened import OpenedRow, State
from connector.web.embed.desk import Desk, Visit
from connector.web.embed.new_deal import NewDeals, Place, choose, deals_for
from connector.web.embed.parties import Parties, case_of
from connector.web.embed.words import say_chosen, say_made, say_pushed, stands
from connector.web.pages import page
from connector.web.showing import Show

PATH = "/embed/{installation}/{connection}/{kind:customers}/{id:[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}}"


class CustomerPages:
    """The pages of customers."""

    def __init__(self, desk: Desk, parties: Parties, new_deals: NewDeals) -> None:
        """For agents who are at the `desk`."""
        self._desk, self._parties, self._new_deals = desk, parties, new_deals

    def routes(self) -> web.RouteTableDef:
        """All of them."""
        table = web.RouteTableDef()
        table.get(PATH, allow_head=False)(self._desk.serve(self.show))
        table.post(PATH)(self._desk.serve(self.act))
        table.get(PATH + "/new-deal", allow_head=False)(self._desk.serve(self.new_deal))
        table.post(PATH + "/new-deal")(self._desk.serve(self.open))
        return table

    async def show(self, visit: Visit) -> web.Response:
        """The customer and his deals."""
        tenant, key, _ = visit.tenant, visit.key, visit.translate
        said, row = self._desk.told(visit), await _row(visit)
        pair = await pair_of(tenant, key)
        party, (shown, trouble) = await asyncio.gather(
            self._parties.of(tenant, key, pair),
            deals_for(visit, key),
        )
        asked = await case_of(tenant, key, party)
        choice = await self._parties.choice(tenant, asked)
        if row is not None:
            said = say_made(row, tenant.record_page("deal", row.deal_id) if row.deal_id else None, _)
        may_add = choice is None and party.in_step is party.is_gone
        return page(
            visit.request, "embed/customer.html", visit=visit, show=Show.of(visit.request, visit.tenant.settings.tz), said=said,
            standing=stands(party, asked, _), shown=shown, trouble=trouble, choice=choice,
            choice_token=visit.token(visit.purpose("choice")), add_token=visit.token(visit.purpose("add")) if may_add else "",
            may_open=not party.is_gone, looking=row is not None and row.state is State.SENDING,
        )  # fmt: skip

    async def act(self, visit: Visit) -> web.Response:
        """Add the customer to Pipedrive, or take it that he is one of several there."""
        sent, _ = await visit.request.post(), visit.translate
        order = str(sent.get("order", ""))
        if order not in ("add", "choice") or not visit.allows(visit.purpose(order), sent.get("form")):
            return self._desk.too_old(visit)
        if order == "choice":
            pair = await pair_of(visit.tenant, visit.key)
            asked = await self._parties.to_choose(visit.tenant, visit.key, pair)
            said = await choose(self._desk, visit, asked, str(sent.get("person", "")))
            return self._desk.tell(visit, said or say_chosen(_))
        tenant = await self._desk.prepared(visit.tenant)
        pushed = await push(tenant, self._desk.operations, CUSTOMERS, Side.CENTRE, visit.key)
        if pushed.outcome is Outcome.ASKED:
            return web.Response(status=303, headers={"Location": visit.here})
        return self._desk.tell(visit, say_pushed(pushed, _))

    async def new_deal(self, visit: Visit) -> web.Response:
        """The form of a new deal."""
        form = await self._new_deals.form(visit, _place(visit, secrets.token_urlsafe(12)))
        return page(visit.request, "embed/new_deal.html", visit=visit, form=form, said=self._desk.told(visit))

    async def open(self, visit: Visit) -> web.Response:
        """Open the deal that the form asks for."""
        sent = await visit.request.post()
        place = _place(visit, str(sent.get("place", ""))[:64])
        if (again := await self._new_deals.open(visit, place, sent)) is None:
            return web.Response(status=303, headers={"Location": f"{visit.here}?deal={place.name}"})
        form, said = again
        return page(
            visit.request, "embed/new_deal.html", status=422, visit=visit, form=form, said=said
        )  # fmt: skip


def _source(nonce: str) -> str:
    return f"form/{nonce}"


def _place(visit: Visit, nonce: str) -> Place:
    return Place(_source(nonce), 1, nonce, visit.key, f"{visit.here}/new-deal", back=visit.here)


async def _row(visit: Visit) -> OpenedRow | None:
    """The deal whose form led here."""
    nonce = visit.request.query.get("deal", "")
    row = await visit.tenant.deals.find(_source(nonce), 1) if nonce else None
    return row if row is not None and row.customer_id == visit.key else None
