"""Records as lists and webhooks showed them: into the index, and marked where they differ from what was in step.

Nothing is written here. What equals its base, our own echo among it, leaves no trace.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from connector.contact_settings import Way
from connector.flows.contacts.kinds import (
    COMPANIES,
    CUSTOMERS,
    CentreRecord,
    CrmRecord,
    Kind,
    indexed_centre,
    is_own_card,
)
from connector.flows.contacts.scoping import takes_part
from connector.flows.contacts.work import reader_of, scope_of
from connector.flows.tenant import Centre, Tenant
from connector.names import join_name
from connector.records import Company, Customer
from connector.store.bindings import Bond
from connector.store.dirty import Mark, Side, Urgency
from connector.store.index import Entity


def in_step(tenant: Tenant) -> bool:
    """Whether customers and companies are kept the same."""
    return tenant.settings.contacts.sync == "on"


async def met_in_pipedrive(
    tenant: Tenant,
    kind: Kind,
    records: Sequence[CrmRecord],
    *,
    urgency: Urgency,
    cause: str,
    seen: Mapping[str, datetime] | None = None,
    paired_only: bool = False,
) -> list[Mark]:
    """Mark those persons or organizations that differ from their base, or have no pair yet and take part."""
    reader, _ = await reader_of(tenant, kind)
    pairs = await tenant.bindings.of_crm(kind.entity, [record.id for record in records])
    scope = scope_of(tenant, kind, Way.TO_CENTRE)
    marks = []
    for record in records:
        bound = pairs.get(record.id, [])
        if bound:
            # One that was dissolved revives: the record is there.
            differs = any(
                one.state is Bond.GONE
                or (one.state is Bond.BOUND and not reader.is_as_before(record, one.base))
                for one in bound
            )
        else:
            differs = (
                not paired_only and scope is not None
                and not takes_part(record, scope, tenant.phones, created_at=record.add_time)
            )  # fmt: skip
        if differs and not record.is_deleted:
            marks.append(Mark(kind.entity, Side.PIPEDRIVE, record.id, seen))
    await tenant.dirty.mark(marks, urgency=urgency, cause=cause)
    return marks


async def met_in_centre(
    tenant: Tenant,
    kind: Kind,
    centre: Centre,
    records: Sequence[CentreRecord],
    *,
    urgency: Urgency,
    cause: str,
) -> int:
    """The same for customers or companies; of those without a pair only what changed since the account was connected.

    What was there before is history, which a first load brings.
    """
    own = [one for one in records if not is_own_card(one)]
    known = await tenant.index.people([f"{centre.id}/{record.id}" for record in own], kind.centre)
    await tenant.index.put([indexed_centre(tenant, kind, centre.id, record) for record in own])
    reader, _ = await reader_of(tenant, kind)
    marks = await _new_companies(tenant, centre, records) if kind is CUSTOMERS else []
    pairs = await tenant.bindings.of_centre(kind.entity, [f"{centre.id}/{one.id}" for one in own])
    scope = scope_of(tenant, kind, Way.TO_PIPEDRIVE)
    for record in own:
        bound = pairs.get(f"{centre.id}/{record.id}")
        if bound is not None and bound.state is Bond.GONE:
            # It was edited since, or is there again itself.
            differs = bound.centre_id not in known or not reader.is_as_before(record, bound.base)
        elif bound is not None:
            differs = bound.state is Bond.BOUND and not reader.is_as_before(record, bound.base)
        else:
            recent = record.updated_at is not None and record.updated_at >= centre.since
            differs = (
                recent and scope is not None
                and not takes_part(record, scope, tenant.phones, created_at=None)
            )  # fmt: skip
        if differs:
            marks.append(Mark(kind.entity, Side.CENTRE, f"{centre.id}/{record.id}"))
    return await tenant.dirty.mark(marks, urgency=urgency, cause=cause)


async def _new_companies(tenant: Tenant, centre: Centre, records: Sequence[CentreRecord]) -> list[Mark]:
    """Companies without a pair that changed since: their own customer records tell when, they themselves do not."""
    scope = scope_of(tenant, COMPANIES, Way.TO_PIPEDRIVE)
    found = {
        f"{centre.id}/{card.company_id}": _company_of(card)
        for card in records
        if isinstance(card, Customer) and card.is_company and card.company_id is not None
        and card.updated_at is not None and card.updated_at >= centre.since
    }  # fmt: skip
    known = await tenant.bindings.of_centre(COMPANIES.entity, list(found))
    return [
        Mark(COMPANIES.entity, Side.CENTRE, key)
        for key, company in found.items()
        if key not in known
        and scope is not None
        and not takes_part(company, scope, tenant.phones, created_at=None)
    ]


def _company_of(card: Customer) -> Company:
    return Company(
        id=card.company_id or "", name=join_name(card.first_name, card.last_name), phones=card.phones,
        emails=card.emails, customer_id=card.id, owner_agent_id=card.owner_agent_id, type=card.type, group=card.group,
    )  # fmt: skip


KIND_OF = {Entity.PERSON: CUSTOMERS, Entity.ORGANIZATION: COMPANIES}
