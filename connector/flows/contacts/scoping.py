"""Whether a record takes part in being kept the same. Pure."""

from __future__ import annotations

from datetime import datetime

from connector.contact_settings import Scope
from connector.names import join_name
from connector.phone import Phones, normalise_email
from connector.pipedrive.records import Organization, Person
from connector.records import Company, Customer

#: Everybody: what a person pushes need not be named or reachable.
ANY = Scope(named=False, reachable=False)


def takes_part(
    record: Customer | Company | Person | Organization,
    scope: Scope,
    phones: Phones,
    *,
    created_at: datetime | None,
) -> str | None:
    """Why a record of the side where the direction begins is left out, in words; None when it takes part.

    A person is named when the name has a letter in it: unknown callers are often kept under their number.
    Organizations have no numbers, so that nothing is asked of theirs.
    """
    if isinstance(record, Customer) and record.is_company:
        return "it is a company's own record"
    if scope.named and not _is_named(record):
        return "it has no name"
    if scope.reachable and not _is_reachable(record, phones):
        return "it has no telephone number and no e-mail address that could be carried over"
    if scope.created_after and created_at and created_at < scope.created_after:
        return f"it is older than {scope.created_after:%Y-%m-%d %H:%M} UTC"
    return _not_chosen(record, scope)


def _is_named(record: Customer | Company | Person | Organization) -> bool:
    if isinstance(record, Customer):
        return any(map(str.isalpha, join_name(record.first_name, record.last_name)))
    if isinstance(record, Person):
        return any(map(str.isalpha, record.name))
    return bool(record.name.strip())


def _is_reachable(record: Customer | Company | Person | Organization, phones: Phones) -> bool:
    if isinstance(record, Organization):
        return True
    return any(map(phones.keys, record.phones)) or any(map(normalise_email, record.emails))


def _not_chosen(record: Customer | Company | Person | Organization, scope: Scope) -> str | None:
    owner: str | None
    if isinstance(record, Customer | Company):
        owner = record.owner_agent_id
        if scope.types and (record.type or "") not in scope.types:
            return "its type is not among those chosen"
        if scope.groups and (record.group or "") not in scope.groups:
            return "its group is not among those chosen"
    else:
        owner = record.owner_id
        if scope.labels and not set(scope.labels).intersection(record.label_ids):
            return "none of its labels is among those chosen"
    if scope.owners and owner not in scope.owners:
        return "its owner is not among those chosen"
    return None
