"""Who is calling: a ringing number becomes a caller, from the index and at most one read of Pipedrive.

Nothing is searched for, written or stored. While the index is not complete nobody is named: the agent would rather
ask who it is than greet the wrong person.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial

import structlog

from connector.clock import Clock
from connector.errors import ConnectorError, NotFound
from connector.flows.matching import LeftAlone, Matched, Several, by_decision, match
from connector.flows.tenant import Tenant
from connector.phone import normalise_email
from connector.pipedrive.budget import Lane
from connector.pipedrive.records import Organization, Person
from connector.store.index import Entity

log = structlog.get_logger()

#: A phone rings for some seconds; whoever answers it cannot use what comes later.
LONGEST_WAIT_S = 2.0
KEPT_FOR = timedelta(minutes=1)
MOST_KEPT = 1024


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


_Reading = asyncio.Task[_Known | None]


class Callers:
    """Names callers of all installations; what was read is kept for a minute, in memory alone.

    Phones that ring together share one read. A read that takes too long goes on, for the next phone that rings.
    """

    def __init__(self, clock: Clock, *, longest_wait_s: float = LONGEST_WAIT_S) -> None:
        """Wait for Pipedrive no longer than that."""
        self._clock, self._longest_wait_s = clock, longest_wait_s
        self._readings: OrderedDict[tuple[str, Entity, str], tuple[datetime, _Reading]] = OrderedDict()

    async def name(self, tenant: Tenant, raw: str) -> Caller | Unnamed:
        """Who has the number `raw`, written as the contact centre does; never raises for what Pipedrive does."""
        numbers = tenant.phones.keys(raw)
        if not numbers or numbers[0] in tenant.ignored:
            return Unnamed.HIDDEN
        if (await tenant.index.progress(Entity.PERSON)).filled_at is None:
            return Unnamed.INCOMPLETE
        key = tenant.installed.keys.key(numbers[0])
        said = await _said(tenant, key)
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
        readings = [reading for _, reading in self._readings.values()]
        for reading in readings:
            reading.cancel()
        await asyncio.gather(*readings, return_exceptions=True)
        self._readings.clear()

    async def _read_in_time(self, tenant: Tenant, found: Matched) -> _Known | Unnamed | None:
        try:
            async with asyncio.timeout(self._longest_wait_s):
                # Shielded: a read may be renewing the token, which must not be cut short.
                return await asyncio.shield(self._reading(tenant, found))
        except TimeoutError:
            return Unnamed.LATE
        except ConnectorError as error:
            log.warning("caller not read", installation=tenant.id, error=type(error).__name__)
            return Unnamed.FAILED

    def _reading(self, tenant: Tenant, found: Matched) -> _Reading:
        now = self._clock.now()
        while self._readings:
            key, (at, _) = next(iter(self._readings.items()))
            if timedelta() <= now - at < KEPT_FOR and len(self._readings) < MOST_KEPT:
                break
            del self._readings[key]
        if found.person_id is not None:
            key = (tenant.id, Entity.PERSON, found.person_id)
        else:
            key = (tenant.id, Entity.ORGANIZATION, found.organization_id or "")
        if (kept := self._readings.get(key)) is not None:
            return kept[1]
        reading = asyncio.create_task(_read(tenant, *key[1:]))
        self._readings[key] = now, reading
        reading.add_done_callback(partial(self._forget_failed, key))
        return reading

    def _forget_failed(self, key: tuple[str, Entity, str], reading: _Reading) -> None:
        failed = reading.cancelled() or reading.exception() is not None
        if failed and (kept := self._readings.get(key)) is not None and kept[1] is reading:
            del self._readings[key]


async def _said(tenant: Tenant, key: str) -> Matched | LeftAlone | None:
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
    link = f"https://{tenant.installed.domain}.pipedrive.com/{entity}/{record.id}"
    if isinstance(record, Organization):
        return _Known(Caller(entity, record.id, record.name, (), link), None)
    emails = dict.fromkeys(email for raw in record.emails if (email := normalise_email(raw)))
    numbers = frozenset(key for raw in record.phones for key in tenant.phones.keys(raw))
    return _Known(Caller(entity, record.id, record.name, tuple(emails), link), numbers)
