"""A record is made on the other side once: claimed first, marked with whose it is, and looked for when no answer came."""

from __future__ import annotations

from datetime import timedelta

from connector.contact_settings import Way
from connector.errors import ConnectorError, Retryable, UnknownOutcome
from connector.flows.contacts.comparing import Facts, Plan
from connector.flows.contacts.kinds import (
    COMPANIES,
    CUSTOMERS,
    OUTSIDE_ID,
    CentreRecord,
    CrmRecord,
    Kind,
    card_of,
    client,
    create_in_centre,
    name_of,
    read_centre,
    stated_centre_id,
)
from connector.flows.contacts.linking import extras, marked_values, shown_in_pipedrive, translated
from connector.flows.contacts.outlining import plan_customer, plan_person
from connector.flows.contacts.reading import Reader
from connector.flows.contacts.unanswered import creation_sent, with_creation
from connector.flows.contacts.work import Work, keep, reader_of
from connector.flows.contacts.writing import write_to_pipedrive
from connector.flows.tenant import Centre, Tenant
from connector.names import same_name
from connector.store.bindings import Base, Bound
from connector.store.changes import Wrote
from connector.store.creations import Making
from connector.store.dirty import Marked, Side

#: Lists show what was made up to this long before the claim was told Pipedrive's time.
BEFORE = timedelta(seconds=120)
#: So often something that was sent without an answer is looked for before it is sent again.
LOOKS = 2


async def make_person(
    work: Work, kind: Kind, marked: Marked, connection: str, record: CentreRecord
) -> tuple[Bound, Facts]:
    """Make the person or organization of a customer or company; answers the new pair.

    Raises Retryable while it is in doubt whether it was made already.
    """
    tenant, key = work.tenant, f"{connection}/{record.id}"
    reader, _ = await reader_of(tenant, kind)
    to_crm, _ = await translated(tenant, reader.pairs, connection, record, None)
    made = plan_person(reader, record, to_crm, shown_in_pipedrive(tenant, kind, record, None))
    await work.may_write(marked)
    sent = creation_sent(reader, record, Way.TO_PIPEDRIVE, made)
    if not await _claimed(tenant, kind, Side.PIPEDRIVE, key, sent):
        found = await _look_in_pipedrive(tenant, kind, key, record, sent)
        if found is not None:
            return await _found(tenant, kind, key, record, found), Facts(record, found)
    try:
        crm = await write_to_pipedrive(tenant, kind, None, made)
    except ConnectorError as error:
        await _failed(tenant, kind, Side.PIPEDRIVE, key, error)
        raise
    await work.note(marked.cause, [Wrote(kind.entity, Side.PIPEDRIVE, crm.id, key, "create", {}, made.body)])
    work.counts["made in Pipedrive"] += 1
    facts = Facts(record, crm, to_crm, {}, extras(tenant, kind, record, crm))
    wanted = Bound(kind.entity, key, crm.id, card_id=card_of(record, connection))
    return await _settle(work, kind, wanted, facts, made, Side.PIPEDRIVE, key), facts


async def make_customer(work: Work, kind: Kind, marked: Marked, centre: Centre, crm: CrmRecord) -> Bound:
    """Make the customer or company of a person or organization; answers the new pair. Raises as `make_person`."""
    tenant = work.tenant
    reader, _ = await reader_of(tenant, kind)
    _, to_centre = await translated(tenant, reader.pairs, centre.id, None, crm)
    made = plan_customer(reader, crm, to_centre, marked_values(tenant, kind, crm.id))
    await work.may_write(marked)
    source = f"{centre.id}/{crm.id}"
    sent = creation_sent(reader, crm, Way.TO_CENTRE, made)
    if not await _claimed(tenant, kind, Side.CENTRE, source, sent):
        found = await _look_in_centre(tenant, kind, source, centre, crm, sent)
        if found is not None:
            there = await read_centre(tenant, kind, found)
            if there is None:
                raise _not_readable(tenant)
            return await _found(tenant, kind, found, there, crm)
    try:
        key = await create_in_centre(centre, kind, made.values)
    except ConnectorError as error:
        await _failed(tenant, kind, Side.CENTRE, source, error)
        raise
    await work.note(marked.cause, [Wrote(kind.entity, Side.CENTRE, key, key, "create", {}, made.values)])
    work.counts["made in the contact centre"] += 1
    record = await read_centre(tenant, kind, key)
    if record is None:
        raise _not_readable(tenant)
    facts = Facts(record, crm, {}, to_centre, extras(tenant, kind, record, crm))
    wanted = Bound(kind.entity, key, crm.id, card_id=card_of(record, centre.id))
    return await _settle(work, kind, wanted, facts, made, Side.CENTRE, source)


async def _found(tenant: Tenant, kind: Kind, key: str, record: CentreRecord, crm: CrmRecord) -> Bound:
    """Bind what was made without an answer; it stays claimed until both are in step."""
    wanted = Bound(kind.entity, key, crm.id, card_id=card_of(record, key.rpartition("/")[0]))
    return await tenant.bindings.link(wanted, at=tenant.clock.now())


async def base_of_creation(
    tenant: Tenant, kind: Kind, bound: Bound, reader: Reader, centre: CentreRecord
) -> Base | None:
    """What both sides held when one of this pair was made of the other, if that is known and had no answer."""
    for side, source in _claims_of(bound):
        making = await tenant.creations.find(kind.entity, side, source)
        if making is not None and making.sent is not None:
            return with_creation(reader, centre, making.sent)
    return None


async def is_orphan(tenant: Tenant, kind: Kind, side: Side, own: str, stated: str | None) -> bool:
    """Whether a record on `side` was made by us, without an answer, of one that is gone: nothing is made of it in turn.

    `own` and `stated` are ids as bindings hold them. The two are bound, so that they revive together.
    """
    if stated is None:
        return False
    centre_id, crm_id = (own, stated) if side is Side.CENTRE else (stated, own)
    source = f"{centre_id.rpartition('/')[0]}/{crm_id}" if side is Side.CENTRE else centre_id
    if await tenant.creations.find(kind.entity, side, source) is None:
        return False
    await tenant.bindings.dissolve(
        await tenant.bindings.link(Bound(kind.entity, centre_id, crm_id), at=tenant.clock.now())
    )
    return True


async def settle_creation(tenant: Tenant, kind: Kind, bound: Bound) -> None:
    """The two are a pair: neither is looked for any more."""
    for side, source in _claims_of(bound):
        await tenant.creations.settle(kind.entity, side, [source])


def _claims_of(bound: Bound) -> list[tuple[Side, str]]:
    return [
        (Side.PIPEDRIVE, bound.centre_id),
        (Side.CENTRE, f"{bound.connection}/{bound.crm_id}"),
    ]


async def _settle(
    work: Work, kind: Kind, wanted: Bound, facts: Facts, made: Plan, side: Side, source: str
) -> Bound:
    """Bind what was made; only then is it no longer looked for."""
    tenant = work.tenant
    reader, problems = await reader_of(tenant, kind)
    bound = await tenant.bindings.link(wanted, at=tenant.clock.now())
    base = await keep(tenant, kind, bound, reader, facts, facts, made, problems)
    await tenant.creations.settle(kind.entity, side, [source])
    return Bound(
        bound.entity,
        bound.centre_id,
        bound.crm_id,
        bound.state,
        bound.card_id,
        base,
        in_step_at=tenant.clock.now(),
    )


async def _claimed(tenant: Tenant, kind: Kind, side: Side, source: str, sent: Base) -> bool:
    """Claim a record to be made; False when it may have been made before, and has to be looked for first."""
    at = await tenant.pipedrive.server_time()
    claimed = await tenant.creations.claim(
        kind.entity, side, [source], server_time=at, lease_s=tenant.service.lease, sent={source: sent}
    )
    return bool(claimed)


def _not_readable(tenant: Tenant) -> Retryable:
    return Retryable(
        "The record that was made in the contact centre cannot be read yet", after=tenant.service.look_gap
    )


async def _failed(tenant: Tenant, kind: Kind, side: Side, source: str, error: ConnectorError) -> None:
    """What was certainly not made is no longer claimed; what may have been is looked for after a while."""
    if not isinstance(error, UnknownOutcome):
        await tenant.creations.settle(kind.entity, side, [source])
        return
    making = await tenant.creations.find(kind.entity, side, source)
    if making is not None:
        wait = timedelta(seconds=tenant.service.first_look)
        await tenant.creations.doubt(making, look_at=tenant.clock.now() + wait)


async def _due(tenant: Tenant, kind: Kind, side: Side, source: str) -> Making:
    """The claim to be looked for now; Retryable until its time has come, or when it was settled meanwhile."""
    making = await tenant.creations.find(kind.entity, side, source)
    if making is None:
        raise Retryable("It was made a moment ago", after=tenant.service.look_gap)
    now = tenant.clock.now()
    if making.look_at > now:
        wait = (making.look_at - now).total_seconds()
        raise Retryable("It is being made, or was sent without an answer", after=wait)
    return making


async def _not_found(tenant: Tenant, making: Making, sent: Base) -> None:
    """Count a look that found nothing; returns only when it may be sent again."""
    if making.looks + 1 < LOOKS:
        wait = tenant.service.look_gap
        await tenant.creations.not_found(making, look_at=tenant.clock.now() + timedelta(seconds=wait))
        raise Retryable("It was sent without an answer and is looked for once more", after=wait)
    at = await tenant.pipedrive.server_time()
    if not await tenant.creations.renew(making, server_time=at, lease_s=tenant.service.lease, sent=sent):
        raise Retryable("Somebody else is making it", after=tenant.service.look_gap)


async def _look_in_pipedrive(
    tenant: Tenant, kind: Kind, key: str, record: CentreRecord, sent: Base
) -> CrmRecord | None:
    """Look for what was sent without an answer among all that changed since (10 tokens a 500)."""
    making = await _due(tenant, kind, Side.PIPEDRIVE, key)
    since = making.server_time - BEFORE
    api = client(tenant)
    pages = api.persons(since) if kind is CUSTOMERS else api.organizations(since)
    found: list[CrmRecord] = []
    async for page in pages:
        found += [one for one in page if not one.is_deleted and _is_ours(tenant, kind, record, one, making)]
    pairs = await tenant.bindings.of_crm(kind.entity, [one.id for one in found])
    free = [one for one in found if one.id not in pairs]
    if free:
        return min(free, key=lambda one: int(one.id))
    await _not_found(tenant, making, sent)
    return None


def _is_ours(tenant: Tenant, kind: Kind, record: CentreRecord, crm: CrmRecord, making: Making) -> bool:
    """Whether this is the record that we sent: it names its counterpart, or, without a field for that, equals it."""
    if crm.add_time is None or crm.add_time < making.server_time - BEFORE:
        return False
    name = name_of(record)
    fields = tenant.settings.special_fields
    if fields.person_centre_id if kind is CUSTOMERS else fields.organization_centre_id:
        told_apart = len(tenant.centres) <= 1 or same_name(crm.name, name)
        return stated_centre_id(tenant, kind, crm) == record.id and told_apart
    return crm.owner_id == tenant.installed.owner_user_id and same_name(crm.name, name)


async def _look_in_centre(
    tenant: Tenant, kind: Kind, source: str, centre: Centre, crm: CrmRecord, sent: Base
) -> str | None:
    """Look for what was sent without an answer by what it says of its counterpart."""
    making = await _due(tenant, kind, Side.CENTRE, source)
    name = tenant.settings.special_fields.customer_pipedrive_id
    custom = (name, crm.id) if name is not None else None
    outside = OUTSIDE_ID + crm.id if custom is None else ""
    found: list[str | None]
    if kind is COMPANIES and custom is not None:
        found = [one.id for one in await centre.api.find_companies(custom=custom)]
    elif kind is COMPANIES:
        # A company is also a customer record, which holds what it says of its counterpart.
        cards = await centre.api.find_customers(external_id=outside)
        found = [one.company_id for one in cards if one.is_company]
    else:
        customers = await centre.api.find_customers(external_id=outside, custom=custom)
        found = [one.id for one in customers if not one.is_company]
    if ids := [one for one in found if one is not None]:
        return f"{centre.id}/{min(ids, key=lambda one: (len(one), one))}"
    await _not_found(tenant, making, sent)
    return None
