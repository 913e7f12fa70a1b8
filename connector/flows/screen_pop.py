"""Whose number it is that rings: everybody who has it, with organization and newest open deal.

From the index, and at most three reads of Pipedrive for each of a few, ahead of everything but dialling. Nothing is
searched for, written or stored.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

import structlog

from connector.clock import Clock
from connector.errors import ConnectorError, NotFound
from connector.flows.lately import Lately
from connector.flows.lookup import LONGEST_WAIT_S, said_of
from connector.flows.matching import LeftAlone, Matched
from connector.flows.tenant import Tenant
from connector.pipedrive.budget import Lane
from connector.realtime.protocol import Candidate, OpenDeal
from connector.store.index import Entity

log = structlog.get_logger()

#: A number that more have is the line of a company: the first tell enough, and the others are counted.
MOST_CANDIDATES = 5
#: So many of the people who are to have a number are read to find those who truly do.
_MOST_READ = 15


@dataclass(frozen=True, slots=True)
class Found:
    """Who has a number; `known` says that it was looked up, `new_person` where one is made of whom nobody knows.

    `others` counts those who are not told beside the `candidates`.
    """

    candidates: tuple[Candidate, ...] = ()
    known: bool = True
    new_person: str = ""
    others: int = 0


@dataclass(frozen=True, slots=True)
class _Read:
    """A candidate, and the numbers by which a person may be meant."""

    candidate: Candidate
    numbers: frozenset[str] | None


class ScreenPop:
    """Names callers for the agents of all installations; phones that ring together share their reads."""

    def __init__(self, clock: Clock, *, longest_wait_s: float = LONGEST_WAIT_S) -> None:
        """Wait for Pipedrive no longer than that."""
        self._longest_wait_s = longest_wait_s
        self._reads: Lately[tuple[str, Entity, str], _Read | None] = Lately(clock)

    async def look_up(self, tenant: Tenant, number: str, *, person_id: str | None = None) -> Found:
        """Who has `number` (E.164; anything else is nobody's), or is the very person; never raises for what Pipedrive does."""
        numbers = tenant.phones.keys(number)
        if not numbers or numbers[0] in tenant.ignored:
            return Found()
        if person_id is not None:
            return await self._read_in_time(tenant, [(Entity.PERSON, person_id)], None)
        if (await tenant.index.progress(Entity.PERSON)).filled_at is None:
            return Found(known=False)
        key = tenant.installed.keys.key(numbers[0])
        said = await said_of(tenant, key)
        if isinstance(said, LeftAlone):
            return Found()
        if isinstance(said, Matched):
            return await self._read_in_time(tenant, [_record(said)], None)
        candidates = (await tenant.index.candidates([key])).get(key, [])
        records = [(Entity.PERSON, one.person_id) for one in candidates]
        return await self._read_in_time(tenant, records, numbers[0])

    async def close(self) -> None:
        """Break off what is being read and forget what was."""
        await self._reads.close()

    async def _read_in_time(
        self, tenant: Tenant, records: Sequence[tuple[Entity, str]], number: str | None
    ) -> Found:
        found: list[Candidate] = []
        left = list(dict.fromkeys(records))
        may_read = _MOST_READ
        try:
            async with asyncio.timeout(self._longest_wait_s):
                # As many as may be told; then others in the place of those who have lost the number.
                while count := min(MOST_CANDIDATES - len(found), len(left), may_read):
                    part, left, may_read = left[:count], left[count:], may_read - count
                    found += await self._who_have(tenant, part, number)
        except (TimeoutError, ConnectorError) as error:
            log.warning("caller not read", installation=tenant.id, error=type(error).__name__)
            return Found(known=False)
        new_person = "" if found or left else new_person_page(tenant)
        return Found(tuple(found), new_person=new_person, others=len(left))

    async def _who_have(
        self, tenant: Tenant, records: Sequence[tuple[Entity, str]], number: str | None
    ) -> list[Candidate]:
        """Those among the records who are there and have the number, where one is asked for."""
        reads = (self._reads.get((tenant.id, *one), partial(_read, tenant, *one)) for one in records)
        read = await asyncio.gather(*reads)
        # The index may be some minutes behind: a number that was given to somebody else names nobody.
        return [
            one.candidate
            for one in read
            if one is not None and (number is None or one.numbers is None or number in one.numbers)
        ]


def new_person_page(tenant: Tenant) -> str:
    """Where a person is made in Pipedrive: its list of people, whose form a page of its own would need the fragment for."""
    return tenant.page("persons/list#dialog/person/add")


def _record(said: Matched) -> tuple[Entity, str]:
    if said.person_id is not None:
        return Entity.PERSON, said.person_id
    return Entity.ORGANIZATION, said.organization_id or ""


async def _read(tenant: Tenant, entity: Entity, record_id: str) -> _Read | None:
    """A person with organization and deal (3 tokens), or an organization (1); None where it is gone."""
    api = tenant.pipedrive.on(Lane.POP)
    with suppress(NotFound):
        if entity is Entity.ORGANIZATION:
            organization = await api.organization(record_id)
            if organization.is_deleted:
                return None
            link = tenant.record_page(entity, record_id)
            return _Read(Candidate("organization", record_id, organization.name, "", None, link), None)
        person = await api.person(record_id)
        if person.is_deleted:
            return None
        name, deal = await asyncio.gather(
            _organization(tenant, person.org_id), _newest_deal(tenant, record_id)
        )
        numbers = frozenset(key for raw in person.phones for key in tenant.phones.keys(raw))
        link = tenant.record_page(entity, record_id)
        return _Read(Candidate("person", record_id, person.name or record_id, name, deal, link), numbers)
    return None


async def _organization(tenant: Tenant, organization_id: str | None) -> str:
    if organization_id is None:
        return ""
    with suppress(ConnectorError):
        return (await tenant.pipedrive.on(Lane.POP).organization(organization_id)).name
    return ""


async def _newest_deal(tenant: Tenant, person_id: str) -> OpenDeal | None:
    """The newest open deal by the index, as it is now; a later id is a later deal."""
    deals = (await tenant.index.open_deals([person_id])).get(person_id, [])
    newest = max((deal.id for deal in deals), key=int, default=None)
    if newest is None:
        return None
    with suppress(ConnectorError):
        deal = await tenant.pipedrive.on(Lane.POP).deal(newest)
        if not deal.is_deleted and deal.status == "open":
            return OpenDeal(deal.id, deal.title)
    return None
