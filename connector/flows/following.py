"""What webhooks of both sides hint at: the record is read again, the index brought up to date, pairs marked.

A webhook of Pipedrive that names no field we keep is dropped unread; sweeps are the net.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from datetime import datetime

import structlog

from connector.contact_settings import Way
from connector.errors import Retryable, UnknownOutcome
from connector.flows.contacts.kinds import COMPANIES, CUSTOMERS, CrmRecord, Kind, client
from connector.flows.contacts.marking import in_step, met_in_pipedrive
from connector.flows.contacts.work import reader_of, scope_of
from connector.flows.deals.addresses import is_own_echo, meet
from connector.flows.deals.mirroring import note_changed, note_gone
from connector.flows.deals.viewing import sees_all_deals
from connector.flows.indexing import refresh_deal, refresh_organization, refresh_person
from connector.flows.tenant import Tenant
from connector.pipedrive.mapping import entries_body
from connector.pipedrive.records import Entry, HookEvent, Person
from connector.records import Hint
from connector.store.bindings import Bond, Bound
from connector.store.dirty import Mark, Side, Urgency
from connector.store.index import OF_PIPEDRIVE, Entity
from connector.store.opened import State

log = structlog.get_logger()

PIPEDRIVE_HOOKS = "webhooks of Pipedrive"
CENTRE_HOOKS = "webhooks of the contact centre"

#: What is kept of every person or organization, in the words of webhooks.
_INDEXED = frozenset(
    {"name", "phones", "phone", "emails", "email", "org_id", "owner_id", "is_deleted", "active_flag"}
)
#: The same for labels, where they say who takes part.
_LABELS = frozenset({"label_ids", "label"})

#: Records as they were read for the webhooks of a batch, all of which had arrived before, and when.
Readings = dict[tuple[str, str, str | None], tuple[datetime, CrmRecord | None]]


async def follow_hook(tenant: Tenant, event: HookEvent, read: Readings | None = None) -> bool:
    """Act on a webhook of Pipedrive; answers whether there is work for the keeper: records were marked, or cards are due.

    What is in `read` is not read again, but each webhook is looked at for what it alone tells.
    """
    read = {} if read is None else read
    if event.entity_id is None or event.entity not in {str(entity) for entity in OF_PIPEDRIVE}:
        return False
    key = (event.entity, event.entity_id, event.merged_to)
    if event.entity == Entity.DEAL:
        key = (event.entity, event.entity_id, event.merged_to or event.merged_from)
        if key in read:
            return False
        is_due = await _follow_deal(tenant, event, event.entity_id)
        read[key] = (tenant.clock.now(), None)
        return is_due
    kind = CUSTOMERS if event.entity == Entity.PERSON else COMPANIES
    if await _names_nothing_of_ours(tenant, kind, event):
        return False
    record_id = event.merged_to or event.entity_id
    pairs = (await tenant.bindings.of_crm(kind.entity, [record_id])).get(record_id, [])
    paired = next((one.centre_id for one in pairs if one.state is Bond.BOUND), None)
    # What a pair under way is about to write would look like somebody's edit.
    async with tenant.contacts.lock(kind.entity, paired) if paired else nullcontext():
        if key not in read:
            at = tenant.clock.now()
            read[key] = (at, await _read_again(tenant, kind, event))
        at, record = read[key]
        if record is None or record.is_deleted or not in_step(tenant):
            return False
        if isinstance(record, Person):
            given_back = await _give_back_overwritten(tenant, record, event)
            if given_back is not record:
                at, record = read[key] = (tenant.clock.now(), given_back)
        marks = await met_in_pipedrive(
            tenant, kind, [record], urgency=Urgency.HOOK, cause=PIPEDRIVE_HOOKS, seen=_seen(event)
        )
        if marks:
            tenant.contacts.remember(kind.crm, record, at)
    return bool(marks)


async def _follow_deal(tenant: Tenant, event: HookEvent, deal_id: str) -> bool:
    """Read a deal again; one that was opened here is kept true, and so is the list that a tab shows next.

    Answers whether cards are due that show it.
    A webhook may come late: what it says of a deletion is not believed unread.
    """
    deal, opened = await refresh_deal(tenant, deal_id), tenant.deals
    is_due = await (note_changed(tenant, [deal]) if deal is not None else note_gone(tenant, deal_id))
    for whose, (_, listed) in list(tenant.deals_at_hand.lists.items()):
        hangs_on = deal is not None and whose[1] in (deal.person_id, deal.org_id)
        if hangs_on or any(one.id == deal_id for one in listed):
            tenant.deals_at_hand.lists.pop(whose, None)
    if event.merged_from is not None:
        await opened.follow_merge(event.merged_from, into=deal_id)
    rows = await opened.of_deal(deal_id)
    if not rows:
        return is_due
    if event.merged_to is not None:
        await opened.follow_merge(deal_id, into=event.merged_to)
    elif deal is None:
        if await sees_all_deals(tenant):
            await opened.gone(deal_id)
    elif deal.is_deleted:
        await opened.gone(deal_id)
    elif any(row.state is State.GONE for row in rows):
        await opened.restored(deal_id)
    return is_due


async def _names_nothing_of_ours(tenant: Tenant, kind: Kind, event: HookEvent) -> bool:
    if event.action != "change" or not event.previous_keys or event.merged_from is not None:
        return False
    ours = set(_INDEXED)
    if in_step(tenant):
        reader, _ = await reader_of(tenant, kind)
        ours |= {pair.code for pair in reader.pairs}
        scope = scope_of(tenant, kind, Way.TO_CENTRE)
        ours |= _LABELS if scope is not None and scope.labels else set()
    return not event.previous_keys & ours


async def _read_again(tenant: Tenant, kind: Kind, event: HookEvent) -> CrmRecord | None:
    record_id = event.entity_id or ""
    if event.merged_to is not None:
        await tenant.bindings.follow_merge(record_id, into=event.merged_to, entity=kind.entity)
        await _refresh(tenant, kind, record_id, gone=False)
        return await _refresh(tenant, kind, event.merged_to, gone=False)
    return await _refresh(tenant, kind, record_id, gone=kind is COMPANIES and event.action == "delete")


async def _refresh(tenant: Tenant, kind: Kind, record_id: str, *, gone: bool) -> CrmRecord | None:
    if kind is CUSTOMERS:
        return await refresh_person(tenant, record_id)
    return await refresh_organization(tenant, record_id, gone=gone)


def _seen(event: HookEvent) -> Mapping[str, datetime] | None:
    """Fields whose change this webhook tells first-hand."""
    return dict.fromkeys(event.previous_keys, event.at) if event.at is not None else None


async def _give_back_overwritten(tenant: Tenant, person: Person, event: HookEvent) -> Person:
    """Add again what somebody had added between our reading and our writing of a list, and we overwrote.

    Our own echo tells what stood there before: what we had not read, nor written, was a rival's.
    """
    pairs = (await tenant.bindings.of_crm(CUSTOMERS.entity, [person.id])).get(person.id, [])
    bound = next((one for one in pairs if one.state is Bond.BOUND and one.overwrote), None)
    if bound is None or event.update_time is None or bound.overwrote is None:
        return person
    # Times are whole seconds: what a person changed within that of our write is no echo of it.
    if bound.overwrote.get("at") != event.update_time.isoformat() or event.change_source == "app":
        return person
    body = await _lost(tenant, bound, person, event)
    if not body:
        return person
    log.warning("a rival edit was overwritten and is given back", installation=tenant.id, person=person.id)
    try:
        return await client(tenant).update_person(person.id, body)
    except UnknownOutcome as error:
        # The webhook comes again, and what has arrived by then is not lost any more.
        raise Retryable(str(error)) from error


async def _lost(tenant: Tenant, bound: Bound, person: Person, event: HookEvent) -> dict[str, object]:
    reader, _ = await reader_of(tenant, CUSTOMERS)
    before = {"phones": event.previous_phones, "emails": event.previous_emails}
    now = {"phones": person.phone_entries, "emails": person.email_entries}
    body: dict[str, object] = {}
    for pair in reader.pairs:
        values: Sequence[str] | None = before.get(pair.code) if pair.rule.is_set else None
        read = (bound.overwrote or {}).get(pair.code)
        if values is None or not isinstance(read, list):
            continue
        there = reader.elements_of(pair, [entry.value for entry in now[pair.code]])
        lost = [
            raw
            for raw in values
            if (meant := reader.elements_of(pair, [raw])) - there
            and not {*reader.tokens(pair, meant)} <= {*read}
        ]
        if lost:
            body[pair.code] = entries_body([*now[pair.code], *(Entry(raw) for raw in lost)])
    return body


async def follow_hint(tenant: Tenant, connection: str, hint: Hint) -> bool:
    """Mark what a webhook of a contact centre names, or shall hold the address of our page; answers whether it did."""
    met = await meet(tenant, connection, hint)
    if not in_step(tenant):
        return met
    seen = {"*": hint.at} if hint.at is not None else None
    marks = []
    if hint.kind == "customer":
        key = f"{connection}/{hint.ref}"
        # One with a pair is compared with what was in step, so that an echo is told from an edit by what is in it.
        pair = (await tenant.bindings.of_centre(CUSTOMERS.entity, [key])).get(key)
        is_paired = pair is not None and pair.state is not Bond.GONE
        if is_paired or not await is_own_echo(tenant, key, hint.at):
            marks.append(Mark(CUSTOMERS.entity, Side.CENTRE, key, seen))
    elif hint.kind == "ticket" and hint.customer_id is not None:
        # A new ticket may be the first that is heard of its customer.
        key = f"{connection}/{hint.customer_id}"
        if key not in await tenant.bindings.of_centre(CUSTOMERS.entity, [key]):
            marks.append(Mark(CUSTOMERS.entity, Side.CENTRE, key))
    return bool(await tenant.dirty.mark(marks, urgency=Urgency.HOOK, cause=CENTRE_HOOKS)) or met
