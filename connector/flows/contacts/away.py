"""By what records of people who were erased on request are known: nothing is made of them, and nothing carried over."""

from __future__ import annotations

from connector.flows.contacts.kinds import Kind
from connector.flows.tenant import Tenant
from connector.store.dirty import Side
from connector.store.index import Indexable

#: Why a record is left alone.
ERASED = "erased on request: Privacy in the console lets it back, or connector erase --let-back"


def record_of(tenant: Tenant, kind: Kind, side: Side, record_id: str) -> str:
    """The key of a record itself."""
    return tenant.suppressed.record(kind.centre if side is Side.CENTRE else kind.crm, record_id)


def subjects_of(tenant: Tenant, record: Indexable) -> list[str]:
    """The keys of a record's numbers and addresses, by which a new record of the same person is known."""
    return [tenant.ledger.keys.key(subject) for subject in record.subjects]
