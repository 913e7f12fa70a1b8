"""Which fields both systems have, as far as they tell."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from itertools import chain

from connector.errors import ConnectorError
from connector.flows.contacts.kinds import CUSTOMERS, Kind, asking
from connector.flows.contacts.work import FIELDS_KEPT, crm_fields
from connector.flows.tenant import Centre, Tenant
from connector.pipedrive.records import Field
from connector.records import Company, Customer


@dataclass(frozen=True, slots=True)
class Known:
    """Special fields of the contact centres by name, and Pipedrive's fields; None where they could not be read, and why.

    A contact centre has no list of its special fields: they are those that its records show.
    """

    centre: Sequence[str] | None = None
    pipedrive: Sequence[Field] | None = None
    troubles: Sequence[ConnectorError] = ()


async def known_fields(tenant: Tenant, kind: Kind, *, anew: bool = False) -> Known:
    """The fields of a kind, read once a day, or `anew`: 10 tokens, and a page of records of each contact centre."""
    if anew:
        tenant.contacts.fields.pop(kind.crm, None)
        tenant.contacts.special.pop(kind.centre, None)
    troubles: list[ConnectorError] = []
    pipedrive: list[Field] | None = None
    centre: list[str] | None = None
    try:
        pipedrive = await crm_fields(tenant, kind)
    except ConnectorError as error:
        troubles.append(error)
    try:
        centre = await _special_fields(tenant, kind)
    except ConnectorError as error:
        troubles.append(error)
    return Known(centre, pipedrive, troubles)


async def _special_fields(tenant: Tenant, kind: Kind) -> list[str]:
    read_at, names = tenant.contacts.special.get(kind.centre, (None, []))
    now = tenant.clock.now()
    if read_at is None or now - read_at > FIELDS_KEPT:
        pages = [await first_page(centre, kind) for centre in tenant.centres.values()]
        shown = chain.from_iterable(record.custom for page in pages for record in page)
        names = sorted(set(shown), key=str.casefold)
        tenant.contacts.special[kind.centre] = (now, names)
    return names


async def first_page(centre: Centre, kind: Kind) -> Sequence[Customer | Company]:
    """Some of the records of a contact centre, in one request."""
    async with asking(centre) as there:
        pages: AsyncIterator[Sequence[Customer | Company]] = (
            there.api.customers() if kind is CUSTOMERS else there.api.companies()
        )
        async for page in pages:
            return page
    return ()
