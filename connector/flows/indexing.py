"""Keeps the index true: filled once by lists of 500, kept by webhooks, repaired by sweeps and a weekly census.

No match counts as unique before the fill is complete and swept past the last gap; `ensure` sees to both.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import TypeAlias

from connector.errors import NotFound
from connector.flows.contacts.marking import KIND_OF, in_step, met_in_pipedrive
from connector.flows.indexed import indexed_crm, indexed_deal, store
from connector.flows.tenant import Tenant
from connector.pipedrive.budget import Lane
from connector.pipedrive.records import Deal, Organization, Person
from connector.store.dirty import Urgency
from connector.store.index import OF_PIPEDRIVE, Entity, Indexable

Record: TypeAlias = Person | Organization | Deal
#: Is given each page of a list once it is in the index.
Met: TypeAlias = Callable[[Sequence[Record]], Awaitable[None]]

#: Sweeps begin this much before the last one's start, since lists are not snapshots.
_OVERLAP = timedelta(seconds=120)
_CENSUS_EVERY = timedelta(days=7)


async def ensure(
    tenant: Tenant, *, no_older_than: timedelta, entities: Sequence[Entity] = OF_PIPEDRIVE
) -> bool:
    """Fill the index if it is not complete, sweep it if the last sweep is older than that; whether either was due."""
    was_due = False
    for entity in entities:
        progress = await tenant.index.progress(entity)
        if progress.filled_at is None:
            await fill(tenant, entity)
        elif progress.swept_until is None or tenant.clock.now() - progress.swept_until > no_older_than:
            await sweep(tenant, entity, since=(progress.swept_until or progress.filled_at) - _OVERLAP)
        else:
            continue
        was_due = True
    return was_due


async def fill(tenant: Tenant, entity: Entity, met: Met | None = None) -> None:
    """Read every record of `entity` once, and give each page to `met`; a fill that was cut off begins again."""
    started = await tenant.pipedrive.on(Lane.CONTACTS).server_time()
    async for records in _lists(tenant, entity, None):
        await store(tenant, [_indexed(tenant, record) for record in records])
        if met is not None:
            await met(records)
    now = tenant.clock.now()
    # Filled once more, it still has met nobody who is gone: that is what a census is for.
    census_at = (await tenant.index.progress(entity)).census_at or now
    await tenant.index.note(entity, filled_at=now, swept_until=started, census_at=census_at)


async def sweep(tenant: Tenant, entity: Entity, *, since: datetime, met: Met | None = None) -> None:
    """Read what changed since then, and give each page to `met`."""
    started = await tenant.pipedrive.on(Lane.CONTACTS).server_time()
    async for records in _lists(tenant, entity, since):
        await store(tenant, [_indexed(tenant, record) for record in records])
        if met is not None:
            await met(records)
        await _compare(tenant, entity, records, paired_only=False)
    await tenant.index.note(entity, swept_until=started)


async def census(tenant: Tenant) -> int:
    """Read all persons and organizations once a week, and forget those that are gone; answers how many were not met.

    Each of these is asked for by itself.
    """
    return sum([await _census_of(tenant, entity) for entity in (Entity.ORGANIZATION, Entity.PERSON)])


async def _census_of(tenant: Tenant, entity: Entity) -> int:
    progress = await tenant.index.progress(entity)
    now = tenant.clock.now()
    if progress.filled_at is None or (progress.census_at and now - progress.census_at < _CENSUS_EVERY):
        return 0
    number = progress.census_no + 1
    async for records in _lists(tenant, entity, None):
        await store(tenant, [_indexed(tenant, record) for record in records])
        await tenant.index.met(entity, [record.id for record in records], number)
        await _compare(tenant, entity, records, paired_only=True)
    missing = await tenant.index.unseen(entity, number)
    for record_id in missing:
        if entity is Entity.PERSON:
            await refresh_person(tenant, record_id)
        else:
            await refresh_organization(tenant, record_id, gone=False)
    await tenant.index.note(entity, census_at=now, census_no=number)
    return len(missing)


async def refresh_person(tenant: Tenant, person_id: str) -> Person | None:
    """Read one person again (1 token), store and answer what it is now; None when it is not there, or not ours to see."""
    try:
        person = await tenant.pipedrive.on(Lane.CONTACTS).person(person_id)
    except NotFound:
        await store(tenant, [Indexable(Entity.PERSON, person_id, gone=True)])
        return None
    await store(tenant, [indexed_crm(tenant, person)])
    return person


async def refresh(tenant: Tenant, *, person: str | None, organization: str | None, deal: str | None) -> None:
    """Read again what an activity hangs on (1 token each)."""
    if person is not None:
        await refresh_person(tenant, person)
    if organization is not None:
        await refresh_organization(tenant, organization, gone=False)
    if deal is not None:
        await refresh_deal(tenant, deal)


async def refresh_organization(tenant: Tenant, organization_id: str, *, gone: bool) -> Organization | None:
    """The same for an organization, which is not asked for when it is said to be `gone`."""
    found: Organization | None = None
    if not gone:
        with suppress(NotFound):
            found = await tenant.pipedrive.on(Lane.CONTACTS).organization(organization_id)
    item = Indexable(Entity.ORGANIZATION, organization_id, gone=True)
    await store(tenant, [indexed_crm(tenant, found) if found is not None else item])
    return found


async def refresh_deal(tenant: Tenant, deal_id: str) -> Deal | None:
    """The same for a deal."""
    found: Deal | None = None
    with suppress(NotFound):
        found = await tenant.pipedrive.on(Lane.CONTACTS).deal(deal_id)
    item = Indexable(Entity.DEAL, deal_id, gone=True)
    await store(tenant, [indexed_deal(found) if found is not None else item])
    return found


async def _lists(tenant: Tenant, entity: Entity, since: datetime | None) -> AsyncIterator[Sequence[Record]]:
    api = tenant.pipedrive.on(Lane.CONTACTS)
    if entity is Entity.PERSON:
        async for people in api.persons(since):
            yield people
    elif entity is Entity.ORGANIZATION:
        async for organizations in api.organizations(since):
            yield organizations
    else:
        # A sweep asks for deals of every status: one that was won is no longer open.
        async for deals in api.deals(since, status=None if since else "open"):
            yield deals


def _indexed(tenant: Tenant, record: Record) -> Indexable:
    return indexed_deal(record) if isinstance(record, Deal) else indexed_crm(tenant, record)


async def _compare(tenant: Tenant, entity: Entity, records: Sequence[Record], *, paired_only: bool) -> None:
    """Have persons and organizations looked at that are not what they were when last in step."""
    if in_step(tenant) and entity in KIND_OF:
        own = [record for record in records if not isinstance(record, Deal)]
        await met_in_pipedrive(
            tenant, KIND_OF[entity], own, urgency=Urgency.SWEEP, cause="sweep", paired_only=paired_only
        )
