"""Pipelines, stages and users of Pipedrive, and which deals are open to the whole company: what deals are named by."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from connector.errors import ConnectorError, Rejected
from connector.flows.tenant import Tenant
from connector.pipedrive.budget import Lane
from connector.pipedrive.client import Pipedrive
from connector.pipedrive.records import Pipeline, Stage

#: So long a catalogue is taken for true. A tab takes an old one, which is then read again for the next; one that does
#: not know what it is asked for is read again after a minute.
KEPT, OLD, YOUNG = timedelta(minutes=10), timedelta(days=1), timedelta(minutes=1)
#: So long before it is too old it is read again, so that no tab has to wait for it.
_EARLY = timedelta(hours=1)

#: Who sees a record: 3 is everybody on the small plans, whose records know no 7, and a group of users on the others.
_EVERYBODY, _EVERYBODY_ON_SMALL_PLANS = "7", "3"


@dataclass(frozen=True, slots=True)
class Catalogue:
    """What deals are named by: `users` are the active ones, `names` of all, each by id.

    Pipelines and stages come in their order. `whole_company` is the value of `visible_to` that hides a deal from nobody.
    """

    pipelines: Sequence[Pipeline]
    stages: Sequence[Stage]
    users: Mapping[str, str]
    names: Mapping[str, str]
    whole_company: str

    def pipeline(self, pipeline_id: str | None) -> Pipeline | None:
        """One pipeline."""
        return next((one for one in self.pipelines if one.id == pipeline_id), None)

    def stage(self, stage_id: str | None) -> Stage | None:
        """One stage."""
        return next((one for one in self.stages if one.id == stage_id), None)

    def stages_of(self, pipeline_id: str | None) -> list[Stage]:
        """The stages of one pipeline, in their order."""
        return [stage for stage in self.stages if stage.pipeline_id == pipeline_id]


async def catalogue(tenant: Tenant, *, no_older_than: timedelta = KEPT) -> Catalogue:
    """The catalogue of an installation (40 tokens), kept ten minutes in a process; one reader at a time."""
    at_hand = tenant.deals_at_hand
    asked_at = at_hand.asked_at = tenant.clock.now()
    async with at_hand.lock("catalogue", ""):
        if at_hand.catalogue is not None and asked_at - at_hand.catalogue[0] <= no_older_than:
            return at_hand.catalogue[1]
        at = tenant.clock.now()
        try:
            found = await _read(tenant)
        except ConnectorError:
            at_hand.failed_at = at
            raise
        at_hand.catalogue, at_hand.failed_at = (at, found), None
    return found


def shows_deals(tenant: Tenant) -> bool:
    """Whether agents are led to pages of deals."""
    fields = tenant.settings.special_fields
    named = (fields.customer_deals_page, fields.ticket_deals_page, fields.ticket_deal_link)
    return any(name is not None for name in named)


async def keep_catalogue(tenant: Tenant) -> None:
    """Have the catalogue at hand before a tab is opened: read once, and again when an old one was asked for.

    With it users and agents, among whom the tab looks for whose browser it is (read once a day in any case). What could not be read is left alone for ten minutes.
    """
    at_hand = tenant.deals_at_hand
    if at_hand.failed_at is not None and tenant.clock.now() - at_hand.failed_at < KEPT:
        return
    kept, asked_at = at_hand.catalogue, at_hand.asked_at
    was_old = kept is not None and asked_at is not None and asked_at - kept[0] > KEPT
    is_soon_too_old = kept is None or tenant.clock.now() - kept[0] > OLD - _EARLY
    if was_old or (is_soon_too_old and shows_deals(tenant)):
        await catalogue(tenant)
        await tenant.people(older_than=OLD - _EARLY)


async def _read(tenant: Tenant) -> Catalogue:
    api = tenant.pipedrive.on(Lane.POP)
    pipelines, stages, users, whole_company = await asyncio.gather(
        api.pipelines(), api.stages(), api.users(), _whole_company(api)
    )
    return Catalogue(
        pipelines=sorted((one for one in pipelines if not one.is_deleted), key=lambda one: one.order),
        stages=sorted((one for one in stages if not one.is_deleted), key=lambda one: one.order),
        users={user.id: user.name for user in users if user.active},
        names={user.id: user.name for user in users},
        whole_company=whole_company,
    )


async def _whole_company(api: Pipedrive) -> str:
    """The value that hides from nobody; where none are told, the one that certainly does not."""
    try:
        fields = await api.fields("deal")
    except Rejected:
        return _EVERYBODY
    seen_by = next((field.options for field in fields if field.code == "visible_to"), {})
    return _EVERYBODY_ON_SMALL_PLANS if seen_by and _EVERYBODY not in seen_by else _EVERYBODY
