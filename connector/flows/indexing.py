"""Keeps the index true: filled once by lists of 500, kept by webhooks, repaired by sweeps and a weekly census.

No match counts as unique before the fill is complete and swept past the last gap; `ensure` sees to both.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from datetime import datetime, timedelta

from connector.errors import NotFound
from connector.flows.tenant import Tenant
from connector.phone import normalise_email
from connector.pipedrive.budget import Lane
from connector.pipedrive.records import Deal, HookEvent, Organization, Person
from connector.store.index import OF_PIPEDRIVE, Entity, Indexable

#: Sweeps begin this much before the last one's start, since lists are not snapshots.
_OVERLAP = timedelta(seconds=120)
_CENSUS_EVERY = timedelta(days=7)


async def ensure(tenant: Tenant, *, no_older_than: timedelta) -> None:
    """Fill the index if it is not complete, and sweep it if the last sweep is older than that."""
    for entity in OF_PIPEDRIVE:
        progress = await tenant.index.progress(entity)
        if progress.filled_at is None:
            await fill(tenant, entity)
        elif progress.swept_until is None or tenant.clock.now() - progress.swept_until > no_older_than:
            await sweep(tenant, entity, since=(progress.swept_until or progress.filled_at) - _OVERLAP)


async def fill(tenant: Tenant, entity: Entity) -> None:
    """Read every record of `entity` once; a fill that was cut off begins again."""
    started = await tenant.pipedrive.on(Lane.CONTACTS).server_time()
    async for page in _pages(tenant, entity, None):
        await store(tenant, page)
    await tenant.index.note(
        entity, filled_at=tenant.clock.now(), swept_until=started, census_at=tenant.clock.now()
    )


async def sweep(tenant: Tenant, entity: Entity, *, since: datetime) -> None:
    """Read what changed since then."""
    started = await tenant.pipedrive.on(Lane.CONTACTS).server_time()
    async for page in _pages(tenant, entity, since):
        await store(tenant, page)
    await tenant.index.note(entity, swept_until=started)


async def store(tenant: Tenant, batch: Sequence[Indexable]) -> None:
    """Put records into the index and wake the events that waited for them."""
    gone = [item.crm_id for item in batch if item.gone and item.entity is Entity.PERSON]
    for person_id in gone:
        await tenant.bindings.unlink_person(person_id)
    await tenant.ledger.wake(keys=await tenant.index.put(batch))


async def census(tenant: Tenant) -> int:
    """Read all persons' ids, and forget those that are gone; each one that was not met is asked for by itself."""
    progress = await tenant.index.progress(Entity.PERSON)
    now = tenant.clock.now()
    if progress.filled_at is None or (progress.census_at and now - progress.census_at < _CENSUS_EVERY):
        return 0
    number = progress.census_no + 1
    async for page in _pages(tenant, Entity.PERSON, None):
        await store(tenant, page)
        await tenant.index.met(Entity.PERSON, [item.crm_id for item in page], number)
    missing = await tenant.index.unseen(Entity.PERSON, number)
    for person_id in missing:
        await refresh_person(tenant, person_id)
    await tenant.index.note(Entity.PERSON, census_at=now, census_no=number)
    return len(missing)


async def refresh_person(tenant: Tenant, person_id: str) -> None:
    """Read one person again (1 token) and store what it is now."""
    try:
        person = await tenant.pipedrive.on(Lane.CONTACTS).person(person_id)
    except NotFound:
        await store(tenant, [Indexable(Entity.PERSON, person_id, gone=True)])
    else:
        await store(tenant, [_person(tenant, person)])


async def refresh(tenant: Tenant, *, person: str | None, organization: str | None, deal: str | None) -> None:
    """Read again what an activity hangs on (1 token each)."""
    if person is not None:
        await refresh_person(tenant, person)
    if organization is not None:
        await _refresh_organization(tenant, organization, gone=False)
    if deal is not None:
        await _refresh_deal(tenant, deal, gone=False)


async def follow_hook(tenant: Tenant, event: HookEvent) -> None:
    """Act on what a Pipedrive webhook hinted at: the record is read again before anything is stored."""
    if event.entity_id is None or event.entity not in {str(entity) for entity in OF_PIPEDRIVE}:
        return
    if event.entity == Entity.PERSON:
        if event.merged_to is not None:
            await tenant.bindings.follow_merge(event.entity_id, into=event.merged_to)
            await refresh_person(tenant, event.merged_to)
        await refresh_person(tenant, event.entity_id)
        return
    gone = event.action == "delete"
    if event.entity == Entity.ORGANIZATION:
        await _refresh_organization(tenant, event.entity_id, gone=gone)
    else:
        await _refresh_deal(tenant, event.entity_id, gone=gone)


async def _refresh_organization(tenant: Tenant, organization_id: str, *, gone: bool) -> None:
    item = Indexable(Entity.ORGANIZATION, organization_id, gone=True)
    if not gone:
        with suppress(NotFound):
            item = _organization(await tenant.pipedrive.on(Lane.CONTACTS).organization(organization_id))
    await store(tenant, [item])


async def _refresh_deal(tenant: Tenant, deal_id: str, *, gone: bool) -> None:
    item = Indexable(Entity.DEAL, deal_id, gone=True)
    if not gone:
        with suppress(NotFound):
            item = _deal(await tenant.pipedrive.on(Lane.CONTACTS).deal(deal_id))
    await store(tenant, [item])


async def _pages(tenant: Tenant, entity: Entity, since: datetime | None) -> AsyncIterator[list[Indexable]]:
    api = tenant.pipedrive.on(Lane.CONTACTS)
    if entity is Entity.PERSON:
        async for people in api.persons(since):
            yield [_person(tenant, person) for person in people]
    elif entity is Entity.ORGANIZATION:
        async for organizations in api.organizations(since):
            yield [_organization(organization) for organization in organizations]
    else:
        # A sweep asks for deals of every status: one that was won is no longer open.
        async for deals in api.deals(since, status=None if since else "open"):
            yield [_deal(deal) for deal in deals]


def _person(tenant: Tenant, person: Person) -> Indexable:
    numbers = [key for raw in person.phones for key in tenant.phones.keys(raw)]
    emails = [email for raw in person.emails if (email := normalise_email(raw))]
    return Indexable(
        Entity.PERSON, person.id, (*numbers, *emails), organization_id=person.org_id, owner_id=person.owner_id,
        update_time=person.update_time, gone=person.is_deleted,
    )  # fmt: skip


def _organization(organization: Organization) -> Indexable:
    return Indexable(
        Entity.ORGANIZATION, organization.id, owner_id=organization.owner_id, update_time=organization.update_time,
        gone=organization.is_deleted,
    )  # fmt: skip


def _deal(deal: Deal) -> Indexable:
    return Indexable(
        Entity.DEAL, deal.id, person_id=deal.person_id, organization_id=deal.org_id, owner_id=deal.owner_id,
        update_time=deal.update_time, gone=deal.is_deleted or deal.is_archived or deal.status != "open",
    )  # fmt: skip
