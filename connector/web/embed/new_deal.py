"""The form of a new deal, shown and taken: for customers and for tickets alike."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace

import structlog

from connector.errors import ConnectorError, Misconfigured
from connector.flows.contacts.answering import answer
from connector.flows.contacts.identifying import NEW
from connector.flows.contacts.pushing import GOOD
from connector.flows.deals.catalogue import OLD, catalogue
from connector.flows.deals.opening import Order, Result, choose_person, open_deal
from connector.flows.deals.viewing import CustomerDeals, customer_deals, pair_of
from connector.store.questions import Asked
from connector.web.embed.deal_form import (
    DealForm,
    first_values,
    offered_owners,
    offered_stages,
    read_deal,
    read_values,
)
from connector.web.embed.desk import Desk, Visit
from connector.web.embed.parties import Parties, Party, case_of
from connector.web.embed.words import look_at_fields, moved_on, not_now, say_opened, say_pushed, too_old
from connector.web.notes import Said

log = structlog.get_logger()

_DONE = frozenset({Result.MADE, Result.THERE, Result.IN_DOUBT, Result.WAITS})


@dataclass(frozen=True, slots=True)
class Place:
    """Where a deal is opened from: `name` stands in the form for the ordinal, or for the form's own nonce."""

    source: str
    ordinal: int
    name: str
    customer: str
    action: str
    ticket: str | None = None
    subject: str = ""
    back: str = ""


class NewDeals:
    """Forms of new deals."""

    def __init__(self, desk: Desk, parties: Parties) -> None:
        """For agents who are at the `desk`."""
        self._desk, self._parties = desk, parties

    async def form(self, visit: Visit, place: Place) -> DealForm:
        """The form as it is first shown."""
        tenant, own, _ = visit.tenant, visit.who.user_id, visit.translate
        known, party = await asyncio.gather(catalogue(tenant, no_older_than=OLD), self._party(visit, place))
        title = place.subject or _("%(name)s: deal") % {"name": party.organization or party.name}
        values = first_values(known, tenant.settings.deals, own, title)
        return await self._form(visit, place, values, party)

    async def _again(self, visit: Visit, place: Place, values: Mapping[str, str]) -> DealForm:
        """The form with what was written into it, which is not lost where it cannot be read who it is about."""
        try:
            party = await self._party(visit, place)
        except ConnectorError:
            party = None
        return await self._form(visit, place, values, party)

    async def _party(self, visit: Visit, place: Place) -> Party:
        pair = await pair_of(visit.tenant, place.customer)
        return await self._parties.of(visit.tenant, place.customer, pair, with_organization=True)

    async def _form(
        self, visit: Visit, place: Place, values: Mapping[str, str], party: Party | None
    ) -> DealForm:
        tenant, own = visit.tenant, visit.who.user_id
        known = await catalogue(tenant, no_older_than=OLD)
        asked = None if party is None else await case_of(tenant, place.customer, party)
        return DealForm(
            action=place.action, token=visit.token(_purpose(visit, place)), place=place.name, party=party,
            values=dict(values), stages=offered_stages(known, tenant.settings.deals),
            owners=offered_owners(known, own), ticket=place.subject, back=place.back,
            choice=await self._parties.choice(tenant, asked),
        )  # fmt: skip

    async def open(
        self, visit: Visit, place: Place, sent: Mapping[str, object]
    ) -> tuple[DealForm, Said] | None:
        """Open what the form asks for; answers the form again and what is in the way, or None when it is under way."""
        values = read_values(sent)
        try:
            return await self._open(visit, place, sent, values)
        except ConnectorError as error:
            log.warning("deal not opened", installation=visit.tenant.id, error=type(error).__name__)
            return await self._again(visit, place, values), not_now(error, visit.translate)

    async def _open(
        self, visit: Visit, place: Place, sent: Mapping[str, object], values: Mapping[str, str]
    ) -> tuple[DealForm, Said] | None:
        _ = visit.translate
        if not visit.allows(_purpose(visit, place), sent.get("form")):
            return await self._again(visit, place, values), too_old(_)
        # An old one will do, whoever waits: what it does not know to be gone, Pipedrive refuses, and it is read again.
        wanted, errors = read_deal(values, await catalogue(visit.tenant, no_older_than=OLD), _)
        pair = await pair_of(visit.tenant, place.customer)
        asked = await self._parties.to_choose(visit.tenant, place.customer, pair)
        if asked is not None and not _is_choice(asked, values["person"]):
            errors["person"] = _("Choose which one it is.")
        if any(errors.values()):
            form = await self._again(visit, place, values)
            form.errors = errors
            return form, look_at_fields(_)
        tenant = visit.tenant if pair is not None else await self._desk.prepared(visit.tenant)
        order = Order(
            source=place.source, ordinal=place.ordinal, customer_key=place.customer, ticket_key=place.ticket,
            wanted=wanted, made_by=visit.who.user_id or visit.who.agent,
            same_title_is_meant=sent.get("same_title") == "meant",
        )  # fmt: skip
        if asked is None:
            opened = await open_deal(tenant, self._desk.operations, order)
        else:
            opened = await choose_person(tenant, self._desk.operations, order, asked, values["person"])
        if opened.result in _DONE:
            return None
        form = await self._again(visit, place, values)
        if opened.result is Result.SAME_TITLE:
            form.again = True
            shown, _trouble = await deals_for(visit, place.customer)
            if shown is None or opened.deal_id not in {deal.id for deal in shown.deals}:
                # It is one that this agent may not see.
                opened = replace(opened, link=None)
        return form, say_opened(opened, _)


def _purpose(visit: Visit, place: Place) -> str:
    return visit.purpose(f"deal {place.name} {place.customer}")


# what is there already


async def deals_for(visit: Visit, key: str) -> tuple[CustomerDeals | None, Said | None]:
    """The deals of a customer who is in step, or what keeps them from being shown."""
    try:
        shown = await customer_deals(visit.tenant, key, visit.viewer)
    except ConnectorError as error:
        log.warning("deals not shown", installation=visit.tenant.id, error=type(error).__name__)
        return None, not_now(error, visit.translate)
    return (shown, None) if shown.pair is not None else (None, None)


# which of several it is


def _is_choice(asked: Asked, person: str) -> bool:
    return person == NEW or person in asked.candidates


async def choose(desk: Desk, visit: Visit, asked: Asked | None, person: str) -> Said | None:
    """Decide who in Pipedrive a customer is; answers what came of it unless both sides belong together now."""
    _ = visit.translate
    if asked is None or not _is_choice(asked, person):
        return moved_on(_)
    tenant = await desk.prepared(visit.tenant)
    try:
        answered = await answer(tenant, desk.operations, asked.id, person)
    except Misconfigured:
        return moved_on(_)
    if answered.pushed is None:
        return moved_on(_)
    return None if answered.pushed.outcome in GOOD else say_pushed(answered.pushed, _)
