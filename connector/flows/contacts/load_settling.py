"""What a load finds when it goes on: what was sent without an answer, and what the contact centre made of its series."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

from connector.flows.contacts.basing import as_read_back
from connector.flows.contacts.creating import BEFORE, LOOKS
from connector.flows.contacts.kinds import CUSTOMERS, CentreRecord, Kind, client, indexed_centre
from connector.flows.contacts.load_writing import parts_of
from connector.flows.contacts.planning import Fate, decide
from connector.flows.contacts.previewing import PAGE
from connector.flows.contacts.staging import (
    Ground,
    put_centre,
    put_crm,
    read_centre_side,
    read_changes,
    unpack_sent,
)
from connector.flows.contacts.work import reader_of
from connector.flows.indexed import indexed_crm
from connector.flows.indexed import store as index_crm
from connector.pipedrive.budget import Lane
from connector.pipedrive.records import Organization, Person
from connector.records import Customer
from connector.store.bindings import InStep
from connector.store.creations import Making
from connector.store.dirty import Mark, Side, Urgency
from connector.store.loads import Item, Move, Stage

#: Is told how far a load is, by counts and never by names.
Say = Callable[[Mapping[str, object]], None]
_SINGLES = 50


async def settle_doubts(ground: Ground, kind: Kind) -> None:
    """Look for what was sent and not settled, once its time has come; what is known again is decided anew."""
    tenant, load, own = ground.tenant, ground.load, ground.own(kind)
    while items := await tenant.loads.due(load.id, own, PAGE):
        sources = [ground.source(item.id) for item in items]
        claims = await tenant.creations.of(kind.entity, ground.other_side, sources)
        making = [item for item in items if ground.source(item.id) in claims]
        changing = [item for item in items if ground.source(item.id) not in claims]
        await _read_again(ground, kind, changing)
        await _move(ground, kind, [item.id for item in changing], Stage.NEW)
        if due := await _due(ground, kind, making, claims):
            await _look_for(ground, kind, due, claims)


async def _due(ground: Ground, kind: Kind, items: Sequence[Item], claims: Mapping[str, Making]) -> list[Item]:
    """Those that may be looked for now; another process is making the others, or looks for them later."""
    now, later = ground.tenant.clock.now(), list[str]()
    for item in items:
        until = claims[ground.source(item.id)].look_at
        if until > now:
            await _move(ground, kind, [item.id], Stage.SENT, until)
            later.append(item.id)
    return [item for item in items if item.id not in later]


async def _move(
    ground: Ground, kind: Kind, ids: Sequence[str], stage: Stage, until: datetime | None = None
) -> None:
    move = Move(ground.own(kind), ids, stage, until)
    await ground.tenant.loads.advance(ground.load.id, [move])


async def _look_for(ground: Ground, kind: Kind, items: Sequence[Item], claims: Mapping[str, Making]) -> None:
    """Look for records that may have been made: by what changed in Pipedrive, or in the contact centre's list."""
    tenant = ground.tenant
    if ground.side is Side.CENTRE:
        since = min(claims[ground.source(item.id)].server_time for item in items) - BEFORE
        await read_changes(ground, since)
    else:
        await read_centre_side(ground, [kind])
    cases = await decide(ground, kind, items)
    missing = [case for case in cases if case.fate is Fate.MAKE]
    found = [case.id for case in cases if case.fate is not Fate.MAKE]
    await _move(ground, kind, found, Stage.NEW)
    again: list[str] = []
    once_more: list[str] = []
    look_at = tenant.clock.now() + timedelta(seconds=tenant.service.look_gap)
    for case in missing:
        claim = claims[ground.source(case.id)]
        if claim.looks + 1 < LOOKS:
            await tenant.creations.not_found(claim, look_at=look_at)
            once_more.append(case.id)
        elif await tenant.creations.renew(claim, server_time=claim.server_time, lease_s=0, sent=claim.sent):
            again.append(case.id)
        else:
            # Another process was faster, and is making it.
            once_more.append(case.id)
    await _move(ground, kind, once_more, Stage.SENT, look_at)
    await tenant.creations.settle(kind.entity, ground.other_side, [ground.source(one) for one in again])
    await _move(ground, kind, again, Stage.NEW)


async def _read_again(ground: Ground, kind: Kind, items: Sequence[Item]) -> None:
    """Read pairs again of which it is not known whether a change arrived (10 tokens for 100)."""
    tenant = ground.tenant
    cases = [case for case in await decide(ground, kind, items) if case.bound is not None]
    bound = [case.bound for case in cases if case.bound is not None]
    api = client(tenant, Lane.BACKFILL)
    ids = [one.crm_id for one in bound]
    for part in parts_of(ids):
        pages = api.persons(ids=part) if kind is CUSTOMERS else api.organizations(ids=part)
        async for page in pages:
            records: list[Person | Organization] = [*page]
            await put_crm(ground, kind.crm, records)
            await index_crm(tenant, [indexed_crm(tenant, one) for one in records])
    staged = await tenant.loads.get(ground.load.id, kind.centre, [one.centre_id for one in bound])
    keys = [key for key, item in staged.items() if item.stage is not Stage.AWAITED]
    if len(keys) > _SINGLES:
        await read_centre_side(ground, [kind])
        return
    for key in keys:
        record = await _one(ground, kind, key.rpartition("/")[2])
        if record is not None:
            await put_centre(ground, kind, [record])


# what the contact centre made of what it was sent


async def read_back(ground: Ground, say: Say) -> None:
    """Read what was written in series, with one list, and keep it as the base; who is missing is looked at later."""
    tenant = ground.tenant
    load, entity = ground.load, CUSTOMERS.centre
    if not await tenant.loads.awaited(load.id, entity, 1):
        return
    say({"doing": "reading back what was written"})
    async for page in ground.centre.api.customers():
        await _settle_read(ground, [one for one in page if not one.is_company])
    while missing := await tenant.loads.awaited(load.id, entity, PAGE):
        marks = [Mark(CUSTOMERS.entity, Side.CENTRE, item.id) for item in missing]
        await tenant.dirty.mark(marks, urgency=Urgency.LOAD, cause=load.cause)
        await tenant.loads.advance(load.id, [Move(entity, [item.id for item in missing], Stage.DONE)])


async def _settle_read(ground: Ground, page: Sequence[Customer]) -> None:
    tenant, entity = ground.tenant, CUSTOMERS.centre
    records = {f"{ground.centre.id}/{one.id}": one for one in page}
    staged = await tenant.loads.get(ground.load.id, entity, list(records))
    awaited = {key: item for key, item in staged.items() if item.stage is Stage.AWAITED}
    bound = await tenant.bindings.of_centre(CUSTOMERS.entity, list(awaited))
    reader, _ = await reader_of(tenant, CUSTOMERS)
    steps = []
    for key, item in awaited.items():
        if key in bound:
            sent = unpack_sent(entity, item.packed)
            base = as_read_back(reader, sent.record, records[key], sent.base)
            steps.append(InStep(bound[key], base, sent.problems, sent.overwrote))
    await tenant.bindings.in_step(steps, at=tenant.clock.now())
    await tenant.index.put(
        [indexed_centre(tenant, CUSTOMERS, ground.centre.id, records[key]) for key in awaited]
    )
    await tenant.loads.advance(ground.load.id, [Move(entity, list(awaited), Stage.DONE)])


async def _one(ground: Ground, kind: Kind, record_id: str) -> CentreRecord | None:
    api = ground.centre.api
    return await (api.customer(record_id) if kind is CUSTOMERS else api.company(record_id))
