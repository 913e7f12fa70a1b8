"""A pair is forgotten because a person says so: neither record is touched, and both are looked at anew."""

from __future__ import annotations

from connector.flows.contacts.kinds import CUSTOMERS
from connector.flows.tenant import Tenant
from connector.store.bindings import Bound


async def forget_pair(tenant: Tenant, bound: Bound) -> int:
    """Forget that two records are the same; answers how many events that wait are decided anew."""
    await tenant.bindings.unbind(bound.centre_id, entity=bound.entity)
    # Calls name a company by its own customer record.
    card = bound.centre_id if bound.entity == CUSTOMERS.entity else bound.card_id
    return await tenant.ledger.wake(customer_ids=[card.rpartition("/")[2]] if card else [])
