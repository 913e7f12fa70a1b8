"""Persons and organizations of Pipedrive, with only what a test is about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from connector.pipedrive.records import Entry, Organization, Person


def person(
    name: str = "Jan Kowalski",
    *,
    phones: Sequence[str] = (),
    emails: Sequence[str] = (),
    org_id: str | None = None,
    owner_id: str | None = None,
    label_ids: tuple[str, ...] = (),
    custom_fields: Mapping[str, object] | None = None,
) -> Person:
    """A person whose first number and address are the primary ones."""
    return Person(
        id="1",
        name=name,
        org_id=org_id,
        owner_id=owner_id,
        phone_entries=entries(phones),
        email_entries=entries(emails),
        label_ids=label_ids,
        add_time=None,
        update_time=None,
        is_deleted=False,
        custom_fields=custom_fields or {},
    )


def entries(values: Sequence[str]) -> tuple[Entry, ...]:
    """Entries of these values; the first is primary."""
    return tuple(Entry(value, primary=place == 0) for place, value in enumerate(values))


def organization(
    name: str = "Firma",
    *,
    website: str = "",
    address: str = "",
    owner_id: str | None = None,
    custom_fields: Mapping[str, object] | None = None,
) -> Organization:
    """An organization."""
    return Organization(
        id="7",
        name=name,
        owner_id=owner_id,
        website=website,
        address=address,
        label_ids=(),
        add_time=None,
        update_time=None,
        is_deleted=False,
        custom_fields=custom_fields or {},
    )
