"""One pair as both sides hold it now, field by field against what they held when last in step; nothing is written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from connector.contact_settings import FieldMapping
from connector.flows.contacts.comparing import Plan
from connector.flows.contacts.kinds import CentreRecord, CrmRecord, Kind, name_of, read_centre, read_crm
from connector.flows.contacts.pairing import Pair
from connector.flows.contacts.reading import CENTRE, CRM, Reader, raw
from connector.flows.contacts.updating import as_written, planned
from connector.flows.contacts.work import reader_of
from connector.flows.tenant import Tenant
from connector.pipedrive.budget import Lane
from connector.store.bindings import Base, Bond, Bound
from connector.store.dirty import Marked, Side, Urgency

#: What reading one record of Pipedrive costs.
TOKENS = 1


class Since(StrEnum):
    """What became of a field since both sides were last in step."""

    SAME = "same"
    CHANGED_THERE = "changed_there"
    CHANGED_HERE = "changed_here"
    BOTH = "both"
    NEVER = "never"


class Next(StrEnum):
    """What a push would do with a field."""

    NOTHING = "nothing"
    TO_PIPEDRIVE = "to_pipedrive"
    TO_CENTRE = "to_centre"
    BOTH_WAYS = "both_ways"
    ASK = "ask"
    CANNOT = "cannot"


@dataclass(frozen=True, slots=True)
class Compared:
    """One row of the mapping: what the contact centre (there) and Pipedrive (here) hold; `reason` is why it cannot go."""

    rule: FieldMapping
    centre: tuple[str, ...]
    crm: tuple[str, ...]
    since: Since
    next: Next
    reason: str = ""


@dataclass(frozen=True, slots=True)
class SideBySide:
    """A pair now; a name is None where the record is not there, or not ours to see."""

    centre_name: str | None
    crm_name: str | None
    fields: Sequence[Compared] = ()


async def side_by_side(tenant: Tenant, kind: Kind, bound: Bound) -> SideBySide:
    """Read both sides (1 token, and 10 a day for the list of custom fields) and compare them with the base."""
    tenant = replace(tenant, pipedrive=tenant.pipedrive.on(Lane.POP))
    centre = await read_centre(tenant, kind, bound.centre_id)
    crm = await read_crm(tenant, kind, bound.crm_id)
    if centre is None or crm is None:
        return SideBySide(_name(centre), _name(crm))
    reader, problems = await reader_of(tenant, kind)
    made = Plan()
    if bound.state is Bond.BOUND:
        bound = await as_written(tenant, kind, bound, reader, centre, crm)
        seen = await tenant.dirty.seen(kind.entity, Side.CENTRE, bound.centre_id)
        now = tenant.clock.now()
        marked = Marked(
            kind.entity, Side.CENTRE, bound.centre_id, 0, Urgency.BUTTON, "shown", now, 0, "", seen
        )
        _, made = await planned(tenant, kind, reader, marked, bound, centre, crm)
    reasons = {one.field: one.reason for one in (*problems, *made.problems)}
    fields = [
        Compared(
            pair.rule, _held(reader, pair, centre), _held(reader, pair, crm), _since(reader, pair, bound.base, centre, crm),
            _next(pair, made), reasons.pop(pair.rule.key, ""),
        )
        for pair in reader.pairs
    ]  # fmt: skip
    return SideBySide(name_of(centre), name_of(crm), fields)


def _name(record: CentreRecord | CrmRecord | None) -> str | None:
    return None if record is None else name_of(record)


def _held(reader: Reader, pair: Pair, record: CentreRecord | CrmRecord) -> tuple[str, ...]:
    if pair.rule.is_set:
        return tuple(raw(pair, record))
    text = reader.text(pair, record)
    return (text,) if text else ()


def _since(reader: Reader, pair: Pair, base: Base | None, centre: CentreRecord, crm: CrmRecord) -> Since:
    """Only hashes of what was in step are kept: whether a value is another one now, and not which it was."""
    if base is None or pair.key not in base:
        return Since.NEVER
    then = reader.as_then(base)
    there = then.held(pair, centre) != base[pair.key][CENTRE]
    here = then.held(pair, crm) != base[pair.key][CRM]
    if there and here:
        return Since.BOTH
    return Since.CHANGED_THERE if there else Since.CHANGED_HERE if here else Since.SAME


def _next(pair: Pair, made: Plan) -> Next:
    if pair.key in made.asked:
        return Next.ASK
    if pair.key in made.held_back:
        return Next.CANNOT
    to_crm, to_centre = ((pair.key, at) in made.sent for at in (CRM, CENTRE))
    if to_crm and to_centre:
        return Next.BOTH_WAYS
    return Next.TO_PIPEDRIVE if to_crm else Next.TO_CENTRE if to_centre else Next.NOTHING
