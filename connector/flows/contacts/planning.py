"""What is to become of each record of a load, decided as reconciling does: for a preview and for the load alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from connector.contact_settings import Way
from connector.flows.contacts.asking import decided_fields
from connector.flows.contacts.away import ERASED, record_of
from connector.flows.contacts.comparing import Facts, Plan, plan
from connector.flows.contacts.identifying import LeftAlone, Nobody, Same, find_customers, find_persons
from connector.flows.contacts.kinds import (
    CentreRecord,
    CrmRecord,
    Kind,
    indexed_centre,
    read_crm,
)
from connector.flows.contacts.linking import (
    extras,
    marked_values,
    shown_in_pipedrive,
    translated_all,
)
from connector.flows.contacts.outlining import plan_customer, plan_person
from connector.flows.contacts.reconciling import DIRECTION_OFF, LEFT_ALONE
from connector.flows.contacts.scoping import takes_part
from connector.flows.contacts.staging import Ground, Record, unpack, unpack_sent
from connector.flows.contacts.unanswered import with_update
from connector.flows.contacts.work import reader_of, scope_of
from connector.flows.indexed import indexed_crm
from connector.pipedrive.records import Organization, Person
from connector.records import Company
from connector.store.bindings import Bond, Bound
from connector.store.dirty import Side
from connector.store.loads import Item, Stage

WAS_DELETED = "its counterpart was deleted; push it by itself to have it made anew"
NOT_THERE = "its counterpart is not there any more, or the user of the sync may not see it"


class Fate(StrEnum):
    """What is to become of a record."""

    MAKE = "make"
    LINK = "link"
    MERGE = "merge"
    DOUBLE = "double"
    ASK = "ask"
    LEAVE = "leave"


@dataclass(slots=True)
class Case:
    """One record of a load: whom it is to be paired with (`bound`), or why it is not.

    `subjects` are the keyed hashes of what it is found by; `awaited` says that its counterpart was made and is yet to be
    read back, `claimed` that it was made without an answer.
    """

    id: str
    record: Record
    fate: Fate
    reason: str = ""
    bound: Bound | None = None
    candidates: tuple[str, ...] = ()
    subjects: frozenset[str] = field(default_factory=frozenset)
    awaited: bool = False
    claimed: bool = False


async def decide(ground: Ground, kind: Kind, items: Sequence[Item]) -> list[Case]:
    """Decide a batch; nothing is written."""
    records = {item.id: unpack(ground.own(kind), item.packed) for item in items}
    bound = await _bound(ground, kind, list(records))
    cases: dict[str, Case] = {}
    for record_id, record in records.items():
        pair = bound.get(record_id)
        if pair is not None and pair.state is Bond.GONE:
            cases[record_id] = Case(record_id, record, Fate.LEAVE, WAS_DELETED)
        elif pair is not None:
            fate = Fate.MERGE if pair.state is Bond.BOUND else Fate.DOUBLE
            cases[record_id] = Case(record_id, record, fate, bound=pair)
        elif why := _left_out(ground, kind, record):
            cases[record_id] = Case(record_id, record, Fate.LEAVE, why)
    rest = {record_id: record for record_id, record in records.items() if record_id not in cases}
    away = await _erased(ground, kind, rest)
    cases |= {record_id: Case(record_id, rest.pop(record_id), Fate.LEAVE, ERASED) for record_id in away}
    cases |= await _identified(ground, kind, rest)
    return [cases[record_id] for record_id in records]


async def _erased(ground: Ground, kind: Kind, records: Mapping[str, Record]) -> list[str]:
    """Those whose people were erased on request."""
    keys = {
        record_id: _subjects(ground, kind, record) | {record_of(ground.tenant, kind, ground.side, record_id)}
        for record_id, record in records.items()
    }
    away = await ground.tenant.suppressed.among(key for some in keys.values() for key in some)
    return [record_id for record_id, some in keys.items() if some & away]


async def _bound(ground: Ground, kind: Kind, ids: Sequence[str]) -> dict[str, Bound]:
    bindings = ground.tenant.bindings
    if ground.side is Side.CENTRE:
        return await bindings.of_centre(kind.entity, ids)
    found = await bindings.of_crm(kind.entity, ids)
    order = [Bond.GONE, Bond.ALIAS, Bond.BOUND]
    mine = {
        crm_id: [one for one in pairs if one.connection == ground.centre.id]
        for crm_id, pairs in found.items()
    }
    return {
        crm_id: max(pairs, key=lambda one: order.index(one.state)) for crm_id, pairs in mine.items() if pairs
    }


def _left_out(ground: Ground, kind: Kind, record: Record) -> str | None:
    tenant = ground.tenant
    way = Way.TO_PIPEDRIVE if ground.side is Side.CENTRE else Way.TO_CENTRE
    scope = scope_of(tenant, kind, way)
    if scope is None:
        return DIRECTION_OFF
    added = record.add_time if isinstance(record, Person | Organization) else None
    return takes_part(record, scope, tenant.phones, created_at=added)


async def _identified(ground: Ground, kind: Kind, records: Mapping[str, Record]) -> dict[str, Case]:
    tenant, home = ground.tenant, ground.centre.id
    if ground.side is Side.CENTRE:
        of_centre = {key: one for key, one in records.items() if not isinstance(one, Person | Organization)}

        async def read(crm_id: str) -> Record | None:
            return await counterpart(ground, kind, crm_id) or await read_crm(tenant, kind, crm_id)

        found = await find_persons(tenant, kind, of_centre, read)
    else:
        of_crm = [one for one in records.values() if isinstance(one, Person | Organization)]
        found = await find_customers(tenant, kind, home, of_crm)
    cases = {}
    for record_id, identity in found.items():
        record = records[record_id]
        case = Case(record_id, record, Fate.MAKE, subjects=_subjects(ground, kind, record))
        if isinstance(identity, Same):
            case.fate, case.bound = Fate.LINK, paired(ground, kind, record_id, record, identity.record_id)
            case.reason = identity.how
        elif isinstance(identity, LeftAlone):
            case.fate, case.reason = Fate.LEAVE, LEFT_ALONE
        elif not isinstance(identity, Nobody):
            case.fate, case.reason, case.candidates = Fate.ASK, identity.why, identity.candidates
        cases[record_id] = case
    return cases


def _subjects(ground: Ground, kind: Kind, record: Record) -> frozenset[str]:
    indexed = (
        indexed_crm(ground.tenant, record)
        if isinstance(record, Person | Organization)
        else indexed_centre(ground.tenant, kind, ground.centre.id, record)
    )
    return frozenset(map(ground.tenant.ledger.keys.key, indexed.subjects))


def paired(ground: Ground, kind: Kind, own_id: str, record: Record, other_id: str) -> Bound:
    """The pair of a record and its counterpart, by their ids."""
    centre_id, crm_id = (own_id, other_id) if ground.side is Side.CENTRE else (other_id, own_id)
    card = record.customer_id if isinstance(record, Company) else None
    return Bound(kind.entity, centre_id, crm_id, card_id=f"{ground.centre.id}/{card}" if card else None)


async def counterpart(ground: Ground, kind: Kind, other_id: str) -> Record | None:
    """A record of the other side as it was staged."""
    found = await ground.tenant.loads.get(ground.load.id, ground.other(kind), [other_id])
    return unpack(ground.other(kind), found[other_id].packed) if other_id in found else None


Both = tuple[Case, Bound, CentreRecord, CrmRecord]


async def both_sides(ground: Ground, kind: Kind, cases: Sequence[Case]) -> list[Both | None]:
    """The pairs of cases with both records as they were staged, or sent; None where the counterpart is not there."""
    other = ground.other(kind)
    ids = [_other_id(case) for case in cases]
    staged = await ground.tenant.loads.get(ground.load.id, other, ids)
    found: list[Both | None] = []
    for case, other_id in zip(cases, ids, strict=True):
        there: Record
        item, bound = staged.get(other_id), case.bound
        if item is None or bound is None:
            found.append(None)
            continue
        if item.stage is Stage.AWAITED:
            sent = unpack_sent(other, item.packed)
            there, bound, case.awaited = sent.record, replace(bound, base=sent.base), True
        else:
            there = unpack(other, item.packed)
        here = case.record
        if isinstance(here, Person | Organization) and not isinstance(there, Person | Organization):
            found.append((case, bound, there, here))
        elif isinstance(there, Person | Organization) and not isinstance(here, Person | Organization):
            found.append((case, bound, here, there))
        else:
            found.append(None)
    return found


def _other_id(case: Case) -> str:
    if case.bound is None:
        return ""
    return case.bound.crm_id if case.bound.centre_id == case.id else case.bound.centre_id


def apart(cases: Sequence[Case]) -> tuple[list[Case], list[Case]]:
    """Those that can be done at once, and those that have to wait for one of them, since they may be the same."""
    now: list[Case] = []
    later: list[Case] = []
    met = set[str]()
    for case in cases:
        own = case.subjects if case.fate in (Fate.MAKE, Fate.LINK) else frozenset()
        if case.fate is Fate.LINK and case.bound is not None:
            own = own | {f"centre {case.bound.centre_id}", f"crm {case.bound.crm_id}"}
        (later if own & met else now).append(case)
        met |= own
    return now, later


# what is written


@dataclass(slots=True)
class Pairing:
    """A pair as it is to be merged: what both sides hold, and what has to be written for them to hold the same.

    `centre` and `crm` are what is there once that is done.
    """

    case: Case
    bound: Bound
    facts: Facts
    plan: Plan
    centre: CentreRecord | None = None
    crm: CrmRecord | None = None


async def compare(ground: Ground, kind: Kind, pairs: Sequence[Both]) -> list[Pairing]:
    """Compare pairs; what they say of companies and owners, and what was decided, is read for all of them at once."""
    tenant = ground.tenant
    reader, _ = await reader_of(tenant, kind)
    known = await translated_all(
        tenant, reader.pairs, [(bound.connection, centre, crm) for _, bound, centre, crm in pairs]
    )
    answers = await decided_fields(tenant, reader, [both[1:] for both in pairs])
    found = []
    for (case, bound, centre, crm), (to_crm, to_centre), decided in zip(pairs, known, answers, strict=True):
        if bound.base is not None and bound.sent is not None:
            bound = replace(bound, base=with_update(reader, centre, crm, bound.base, bound.sent))  # noqa: PLW2901
        facts = Facts(centre, crm, to_crm, to_centre, extras(tenant, kind, centre, crm), decided)
        found.append(Pairing(case, bound, facts, plan(reader, facts, bound.base, {})))
    return found


async def outline(
    ground: Ground, kind: Kind, cases: Sequence[Case]
) -> list[tuple[Plan, Mapping[str, str | None]]]:
    """What the counterparts that are to be made shall hold, and the ids of companies and owners there."""
    tenant, home = ground.tenant, ground.centre.id
    reader, _ = await reader_of(tenant, kind)
    records = [case.record for case in cases]
    halves: list[tuple[str, CentreRecord | None, CrmRecord | None]] = [
        (home, None, one) if isinstance(one, Person | Organization) else (home, one, None) for one in records
    ]
    known = await translated_all(tenant, reader.pairs, halves)
    made: list[tuple[Plan, Mapping[str, str | None]]] = []
    for record, (to_crm, to_centre) in zip(records, known, strict=True):
        if isinstance(record, Person | Organization):
            marks = marked_values(tenant, kind, record.id)
            made.append((plan_customer(reader, record, to_centre, marks), to_centre))
        else:
            shown = shown_in_pipedrive(tenant, kind, record, None)
            made.append((plan_person(reader, record, to_crm, shown), to_crm))
    return made
