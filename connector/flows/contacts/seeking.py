"""Who a record is on the other side, when a new one would be made of it otherwise: a webhook may be late or lost.

What nobody told us of is asked for before anybody is called missing: Pipedrive by one list of what changed since the
last one, a contact centre, which has no such list, by the record's own numbers and addresses.
"""

from __future__ import annotations

from datetime import timedelta

from connector.errors import NotSupported, Rejected
from connector.flows.contacts.identifying import Identity, Nobody, find_customer, find_person
from connector.flows.contacts.kinds import CUSTOMERS, CentreRecord, CrmRecord, Kind, asking, indexed_centre
from connector.flows.contacts.scanning import ensure_scanned
from connector.flows.indexed import indexed_crm
from connector.flows.indexing import ensure
from connector.flows.tenant import Centre, Tenant
from connector.records import Customer

#: Records that are made within this time share a list.
_NEWS = timedelta(seconds=30)


async def seek_person(
    tenant: Tenant, kind: Kind, connection: str, record: CentreRecord, *, insist: bool
) -> Identity:
    """The person or organization that a record of a contact centre is; Nobody costs a list of the news (10 tokens)."""
    await ensure(tenant, no_older_than=tenant.sweep_every)
    identity = await find_person(tenant, kind, connection, record, insist=insist)
    if isinstance(identity, Nobody) and await ensure(tenant, no_older_than=_NEWS, entities=(kind.crm,)):
        return await find_person(tenant, kind, connection, record, insist=insist)
    return identity


async def seek_customer(
    tenant: Tenant, kind: Kind, home: Centre, record: CrmRecord, *, insist: bool
) -> Identity:
    """The customer or company that a record of Pipedrive is; companies are known by the last scan alone."""
    await ensure(tenant, no_older_than=tenant.sweep_every)
    await ensure_scanned(tenant, home, kind)
    identity = await find_customer(tenant, kind, home.id, record, insist=insist)
    if isinstance(identity, Nobody) and kind is CUSTOMERS and await _met_by_asking(tenant, home, record):
        return await find_customer(tenant, kind, home.id, record, insist=insist)
    return identity


async def _met_by_asking(tenant: Tenant, home: Centre, person: CrmRecord) -> bool:
    """Put those customers into the index who have a number or an address of a person; whether there are any."""
    subjects = indexed_crm(tenant, person).subjects
    met: dict[str, Customer] = {}
    try:
        async with asking(home) as centre:
            for number in (one for one in subjects if one.startswith("+")):
                met |= {one.id: one for one in await centre.api.find_customers(number=number)}
            for email in (one for one in subjects if "@" in one):
                met |= {one.id: one for one in await centre.api.find_customers(email=email)}
    except (NotSupported, Rejected):
        return False  # it cannot say: the last scan has to do
    cards = [one for one in met.values() if not one.is_company]
    await tenant.index.put([indexed_centre(tenant, CUSTOMERS, home.id, one) for one in cards])
    return bool(cards)
