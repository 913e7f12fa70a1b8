"""Who a customer is, as both sides say it now: for the page alone, nothing of it is kept for longer than a minute."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from connector.clock import Clock
from connector.errors import ConnectorError, NotFound
from connector.flows.contacts.identifying import is_ignored
from connector.flows.contacts.kinds import COMPANIES, CUSTOMERS, KINDS, Kind, read_centre
from connector.flows.tenant import Tenant
from connector.names import join_name
from connector.pipedrive.budget import Lane
from connector.pipedrive.records import Organization, Person
from connector.records import Company, Customer
from connector.store.bindings import Bound
from connector.store.questions import Asked
from connector.web.recent import Recent

_FRESH_FOR = timedelta(minutes=1)
_MOST_CANDIDATES = 10


@dataclass(frozen=True, slots=True)
class Party:
    """Who a deal would be with; `link` is the page in Pipedrive of one who is there.

    `company` is the key of the company whose own record an unpaired customer is.
    """

    name: str
    organization: str = ""
    link: str | None = None
    in_step: bool = False
    is_company: bool = False
    company: str | None = None
    is_gone: bool = False


@dataclass(frozen=True, slots=True)
class Candidate:
    """Somebody in Pipedrive whom the customer could be."""

    id: str
    name: str
    organization: str
    known_by: str
    link: str


@dataclass(frozen=True, slots=True)
class Choice:
    """Which of several in Pipedrive a customer is: organizations where `is_company`; none of them is a choice, too."""

    candidates: Sequence[Candidate]
    is_company: bool


class Parties:
    """Reads them, each once in a minute and by one reader at a time."""

    def __init__(self, clock: Clock) -> None:
        """Know nobody yet."""
        self._kept: Recent[tuple[str, str, str | None], Party] = Recent(clock, _FRESH_FOR)
        self._choices: Recent[tuple[str, str, tuple[str, ...]], Choice] = Recent(clock, _FRESH_FOR)

    async def of(
        self, tenant: Tenant, key: str, pair: Bound | None, *, with_organization: bool = False
    ) -> Party:
        """Who a customer is: its pair in Pipedrive (1 token, 2 with its organization), or else its card here."""
        known = (tenant.id, key, f"{pair.crm_id} {with_organization}" if pair else None)
        async with tenant.deals_at_hand.lock("party", key):
            if (kept := self._kept.get(known)) is not None:
                return kept
            party = await (
                _in_centre(tenant, key) if pair is None else _in_pipedrive(tenant, pair, with_organization)
            )
            if party.name:
                self._kept.keep(known, party)
        return party

    async def to_choose(self, tenant: Tenant, key: str, pair: Bound | None) -> Asked | None:
        """The case by which it can be chosen who in Pipedrive a customer is; None for one who has a pair."""
        if pair is not None:
            return None
        try:
            party = await self.of(tenant, key, None)
        except ConnectorError:
            # Whether the card is a company's is not known; whoever goes on says what is in the way.
            party = Party("")
        asked = await case_of(tenant, key, party)
        return asked if asked is not None and asked.candidates else None

    async def choice(self, tenant: Tenant, asked: Asked | None) -> Choice | None:
        """Whom a customer can be chosen to be, also where it was once decided that it is nobody (2 tokens each at most)."""
        if asked is None or not asked.candidates:
            return None
        known = (tenant.id, asked.kind, asked.candidates)
        async with tenant.deals_at_hand.lock("choice", asked.subject):
            return self._choices.get(known) or self._choices.keep(known, await _choice(tenant, asked))


async def case_of(tenant: Tenant, key: str, party: Party) -> Asked | None:
    """The case of who in Pipedrive a customer is, if it is open or was left alone; a company's own record has its company's."""
    if party.in_step:
        return None
    kind, subject = (CUSTOMERS, key) if party.company is None else (COMPANIES, party.company)
    asked = (await tenant.questions.of(kind.asks_of_centre, [subject])).get(subject)
    return asked if asked is not None and (asked.decision is None or is_ignored(asked)) else None


async def _in_pipedrive(tenant: Tenant, pair: Bound, with_organization: bool) -> Party:
    kind = KINDS[pair.entity]
    link = tenant.record_page(kind.crm, pair.crm_id)
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
    its = f"{key.rpartition('/')[0]}/{card.company_id}" if card.company_id is not None else None
    read = await read_centre(tenant, COMPANIES, its) if its is not None else None
    company = read.name if isinstance(read, Company) else ""
    name = join_name(card.first_name, card.last_name)
    return Party(company or name, is_company=True, company=its) if card.is_company else Party(name, company)


async def _choice(tenant: Tenant, asked: Asked) -> Choice:
    kind = COMPANIES if asked.kind is COMPANIES.asks_of_centre else CUSTOMERS
    found: list[Candidate] = []
    for crm_id in asked.candidates[:_MOST_CANDIDATES]:
        record = await _read_record(tenant, kind, crm_id)
        if record is None:
            continue
        organization = await _organization_of(tenant, record)
        ways = (*record.phones, *record.emails) if isinstance(record, Person) else (record.address,)
        known_by = ", ".join(way for way in ways if way)
        found.append(
            Candidate(crm_id, record.name, organization, known_by, tenant.record_page(kind.crm, crm_id))
        )
    return Choice(found, is_company=kind is COMPANIES)
