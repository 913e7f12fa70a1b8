"""One record that was hinted at: read, compared, and the other side written where it differs.

It is done one at a time for a pair. A list of Pipedrive's is read again just before it is replaced; a record is made on
the other side only under a claim; nothing that is gone comes back by itself.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from connector.contact_settings import Scope, Way
from connector.errors import Rejected, Retryable
from connector.flows.contacts.away import ERASED, record_of, subjects_of
from connector.flows.contacts.creating import (
    is_orphan,
    make_customer,
    make_person,
)
from connector.flows.contacts.identifying import (
    LeftAlone,
    Nobody,
    Same,
    Unclear,
    person_stated,
)
from connector.flows.contacts.kinds import (
    COMPANIES,
    CUSTOMERS,
    KINDS,
    CentreRecord,
    CrmRecord,
    Kind,
    card_of,
    indexed_centre,
    is_own_card,
    read_centre,
    read_crm,
    stated_centre_id,
)
from connector.flows.contacts.linking import company_of, organization_of
from connector.flows.contacts.reading import Reader
from connector.flows.contacts.scoping import ANY, takes_part
from connector.flows.contacts.seeking import seek_customer, seek_person
from connector.flows.contacts.updating import NOT_IN_PIPEDRIVE, gone_from_pipedrive, update_pair
from connector.flows.contacts.work import Work, reader_of, scope_of
from connector.flows.indexed import indexed_crm
from connector.flows.indexed import store as put_crm
from connector.flows.tenant import Centre, Tenant
from connector.pipedrive.records import Person
from connector.records import Customer
from connector.store.bindings import Bond, Bound
from connector.store.dirty import Mark, Marked, Side, Urgency
from connector.store.index import Entity, Indexable
from connector.store.questions import Kind as QuestionKind

#: Why a record has no pair.
NOT_IN_CENTRE = "the contact centre has no such record"
CARD_WITHOUT_COMPANY = "it is a company's own record, and does not say whose"
DIRECTION_OFF = "nothing is made in this direction; the settings leave it off"
LEFT_ALONE = "a person decided that it stays by itself"

#: Marks of those whose company has just got its pair.
COMPANY = "company"
#: A record that a webhook has just had us read need not be read again at once.
_FRESH = timedelta(seconds=10)


async def reconcile(work: Work, marked: Marked) -> None:
    """Bring the record of a mark and its counterpart in step; raises what the worker decides about."""
    tenant, kind = work.tenant, KINDS[marked.entity]
    if await _stays_away(work, record_of(tenant, kind, marked.side, marked.record_id)):
        return
    if marked.side is Side.CENTRE:
        async with tenant.contacts.lock(kind.entity, marked.record_id):
            await _from_centre(work, kind, marked)
        return
    pairs = (await tenant.bindings.of_crm(kind.entity, [marked.record_id])).get(marked.record_id, [])
    for bound in pairs:
        if bound.state is not Bond.ALIAS:
            async with tenant.contacts.lock(kind.entity, bound.centre_id):
                # Whoever held the lock may have changed it.
                now = (await tenant.bindings.of_centre(kind.entity, [bound.centre_id])).get(bound.centre_id)
                if now is not None and now.crm_id == marked.record_id and now.state is not Bond.ALIAS:
                    await _from_pipedrive(work, kind, marked, now)
    if _insists(marked):
        # What it belonged to may just have been found to be gone.
        pairs = (await tenant.bindings.of_crm(kind.entity, [marked.record_id])).get(marked.record_id, [])
    home = next(iter(tenant.centres.values()), None)
    held = {bound.connection for bound in pairs if bound.state is not Bond.GONE}
    if home is not None and home.id not in held:
        async with tenant.contacts.lock(kind.crm, marked.record_id):
            await _unpaired_in_pipedrive(work, kind, marked, home, gone=bool(pairs))


# a record of the contact centre


async def _from_centre(work: Work, kind: Kind, marked: Marked) -> None:
    tenant, key = work.tenant, marked.record_id
    record = await read_centre(tenant, kind, key)
    bound = (await tenant.bindings.of_centre(kind.entity, [key])).get(key)
    if record is None or is_own_card(record):
        await _gone_from_centre(work, kind, key, bound)
        if isinstance(record, Customer):
            await _company_instead(work, marked, record)
    elif bound is None or bound.state is Bond.GONE:
        await tenant.index.put([indexed_centre(tenant, kind, key.rpartition("/")[0], record)])
        await _unpaired_in_centre(work, kind, marked, record, bound)
    elif bound.state is Bond.BOUND:
        await _let_it_be_read_back(tenant, kind, bound)
        reader, _ = await reader_of(tenant, kind)
        if _is_in_step(reader, record, bound, marked) and not _insists(marked):
            return
        crm = await read_crm(tenant, kind, bound.crm_id)
        if crm is not None:
            await _merge(work, kind, marked, bound, record, crm)
            return
        await gone_from_pipedrive(work, kind, bound)
        # It may have been merged into another without our being told.
        await _unpaired_in_centre(work, kind, marked, record, bound)


async def _let_it_be_read_back(tenant: Tenant, kind: Kind, bound: Bound) -> None:
    """A load has written it in a series, and does not know yet what the contact centre made of that: not all need show."""
    if bound.base is None and await tenant.loads.is_awaited(kind.centre, bound.centre_id):
        raise Retryable("It is read back when the load ends", after=tenant.service.first_look)


def _is_in_step(reader: Reader, record: CentreRecord | CrmRecord, bound: Bound, marked: Marked) -> bool:
    return bound.sent is None and reader.is_as_before(record, bound.base, anew=marked.cause == COMPANY)


async def _gone_from_centre(work: Work, kind: Kind, key: str, bound: Bound | None) -> None:
    """A customer or company is not there any more, or somebody made a company of the customer: its pair is dissolved."""
    work.why = NOT_IN_CENTRE
    await work.tenant.index.put([Indexable(kind.centre, key, gone=True)])
    if bound is not None and bound.state is not Bond.GONE:
        heir = await work.tenant.bindings.dissolve(bound)
        work.counts["unlinked"] += 1
        if heir is not None:
            mark = Mark(kind.entity, Side.CENTRE, heir)
            await work.tenant.dirty.mark([mark], urgency=Urgency.SWEEP, cause="alias")


async def _company_instead(work: Work, marked: Marked, card: Customer) -> None:
    """A company's own customer record: what changed of it is the company's, and whoever pushes it means the company."""
    work.why = CARD_WITHOUT_COMPANY if card.company_id is None else ""
    if card.company_id is None:
        return
    key = f"{marked.record_id.rpartition('/')[0]}/{card.company_id}"
    company = Mark(COMPANIES.entity, Side.CENTRE, key, marked.seen)
    if marked.urgency is Urgency.BUTTON:
        work.instead = company
        await reconcile(work, replace(marked, entity=company.entity, record_id=key))
        return
    await work.tenant.dirty.mark([company], urgency=marked.urgency, cause=marked.cause)


def _is_left_out(
    work: Work, scope: Scope | None, marked: Marked, record: CentreRecord | CrmRecord, added: datetime | None
) -> bool:
    """Whether a record that has no pair stays alone; the scope is not asked of what a person pushes."""
    work.why = DIRECTION_OFF
    if scope is not None:
        asked = ANY if marked.urgency is Urgency.BUTTON else scope
        work.why = takes_part(record, asked, work.tenant.phones, created_at=added) or ""
    if work.why:
        work.counts["left out"] += 1
    return bool(work.why)


async def _stays_away(work: Work, *keys: str) -> bool:
    """Whether one of these keys is of somebody who was erased on request; a push does not bring him back."""
    if not await work.tenant.suppressed.among(keys):
        return False
    work.why = ERASED
    work.counts["left out"] += 1
    return True


async def _unpaired_in_centre(
    work: Work, kind: Kind, marked: Marked, record: CentreRecord, gone: Bound | None
) -> None:
    tenant, connection = work.tenant, marked.record_id.rpartition("/")[0]
    lost = gone is not None and gone.state is not Bond.GONE
    if gone is not None and not lost and (crm := await read_crm(tenant, kind, gone.crm_id)) is not None:
        revived = await tenant.bindings.revive(gone, at=tenant.clock.now())
        if revived.state is Bond.BOUND:
            await _merge(work, kind, marked, revived, record, crm)
        return
    keys, scope = (
        subjects_of(tenant, indexed_centre(tenant, kind, connection, record)),
        scope_of(tenant, kind, Way.TO_PIPEDRIVE),
    )
    if _is_left_out(work, scope, marked, record, None) or await _stays_away(work, *keys):
        return
    await _company_first(work, marked, connection, record, None)
    found: CrmRecord | None = None
    async with tenant.contacts.making:
        identity = await seek_person(tenant, kind, connection, record, insist=_insists(marked))
        if isinstance(identity, Nobody):
            stated = await person_stated(tenant, connection, record)
            orphan = await is_orphan(tenant, kind, Side.CENTRE, marked.record_id, stated)
            if (gone is not None or orphan) and not _insists(marked):
                return  # what was deleted there does not come back by itself
            bound, facts = await make_person(work, kind, marked, connection, record)
        elif isinstance(identity, Same):
            found = await read_crm(tenant, kind, identity.record_id)
            if found is None:
                await put_crm(tenant, [Indexable(kind.crm, identity.record_id, gone=True)])
                await _found_in_vain(work, kind.asks_of_centre, marked.record_id)
                return
            card = card_of(record, connection)
            wanted = Bound(kind.entity, marked.record_id, identity.record_id, card_id=card)
            bound = await tenant.bindings.link(wanted, at=tenant.clock.now())
            work.counts["linked"] += 1
        else:
            await _leave_to_a_person(work, kind.asks_of_centre, marked.record_id, identity)
            return
    await _paired(work, kind, bound)
    if isinstance(identity, Nobody):
        await _merge(work, kind, marked, bound, facts.centre, facts.crm)
    elif found is not None and bound.state is Bond.BOUND and bound.crm_id == found.id:
        await _merge(work, kind, marked, bound, record, found)


# a record of Pipedrive


async def _from_pipedrive(work: Work, kind: Kind, marked: Marked, bound: Bound) -> None:
    tenant = work.tenant
    crm = await _read_once(tenant, kind, marked.record_id, not_before=bound.in_step_at)
    if crm is None:
        await gone_from_pipedrive(work, kind, bound)
        return
    reader, _ = await reader_of(tenant, kind)
    if bound.state is Bond.BOUND and _is_in_step(reader, crm, bound, marked) and not _insists(marked):
        return
    record = await read_centre(tenant, kind, bound.centre_id)
    if record is None or is_own_card(record):
        await _gone_from_centre(work, kind, bound.centre_id, bound)
        return
    await _let_it_be_read_back(tenant, kind, bound)
    if bound.state is Bond.GONE:
        bound = await tenant.bindings.revive(bound, at=tenant.clock.now())
    if bound.state is Bond.BOUND:
        await _merge(work, kind, marked, bound, record, crm)


async def _read_once(
    tenant: Tenant, kind: Kind, crm_id: str, *, not_before: datetime | None = None
) -> CrmRecord | None:
    """The record as a webhook has just had us read it, unless the pair was written since; else read now."""
    at, record = tenant.contacts.fresh.pop((kind.crm, crm_id), (None, None))
    if at is not None and tenant.clock.now() - at < _FRESH and (not_before is None or at > not_before):
        return record
    found = await read_crm(tenant, kind, crm_id)
    if found is not None:
        await put_crm(tenant, [indexed_crm(tenant, found)])
    return found


async def _unpaired_in_pipedrive(work: Work, kind: Kind, marked: Marked, home: Centre, *, gone: bool) -> None:
    tenant = work.tenant
    scope = scope_of(tenant, kind, Way.TO_CENTRE)
    crm = await _read_once(tenant, kind, marked.record_id) if scope is not None else None
    if crm is None:
        work.why = DIRECTION_OFF if scope is None else NOT_IN_PIPEDRIVE
        return
    keys = subjects_of(tenant, indexed_crm(tenant, crm))
    if _is_left_out(work, scope, marked, crm, crm.add_time) or await _stays_away(work, *keys):
        return
    await _company_first(work, marked, home.id, None, crm)
    async with tenant.contacts.making:
        identity = await seek_customer(tenant, kind, home, crm, insist=_insists(marked))
        if isinstance(identity, Nobody):
            stated = stated_centre_id(tenant, kind, crm)
            key = f"{home.id}/{stated}" if stated else None
            orphan = await is_orphan(tenant, kind, Side.PIPEDRIVE, crm.id, key)
            if (gone or orphan) and not _insists(marked):
                return
            bound = await make_customer(work, kind, marked, home, crm)
        elif isinstance(identity, Same):
            record = await read_centre(tenant, kind, identity.record_id)
            if record is None or is_own_card(record):
                await tenant.index.put([Indexable(kind.centre, identity.record_id, gone=True)])
                await _found_in_vain(work, kind.asks_of_crm, crm.id)
                return
            wanted = Bound(kind.entity, identity.record_id, crm.id, card_id=card_of(record, home.id))
            bound = await tenant.bindings.link(wanted, at=tenant.clock.now())
            if bound.crm_id != crm.id:
                return  # somebody else's since it was looked for
            work.counts["linked"] += 1
        else:
            await _leave_to_a_person(work, kind.asks_of_crm, crm.id, identity)
            return
    await _paired(work, kind, bound)
    async with tenant.contacts.lock(kind.entity, bound.centre_id):
        # Somebody may have been told of the new pair, and have worked on it since.
        now = (await tenant.bindings.of_centre(kind.entity, [bound.centre_id])).get(bound.centre_id)
        if now is not None and now.crm_id == crm.id and now.state is Bond.BOUND:
            centre = await read_centre(tenant, kind, now.centre_id)
            again = await read_crm(tenant, kind, crm.id)
            if centre is not None and again is not None:
                await _merge(work, kind, marked, now, centre, again)


def _insists(marked: Marked) -> bool:
    """Whether a person pushes this very record."""
    return marked.urgency is Urgency.BUTTON


async def _found_in_vain(work: Work, asks: QuestionKind, subject: str) -> None:
    """Who was found, or chosen by a person, is gone since: it is decided anew when the record is looked at next."""
    work.why = "the record that it is the same as is gone meanwhile"
    await work.tenant.questions.void(asks, [subject])


async def _leave_to_a_person(
    work: Work, asks: QuestionKind, subject: str, identity: Unclear | LeftAlone
) -> None:
    work.why = LEFT_ALONE
    if isinstance(identity, Unclear):
        work.why = identity.why
        await work.tenant.questions.ask(asks, subject, identity.candidates, {"why": identity.why})
        work.counts["asked"] += 1


async def _paired(work: Work, kind: Kind, bound: Bound) -> None:
    """A new pair: its events may be written, its people linked, and nobody need be asked about it any more."""
    tenant = work.tenant
    await tenant.questions.void(kind.asks_of_centre, [bound.centre_id])
    await tenant.questions.void(kind.asks_of_crm, [bound.crm_id])
    if kind is CUSTOMERS:
        await tenant.ledger.wake(customer_ids=[bound.centre_id.rpartition("/")[2]])
        return
    customers = await tenant.index.members(Entity.CUSTOMER, bound.centre_id)
    persons = await tenant.index.members(Entity.PERSON, bound.crm_id)
    marks = [Mark(CUSTOMERS.entity, Side.CENTRE, one) for one in customers]
    marks += [Mark(CUSTOMERS.entity, Side.PIPEDRIVE, one) for one in persons]
    known = await tenant.bindings.of_centre(CUSTOMERS.entity, customers)
    paired = await tenant.bindings.of_crm(CUSTOMERS.entity, persons)
    marks = [one for one in marks if one.record_id in known or one.record_id in paired]
    await tenant.dirty.mark(marks, urgency=Urgency.SWEEP, cause=COMPANY)


async def _company_first(
    work: Work, marked: Marked, connection: str, centre: CentreRecord | None, crm: CrmRecord | None
) -> None:
    """See that the company of a customer, or the organization of a person, has its pair before they have theirs."""
    tenant = work.tenant
    if isinstance(centre, Customer) and centre.company_id is not None:
        key = f"{connection}/{centre.company_id}"
        if await organization_of(tenant, key) is None:
            await _pair_company(work, marked, Side.CENTRE, key)
    if (
        isinstance(crm, Person)
        and crm.org_id is not None
        and await company_of(tenant, connection, crm.org_id) is None
    ):
        await _pair_company(work, marked, Side.PIPEDRIVE, crm.org_id)


async def _pair_company(work: Work, marked: Marked, side: Side, record_id: str) -> None:
    """Bring a company in step; one that is refused is told by a mark of its own and holds up none of its people."""
    try:
        await reconcile(work, _instead(marked, side, record_id))
    except Rejected:
        company = Mark(COMPANIES.entity, side, record_id)
        await work.tenant.dirty.mark([company], urgency=Urgency.SWEEP, cause=marked.cause)


def _instead(marked: Marked, side: Side, record_id: str) -> Marked:
    urgency = max(
        marked.urgency, Urgency.HOOK
    )  # a button pushes what it names, not what was deleted of its company
    return Marked(COMPANIES.entity, side, record_id, 0, urgency, marked.cause, marked.marked_at, 0, "", {})


async def _merge(
    work: Work, kind: Kind, marked: Marked, bound: Bound, centre: CentreRecord, crm: CrmRecord
) -> None:
    """Bring a pair in step, its company before it."""
    if kind is CUSTOMERS:
        await _company_first(work, marked, bound.connection, centre, crm)
    await update_pair(work, kind, marked, bound, centre, crm)
