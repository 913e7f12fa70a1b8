"""Records of Pipedrive as the index holds them, and how they get there."""

from __future__ import annotations

from collections.abc import Sequence

from connector.flows.tenant import Tenant
from connector.names import company_key
from connector.phone import normalise_email
from connector.pipedrive.records import Deal, Organization, Person
from connector.store import bindings
from connector.store.index import Entity, Indexable

_BOUND_AS = {Entity.PERSON: bindings.CUSTOMER, Entity.ORGANIZATION: bindings.COMPANY}


async def store(tenant: Tenant, batch: Sequence[Indexable]) -> None:
    """Put records into the index, dissolve the pairs of those that are gone, and wake the events that waited."""
    for item in batch:
        if item.gone and (entity := _BOUND_AS.get(item.entity)):
            await tenant.bindings.unlink(entity, item.crm_id)
    await tenant.ledger.wake(keys=await tenant.index.put(batch))


def indexed_crm(tenant: Tenant, record: Person | Organization) -> Indexable:
    """A person or organization as the index holds it: by numbers and addresses or by name, and by its id field."""
    return _person(tenant, record) if isinstance(record, Person) else _organization(tenant, record)


def _person(tenant: Tenant, person: Person) -> Indexable:
    numbers = [key for raw in person.phones for key in tenant.phones.keys(raw)]
    emails = [email for raw in person.emails if (email := normalise_email(raw))]
    stated = _stated(person, tenant.settings.special_fields.person_centre_id)
    return Indexable(
        Entity.PERSON, person.id, (*numbers, *emails, *stated), organization_id=person.org_id, owner_id=person.owner_id,
        update_time=person.update_time, gone=person.is_deleted,
    )  # fmt: skip


def _organization(tenant: Tenant, organization: Organization) -> Indexable:
    name = company_key(organization.name)
    stated = _stated(organization, tenant.settings.special_fields.organization_centre_id)
    return Indexable(
        Entity.ORGANIZATION, organization.id, ((f"name:{name}", *stated) if name else stated),
        owner_id=organization.owner_id, update_time=organization.update_time, gone=organization.is_deleted,
    )  # fmt: skip


def _stated(record: Person | Organization, code: str | None) -> tuple[str, ...]:
    stated = stated_id(record, code)
    return () if stated is None else (f"id:{stated}",)


def stated_id(record: Person | Organization, code: str | None) -> str | None:
    """The contact-centre id in the field of this code; a number field holds it as a number."""
    value = record.custom_fields.get(code) if code else None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value).strip() or None if isinstance(value, int | str) else None


def indexed_deal(deal: Deal) -> Indexable:
    """A deal as the index holds it; one that is not open is gone."""
    return Indexable(
        Entity.DEAL, deal.id, person_id=deal.person_id, organization_id=deal.org_id, owner_id=deal.owner_id,
        update_time=deal.update_time, gone=deal.is_deleted or deal.is_archived or deal.status != "open",
    )  # fmt: skip
