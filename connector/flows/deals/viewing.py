"""A customer's deals as an agent sees them: one list call a customer, kept for a few seconds, one reader at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from connector.flows.contacts.kinds import COMPANIES, CUSTOMERS, KINDS
from connector.flows.deals.catalogue import OLD, YOUNG, Catalogue, catalogue
from connector.flows.tenant import Tenant
from connector.pipedrive.budget import Lane
from connector.pipedrive.records import Deal
from connector.store.bindings import Bond, Bound

#: A list is shown this long before it is asked for again.
_SHOWN_FOR = timedelta(seconds=5)
_EVERY_STATUS = "open,won,lost"
_LONG_AGO = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who looks: a Pipedrive user, if he is one; `sees_all` where nothing is hidden from him."""

    user_id: str | None
    sees_all: bool


@dataclass(frozen=True, slots=True)
class ShownDeal:
    """One deal in words; `place` of `places` is its stage's in the pipeline, from 1 on, 0 where that is not known."""

    id: str
    title: str
    created: datetime | None
    pipeline: str
    stage: str
    place: int
    places: int
    value: Decimal | None
    currency: str | None
    probability: Decimal | None
    status: str
    owner: str
    link: str
    mine: bool


@dataclass(frozen=True, slots=True)
class CustomerDeals:
    """A customer's deals, open ones first; `totals` of the open ones by currency, `hidden` counts what is not shown."""

    pair: Bound | None
    person_link: str | None
    deals: Sequence[ShownDeal]
    totals: Mapping[str, Decimal]
    hidden: int


async def customer_deals(tenant: Tenant, key: str, viewer: Viewer, *, lane: Lane = Lane.POP) -> CustomerDeals:
    """The deals of a customer by its key (10 tokens a 500, none for one not in step), without archived ones.

    Pipedrive lists archived deals by another call, for twice the price; agents work with those that are not.
    """
    pair = await pair_of(tenant, key)
    if pair is None:
        return CustomerDeals(None, None, (), {}, 0)
    known, listed = await asyncio.gather(
        catalogue(tenant, no_older_than=OLD),
        listed_deals(tenant, pair, no_older_than=_SHOWN_FOR, lane=lane),
    )
    if any(known.stage(deal.stage_id) is None for deal in listed if deal.stage_id is not None):
        known = await catalogue(tenant, no_older_than=YOUNG)
    seen = [deal for deal in listed if may_see(tenant, known, viewer, deal)]
    seen.sort(key=lambda deal: deal.add_time or _LONG_AGO, reverse=True)
    seen.sort(key=lambda deal: deal.status != "open")
    return CustomerDeals(
        pair,
        tenant.record_page(KINDS[pair.entity].crm, pair.crm_id),
        [shown(tenant, known, viewer, deal) for deal in seen],
        _totals(seen),
        len(listed) - len(seen),
    )


async def pair_of(tenant: Tenant, key: str) -> Bound | None:
    """Who a customer is in Pipedrive: a person, or the organization where its card is a company's own record."""
    bound = (await tenant.bindings.of_centre(CUSTOMERS.entity, [key])).get(key)
    if bound is not None and bound.state is not Bond.GONE:
        return bound
    organization = (await tenant.bindings.whose([key]))[1].get(key)
    if organization is None:
        return None
    companies = (await tenant.bindings.of_crm(COMPANIES.entity, [organization])).get(organization, [])
    return next((one for one in companies if one.card_id == key and one.state is not Bond.GONE), None)


async def listed_deals(
    tenant: Tenant, pair: Bound, *, no_older_than: timedelta, lane: Lane = Lane.POP
) -> Sequence[Deal]:
    """All deals of a person or organization that are neither deleted nor archived, from a list no older than that."""
    at_hand, whose = tenant.deals_at_hand, (pair.entity, pair.crm_id)
    since = tenant.clock.now() - no_older_than
    async with at_hand.lock(*whose):
        kept = at_hand.lists.get(whose)
        if kept is not None and kept[0] >= since:
            return kept[1]
        at = tenant.clock.now()
        found = await deals_in_pipedrive(
            tenant,
            person_id=pair.crm_id if pair.entity == CUSTOMERS.entity else None,
            organization_id=None if pair.entity == CUSTOMERS.entity else pair.crm_id,
            lane=lane,
        )
        at_hand.remember(whose, found, at)
    return found


async def deals_in_pipedrive(
    tenant: Tenant, *, person_id: str | None, organization_id: str | None, lane: Lane = Lane.POP
) -> list[Deal]:
    """The deals of a person, or else of an organization, as they are now (10 tokens a 500)."""
    api = tenant.pipedrive.on(lane)
    listed = await api.deals_of(
        person_id=person_id, org_id=None if person_id is not None else organization_id, status=_EVERY_STATUS
    )
    return [deal for deal in listed if not deal.is_deleted and not deal.is_archived]


async def sees_all_deals(tenant: Tenant) -> bool:
    """Whether the user of the sync may see every deal, so that one which is not found (404) is there no more."""
    return (await tenant.pipedrive.on(Lane.POP).me()).is_admin


def may_see(tenant: Tenant, known: Catalogue, viewer: Viewer, deal: Deal) -> bool:
    """Whether a deal is the viewer's own, or open to the whole company, or the admin lets everybody see all."""
    if viewer.sees_all or tenant.settings.deals.visible == "all" or deal.visible_to == known.whole_company:
        return True
    return viewer.user_id is not None and deal.owner_id == viewer.user_id


def shown(tenant: Tenant, known: Catalogue, viewer: Viewer, deal: Deal) -> ShownDeal:
    """A deal in words."""
    stage, pipeline = known.stage(deal.stage_id), known.pipeline(deal.pipeline_id)
    stages = known.stages_of(deal.pipeline_id)
    return ShownDeal(
        id=deal.id,
        title=deal.title,
        created=deal.add_time,
        pipeline=pipeline.name if pipeline else "",
        stage=stage.name if stage else "",
        place=stages.index(stage) + 1 if stage in stages else 0,
        places=len(stages),
        value=deal.value,
        currency=deal.currency,
        probability=deal.probability,
        status=deal.status,
        owner=known.names.get(deal.owner_id or "", ""),
        link=tenant.record_page("deal", deal.id),
        mine=viewer.user_id is not None and deal.owner_id == viewer.user_id,
    )


def _totals(deals: Sequence[Deal]) -> Mapping[str, Decimal]:
    totals: dict[str, Decimal] = {}
    for deal in deals:
        if deal.status == "open" and deal.value and deal.currency:
            totals[deal.currency] = totals.get(deal.currency, Decimal()) + deal.value
    return dict(sorted(totals.items()))
