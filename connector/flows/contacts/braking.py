"""Causes that have written more than is usual: what they would go on to write, and how a person lets them."""

from __future__ import annotations

import math
from datetime import timedelta

from connector.contact_settings import Way
from connector.errors import Misconfigured
from connector.flows.contacts.comparing import Plan
from connector.flows.contacts.identifying import (
    Identity,
    LeftAlone,
    Same,
    Unclear,
    find_customer,
    find_person,
)
from connector.flows.contacts.kinds import (
    KINDS,
    CentreRecord,
    CrmRecord,
    Kind,
    is_own_card,
    read_centre,
    read_crm,
)
from connector.flows.contacts.linking import marked_values, shown_in_pipedrive, translated
from connector.flows.contacts.outlining import plan_customer, plan_person
from connector.flows.contacts.scoping import takes_part
from connector.flows.contacts.updating import planned
from connector.flows.contacts.work import reader_of, scope_of
from connector.flows.contacts.working import HOUR, allowance, limit_of
from connector.flows.tenant import Tenant
from connector.pipedrive.records import Organization, Person
from connector.store.bindings import Bond
from connector.store.dirty import Marked, Side

_PREVIEWED = 10
_DAY = timedelta(days=1)
_NOTHING: dict[str, object] = {"would": "nothing"}


async def brakes(tenant: Tenant, *, previewed: int = _PREVIEWED) -> list[dict[str, object]]:
    """Every cause that was stopped, with a preview of what it would go on to write; writes nothing.

    Of each paused cause so many records are `previewed`: both sides of these are read.
    """
    waiting = await tenant.dirty.waiting()
    found: list[dict[str, object]] = []
    for one in await tenant.changes.braked():
        paused = one.released_at is None
        shown: dict[str, object] = {
            "cause": one.cause, "state": "paused" if paused else "released", "since": one.tripped_at,
            "writes_before": one.writes, "writes_in_the_hour": await tenant.changes.written(one.cause, within=HOUR),
            "limit": await limit_of(tenant), "waiting": waiting.get(one.cause, 0),
        }  # fmt: skip
        if paused:
            marks = await tenant.dirty.of_cause(one.cause, previewed) if previewed else []
            shown["preview"] = [await foresee(tenant, marked) for marked in marks]
        else:
            shown |= {"released": one.released_at, "left": max(0, await allowance(tenant, one.cause))}
        found.append(shown)
    return found


async def release(tenant: Tenant, cause: str) -> int:
    """Let a paused cause write what waits and a twentieth more; answers how many writes that are.

    Misconfigured when it is not paused.
    """
    waits = (await tenant.dirty.waiting()).get(cause, 0)
    # A record may be written on both sides: as often as those were that this cause has written.
    written, pairs = await tenant.changes.written_pairs(cause, within=_DAY)
    allowed = math.ceil(waits * min(2, written / pairs if pairs else 1) * 1.05)
    if not await tenant.changes.release_brake(cause, allowed):
        paused = [one.cause for one in await tenant.changes.braked() if one.released_at is None]
        named = ", ".join(map(repr, paused)) or "none"
        raise Misconfigured(f"{cause!r} is not paused. Paused are: {named}.")
    return allowed


async def foresee(tenant: Tenant, marked: Marked) -> dict[str, object]:
    """What would be written of a record that waits, by fields, before beside after; values are as they are now."""
    kind = KINDS[marked.entity]
    named = str(kind.centre if marked.side is Side.CENTRE else kind.crm)
    return {named: marked.record_id} | await _foreseen(tenant, kind, marked)


async def _foreseen(tenant: Tenant, kind: Kind, marked: Marked) -> dict[str, object]:
    if marked.side is Side.CENTRE:
        pairs = list((await tenant.bindings.of_centre(kind.entity, [marked.record_id])).values())
    else:
        pairs = (await tenant.bindings.of_crm(kind.entity, [marked.record_id])).get(marked.record_id, [])
    # One that was dissolved revives when both are there again.
    bound = next((one for state in (Bond.BOUND, Bond.GONE) for one in pairs if one.state is state), None)
    if bound is None:
        return _NOTHING if pairs else await _without_pair(tenant, kind, marked, gone=False)
    centre = await read_centre(tenant, kind, bound.centre_id)
    crm = await read_crm(tenant, kind, bound.crm_id)
    if centre is None or is_own_card(centre) or crm is None:
        if bound.state is Bond.BOUND:
            return {"would": "unlink"}
        return await _without_pair(tenant, kind, marked, gone=True)
    reader, _ = await reader_of(tenant, kind)
    _, made = await planned(tenant, kind, reader, marked, bound, centre, crm)
    return _differences(made)


def _differences(made: Plan) -> dict[str, object]:
    found: dict[str, object] = {"would": "update" if made.body or made.values else "nothing"}
    if made.body:
        found["in_pipedrive"] = {"before": made.body_before, "after": made.body}
    if made.values:
        found["in_contact_centre"] = {"before": made.values_before, "after": made.values}
    return found


async def _without_pair(tenant: Tenant, kind: Kind, marked: Marked, *, gone: bool) -> dict[str, object]:
    record: CentreRecord | CrmRecord | None
    if marked.side is Side.CENTRE:
        record = await read_centre(tenant, kind, marked.record_id)
        way, connection = Way.TO_PIPEDRIVE, marked.record_id.rpartition("/")[0]
    else:
        record = await read_crm(tenant, kind, marked.record_id)
        way, connection = Way.TO_CENTRE, next(iter(tenant.centres), "")
    if record is None or is_own_card(record) or not connection:
        return _NOTHING
    scope = scope_of(tenant, kind, way)
    why = (
        "the direction is off" if scope is None else takes_part(record, scope, tenant.phones, created_at=None)
    )
    if why is not None:
        return {"would": "leave out", "why": why}
    identity: Identity
    if isinstance(record, Person | Organization):
        identity = await find_customer(tenant, kind, connection, record)
    else:
        identity = await find_person(tenant, kind, connection, record)
    if isinstance(identity, Same):
        return {"would": "link", "with": identity.record_id}
    if isinstance(identity, Unclear):
        return {"would": "ask", "why": identity.why}
    if isinstance(identity, LeftAlone) or gone:
        return _NOTHING
    return {"would": "make", "after": await _outline(tenant, kind, connection, record)}


async def _outline(
    tenant: Tenant, kind: Kind, connection: str, record: CentreRecord | CrmRecord
) -> dict[str, object]:
    """What a record to be made would hold."""
    reader, _ = await reader_of(tenant, kind)
    if isinstance(record, Person | Organization):
        _, to_centre = await translated(tenant, reader.pairs, connection, None, record)
        return dict(plan_customer(reader, record, to_centre, marked_values(tenant, kind, record.id)).values)
    to_crm, _ = await translated(tenant, reader.pairs, connection, record, None)
    return plan_person(reader, record, to_crm, shown_in_pipedrive(tenant, kind, record, None)).body
