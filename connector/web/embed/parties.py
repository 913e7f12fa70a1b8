"""Who a customer is, as both sides say it now: for the page alone, nothing of it is kept for longer than a minute."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from connector.errors import ConnectorError, NotFound
from connector.flows.contacts.kinds import COMPANIES, CUSTOMERS, KINDS, Kind, read_centre
from connector.flows.contacts.linking import page_of
from connector.flows.tenant import Tenant
from connector.names import join_name
from connector.pipedrive.budget import Lane
from connector.pipedrive.records import Organization, Person
from connector.records import Company, Customer
from connector.store.bindings import Bound
from connector.store.questions import Asked

_FRESH_FOR = timedelta(minutes=1)
_MOST = 1000
MOST_CANDIDATES = 10

_Known = TypeVar("_Known")
_Read = TypeVar("_Read")


@dataclass(frozen=True, slots=True)
class Party:
    """Who a deal would be with; `link` is the page in Pipedrive of one who is there."""

    name: str
    organization: str = ""
    link: str | None = None
    in_step: bool = False
    is_company: bool = False
    is_gone: bool = False


@dataclass(frozen=True, slots=True)
class Candidate:
    """Somebody in Pipedrive whom the customer could be."""

    id: str
    name: str
    organization: str
    known_by: str
    link: str


class Parties:
    """Reads them, each once in a minute and by one reader at a time."""

    def __init__(self) -> None:
        """Know nobody yet."""
        self._kept: OrderedDict[tuple[str, str, str | None], tuple[datetime, Party]] = OrderedDict()
        self._candidates: OrderedDict[tuple[str, str, str], tuple[datetime, Sequence[Candidate]]] = (
            OrderedDict()
        )

    async def of(
        self, tenant: Tenant, key: str, pair: Bound | None, *, with_organization: bool = False
    ) -> Party:
        """Who a customer is: its pair in Pipedrive (1 token, 2 with its organization), or else its card here."""
        known = (tenant.id, key, f"{pair.crm_id} {with_organization}" if pair else None)
        async with tenant.deals_at_hand.lock("party", key):
            now = tenant.clock.now()
            kept = self._kept.get(known)
            if kept is not None and timedelta() <= now - kept[0] < _FRESH_FOR:
                return kept[1]
            party = await (
                _in_centre(tenant, key) if pair is None else _in_pipedrive(tenant, pair, with_organization)
            )
            if party.name:
                _keep(self._kept, known, (now, party))
        return party

    async def candidates(self, tenant: Tenant, asked: Asked) -> Sequence[Candidate]:
        """Those in Pipedrive whom a customer could be (2 tokens each at most)."""
        known = (tenant.id, asked.kind, ",".join(asked.candidates))
        async with tenant.deals_at_hand.lock("candidates", asked.subject):
            now = tenant.clock.now()
            kept = self._candidates.get(known)
            if kept is not None and timedelta() <= now - kept[0] < _FRESH_FOR:
                return kept[1]
            found = await _candidates(tenant, asked)
            _keep(self._candidates, known, (now, found))
        return found


def _keep(kept: OrderedDict[_Known, _Read], known: _Known, read: _Read) -> None:
    kept[known] = read
    kept.move_to_end(known)
    while len(kept) > _MOST:
        kept.popitem(last=False)


async def _in_pipedrive(tenant: Tenant, pair: Bound, with_organization: bool) -> Party:
    kind = KINDS[pair.entity]
    link = page_of(tenant, kind, pair.crm_id)
    try:
        record = await _read_record(tenant, kind, pair.crm_id)
        name = record.name if record is not None else ""
        organization = await _organization_of(tenant, record) if with_organization else ""
    except ConnectorError:
        # He is there all the same; only his name is not to be had.
        return Party("", link=link, in_step=True, is_company=kind is COMPANIES)
    return Party(name, organization, link, in_step=True, is_company=kind is COMPANIES, is_gone=record is None)


async def _read_record(tenant: Tenant, kind: Kind, crm_id: str) -> Person | Organization | None:
    """A record of Pipedrive, in the lane of those who wait at a screen."""
    api = tenant.pipedrive.on(Lane.POP)
    try:
        record = await (api.person(crm_id) if kind is CUSTOMERS else api.organization(crm_id))
    except NotFound:
        return None
    return None if record.is_deleted else record


async def _organization_of(tenant: Tenant, record: Person | Organization | None) -> str:
    """The name of a person's organization."""
    if not isinstance(record, Person) or record.org_id is None:
        return ""
    organization = await _read_record(tenant, COMPANIES, record.org_id)
    return organization.name if organization is not None else ""


async def _in_centre(tenant: Tenant, key: str) -> Party:
    card = await read_centre(tenant, CUSTOMERS, key)
    if not isinstance(card, Customer):
        return Party("", is_gone=True)
    company: Company | None = None
    if card.company_id is not None:
        read = await read_centre(tenant, COMPANIES, f"{key.rpartition('/')[0]}/{card.company_id}")
        company = read if isinstance(read, Company) else None
    name = join_name(card.first_name, card.last_name)
    if card.is_company:
        return Party(company.name if company else name, is_company=True)
    return Party(name, company.name if company else "")


async def _candidates(tenant: Tenant, asked: Asked) -> Sequence[Candidate]:
    kind: Kind = COMPANIES if asked.kind is COMPANIES.asks_of_centre else CUSTOMERS
    found: list[Candidate] = []
    for crm_id in asked.candidates[:MOST_CANDIDATES]:
        record = await _read_record(tenant, kind, crm_id)
        if record is None:
            continue
        organization = await _organization_of(tenant, record)
        ways = (*record.phones, *record.emails) if isinstance(record, Person) else (record.address,)
        known_by = ", ".join(way for way in ways if way)
        found.append(Candidate(crm_id, record.name, organization, known_by, page_of(tenant, kind, crm_id)))
    return found
