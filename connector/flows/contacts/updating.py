"""A pair is brought in step: planned, written where it differs, and kept as read back.

A list of Pipedrive's is read again just before it is replaced.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from connector.contact_settings import Policy
from connector.flows.contacts.asking import ask_about_fields, decided_fields
from connector.flows.contacts.comparing import Facts, Plan, plan, seen_times
from connector.flows.contacts.creating import (
    base_of_creation,
    settle_creation,
)
from connector.flows.contacts.kinds import (
    CentreRecord,
    CrmRecord,
    Kind,
    read_centre,
    read_crm,
    update_in_centre,
)
from connector.flows.contacts.linking import extras, translated
from connector.flows.contacts.reading import Reader
from connector.flows.contacts.unanswered import update_sent, with_update
from connector.flows.contacts.work import Work, keep, reader_of
from connector.flows.contacts.writing import overwrote, write_to_pipedrive
from connector.flows.indexed import store as put_crm
from connector.flows.tenant import Tenant
from connector.store.bindings import Bond, Bound
from connector.store.changes import Wrote
from connector.store.dirty import Mark, Marked, Side, Urgency
from connector.store.index import Indexable

NOT_IN_PIPEDRIVE = "Pipedrive has no such record, or the user of the sync may not see it"


async def gone_from_pipedrive(work: Work, kind: Kind, bound: Bound) -> None:
    """A person or organization is not there any more, or not ours to see: its pair is dissolved."""
    work.why = NOT_IN_PIPEDRIVE
    await put_crm(work.tenant, [Indexable(kind.crm, bound.crm_id, gone=True)])
    if bound.state is not Bond.GONE:
        work.counts["unlinked"] += 1


async def update_pair(
    work: Work, kind: Kind, marked: Marked, bound: Bound, centre: CentreRecord, crm: CrmRecord
) -> None:
    """Merge both records of a pair field by field, write what differs, and keep what both hold then."""
    tenant = work.tenant
    reader, problems = await reader_of(tenant, kind)
    met = bound.base is None
    bound = await as_written(tenant, kind, bound, reader, centre, crm)
    before, made = await planned(tenant, kind, reader, marked, bound, centre, crm)
    if made.replaces_lists and marked.side is Side.PIPEDRIVE:
        # Read before the contact centre was: somebody may have added a number meanwhile.
        if (again := await read_crm(tenant, kind, crm.id)) is None:
            await gone_from_pipedrive(work, kind, bound)
            return
        before, made = await planned(tenant, kind, reader, marked, bound, centre, again)
    if made.body or made.values:
        await work.may_write(marked, bool(made.body) + bool(made.values))
        await tenant.bindings.send([(bound, update_sent(reader, before, made))])
    after = await _write(work, kind, marked, bound, before, made)
    if asked := await ask_about_fields(tenant, reader, [(bound, made)]):
        work.counts["asked"] += asked
    replaced = overwrote(reader, before, after) if made.replaces_lists else None
    base = await keep(tenant, kind, bound, reader, before, after, made, problems, replaced)
    if met:
        await settle_creation(tenant, kind, bound)
    rest = [record for record in (after.centre, after.crm) if not reader.is_as_before(record, base)]
    if rest and not made.held_back and (made.body or made.values):
        # Somebody edited it while we wrote.
        await tenant.dirty.mark(
            [Mark(kind.entity, Side.CENTRE, bound.centre_id)], urgency=Urgency.SWEEP, cause=marked.cause
        )


async def as_written(
    tenant: Tenant, kind: Kind, bound: Bound, reader: Reader, centre: CentreRecord, crm: CrmRecord
) -> Bound:
    """A pair with the base that what we sent without an answer has given it."""
    if bound.base is None:
        return replace(bound, base=await base_of_creation(tenant, kind, bound, reader, centre))
    if bound.sent is not None:
        return replace(bound, base=with_update(reader, centre, crm, bound.base, bound.sent))
    return bound


async def planned(
    tenant: Tenant, kind: Kind, reader: Reader, marked: Marked, bound: Bound, centre: CentreRecord, crm: CrmRecord
) -> tuple[Facts, Plan]:  # fmt: skip
    """A pair as it is now, and what has to be written; writes nothing."""
    to_crm, to_centre = await translated(tenant, reader.pairs, bound.connection, centre, crm)
    [decided] = await decided_fields(tenant, reader, [(bound, centre, crm)])
    facts = Facts(centre, crm, to_crm, to_centre, extras(tenant, kind, centre, crm), decided)
    seen = seen_times(reader.pairs, *await _told(tenant, reader, marked, bound))
    return facts, plan(reader, facts, bound.base, seen)


async def _write(work: Work, kind: Kind, marked: Marked, bound: Bound, before: Facts, made: Plan) -> Facts:
    """Write what differs; answers both records as they are then."""
    tenant, centre, crm = work.tenant, before.centre, before.crm
    if made.body:
        crm = await write_to_pipedrive(tenant, kind, bound.crm_id, made)
        wrote = Wrote(
            kind.entity, Side.PIPEDRIVE, crm.id, bound.centre_id, "update", made.body_before, made.body
        )
        await work.note(marked.cause, [wrote])
    if made.values:
        await update_in_centre(tenant, kind, bound.centre_id, made.values)
        wrote = Wrote(
            kind.entity,
            Side.CENTRE,
            bound.centre_id,
            bound.centre_id,
            "update",
            made.values_before,
            made.values,
        )
        await work.note(marked.cause, [wrote])
        centre = await read_centre(tenant, kind, bound.centre_id) or centre
    return Facts(
        centre, crm, before.to_crm, before.to_centre, extras(tenant, kind, centre, crm), before.decided
    )


async def _told(
    tenant: Tenant, reader: Reader, marked: Marked, bound: Bound
) -> tuple[Mapping[str, datetime], Mapping[str, datetime]]:
    """What each side told first-hand of this pair; of the side that did not mark only where a rule asks for it."""
    if not any(pair.rule.conflict is Policy.NEWEST for pair in reader.pairs):
        return {}, {}
    dirty = tenant.dirty
    if marked.side is Side.CENTRE:
        return marked.seen, await dirty.seen(bound.entity, Side.PIPEDRIVE, bound.crm_id)
    return await dirty.seen(bound.entity, Side.CENTRE, bound.centre_id), marked.seen
