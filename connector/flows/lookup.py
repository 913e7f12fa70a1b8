"""Who is calling: a ringing number becomes a caller, from the index and at most one read of Pipedrive.

Nothing is searched for, written or stored. While the index is not complete nobody is named: the agent would rather
ask who it is than greet the wrong person.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from functools import partial

import structlog

from connector.clock import Clock
from connector.errors import ConnectorError, NotFound
from connector.flows.lately import Lately
from connector.flows.matching import LeftAlone, Matched, Several, by_decision, match
from connector.flows.tenant import Tenant
from connector.phone import normalise_email
from connector.pipedrive.budget import Lane
from connector.pipedrive.records import Organization, Person
from connector.store.index import Entity

log = structlog.get_logger()

#: A phone rings for some seconds; whoever answers it cannot use what comes later.
LONGEST_WAIT_S = 2.0


@dataclass(frozen=True, slots=True)
class Caller:
    """A person, or the organization whose persons share the number; `link` is its page in Pipedrive."""

    entity: Entity
    id: str
    name: str
    emails: tuple[str, ...]
    link: str


class Unnamed(StrEnum):
    """Why nobody is named."""

    HIDDEN = "hidden"
    INCOMPLETE = "incomplete"
    NOBODY = "nobody"
    SEVERAL = "several"
    LATE = "late"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class _Known:
    """A caller as read, with the numbers by which a person may be named."""

    caller: Caller
    numbers: frozenset[str] | None


class Callers:
    """Names callers of all installations; what was read is kept for a minute, in memory alone.

    Phones that ring together share one read. A read that takes too long goes on, for the next phone that rings.
    """

    def __init__(self, clock: Clock, *, longest_wait_s: float = LONGEST_WAIT_S) -> None:
        """Wait for Pipedrive no longer than that."""
        self._longest_wait_s = longest_wait_s
        self._readings: Lately[tuple[str, Entity, str], _Known | None] = Lately(clock)

    async def name(self, tenant: Tenant, raw: str) -> Caller | Unnamed:
        """Who has the number `raw`, written as the contact centre does; never raises for what Pipedrive does."""
        numbers = tenant.phones.keys(raw)
        if not numbers or numbers[0] in tenant.ignored:
            return Unnamed.HIDDEN
        if (await tenant.index.progress(Entity.PERSON)).filled_at is None:
            return Unnamed.INCOMPLETE
        key = tenant.installed.keys.key(numbers[0])
        said = await said_of(tenant, key)
        found = said or match(None, by_number=(await tenant.index.candidates([key])).get(key, ()))
        if isinstance(found, LeftAlone):
            return Unnamed.HIDDEN
        if not isinstance(found, Matched):
            return Unnamed.SEVERAL if isinstance(found, Several) else Unnamed.NOBODY
        known = await self._read_in_time(tenant, found)
        if known is None or isinstance(known, Unnamed):
            return known or Unnamed.NOBODY
        # The index may be some minutes behind: a number that was given to somebody else names nobody.
        is_theirs = said is not None or known.numbers is None or numbers[0] in known.numbers
        return known.caller if is_theirs else Unnamed.NOBODY

    async def close(self) -> None:
        """Break off what is being read and forget what was."""
        await self._readings.close()

    async def _read_in_time(self, tenant: Tenant, found: Matched) -> _Known | Unnamed | None:
        if found.person_id is not None:
            entity, record_id = Entity.PERSON, found.person_id
        else:
            entity, record_id = Entity.ORGANIZATION, found.organization_id or ""
        try:
            async with asyncio.timeout(self._longest_wait_s):
                return await self._readings.get(
                    (tenant.id, entity, record_id), partial(_read, tenant, entity, record_id)
                )
        except TimeoutError:
            return Unnamed.LATE
        except ConnectorError as error:
            log.warning("caller not read", installation=tenant.id, error=type(error).__name__)
            return Unnamed.FAILED


async def said_of(tenant: Tenant, key: str) -> Matched | LeftAlone | None:
    """What a person decided of a number for good."""
    if not (decision := (await tenant.whose()).get(key)):
        return None
    person = str(decision.get("person", ""))
    return by_decision(decision, await tenant.index.people([person] if person else []))


async def _read(tenant: Tenant, entity: Entity, record_id: str) -> _Known | None:
    """One read (1 token) ahead of everything but dialling; None where the record is gone."""
    api = tenant.pipedrive.on(Lane.POP)
    record: Person | Organization
    with suppress(NotFound):
        if entity is Entity.PERSON:
            record = await api.person(record_id)
        else:
            record = await api.organization(record_id)
        return None if record.is_deleted else _known(tenant, entity, record)
    return None


def _known(tenant: Tenant, entity: Entity, record: Person | Organization) -> _Known:
    link = tenant.record_page(entity, record.id)
    if isinstance(record, Organization):
        return _Known(Caller(entity, record.id, record.name, (), link), None)
    emails = dict.fromkeys(email for raw in record.emails if (email := normalise_email(raw)))
    numbers = frozenset(key for raw in record.phones for key in tenant.phones.keys(raw))
    return _Known(Caller(entity, record.id, record.name, tuple(emails), link), numbers)
