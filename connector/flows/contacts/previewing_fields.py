"""What rows of the mapping that are not saved yet would do to real records: read now, compared, and nothing written.

It is the same reading, comparing and outlining as when records are kept in step. A pair costs one token, a record
without a pair at most one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from connector.contact_settings import Contacts, FieldMapping, Way
from connector.errors import NotSupported, Rejected
from connector.flows.contacts.comparing import Extra, Plan
from connector.flows.contacts.identifying import LeftAlone, Nobody, Same, Unclear, find_customer, find_person
from connector.flows.contacts.kinds import (
    CUSTOMERS,
    CentreRecord,
    CrmRecord,
    Kind,
    asking,
    is_own_card,
    name_of,
    read_centre,
    read_crm,
)
from connector.flows.contacts.known_fields import first_page
from connector.flows.contacts.linking import marked_values, shown_in_pipedrive, translated
from connector.flows.contacts.outlining import plan_customer, plan_person
from connector.flows.contacts.pairing import Pair, Problem
from connector.flows.contacts.reading import CENTRE, CRM, Reader, Record, raw
from connector.flows.contacts.reconciling import DIRECTION_OFF, LEFT_ALONE
from connector.flows.contacts.scanning import pass_of
from connector.flows.contacts.scoping import takes_part
from connector.flows.contacts.updating import as_written, planned
from connector.flows.contacts.work import reader_of, scope_of
from connector.flows.tenant import Centre, Tenant
from connector.phone import normalise_email
from connector.pipedrive.budget import Lane
from connector.records import Customer
from connector.store.bindings import Bond, Bound
from connector.store.dirty import Marked, Side, Urgency

#: So many records are looked at together at most.
MOST = 25


class Becomes(StrEnum):
    """What would become of a record."""

    UNCHANGED = "unchanged"
    CHANGED = "changed"
    LINKED = "linked"
    MADE = "made"
    ASKED = "asked"
    LEFT_OUT = "left_out"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the mapping on one pair: what either side holds, and what it would hold.

    A list is a tuple of its values. `reason` says why a row is not carried over; `asked` that a person is asked.
    """

    rule: FieldMapping
    centre: tuple[str, ...]
    centre_after: tuple[str, ...]
    pipedrive: tuple[str, ...]
    pipedrive_after: tuple[str, ...]
    reason: str = ""
    asked: bool = False

    @property
    def unchanged(self) -> bool:
        """Whether nothing is written, and nothing is to be said."""
        same = self.centre == self.centre_after and self.pipedrive == self.pipedrive_after
        return same and not self.reason and not self.asked


@dataclass(frozen=True, slots=True)
class Previewed:
    """One record and its counterpart, if it has one; `marks` are what each side would be told of the other."""

    becomes: Becomes
    name: str
    centre_id: str = ""
    crm_id: str = ""
    lines: Sequence[Line] = ()
    marks: Sequence[Extra] = ()
    reason: str = ""

    @property
    def writes(self) -> tuple[bool, bool]:
        """Whether the contact centre and Pipedrive would be written."""
        made = self.becomes is Becomes.MADE
        ways = {one.side for one in self.marks}
        here = Way.TO_CENTRE in ways or any(one.centre != one.centre_after for one in self.lines)
        there = Way.TO_PIPEDRIVE in ways or any(one.pipedrive != one.pipedrive_after for one in self.lines)
        return here or (made and not self.centre_id), there or (made and not self.crm_id)


@dataclass(frozen=True, slots=True)
class Preview:
    """What was looked at; `problems` are rows that mean nothing."""

    records: Sequence[Previewed] = ()
    problems: Sequence[Problem] = ()


async def preview_fields(
    tenant: Tenant, contacts: Contacts, kind: Kind, *, latest: int = 5, named: str = ""
) -> Preview:
    """Preview rows on the `latest` pairs and one record without a pair, or on whom a number, address or id names."""
    draft = as_if_saved(tenant, contacts)
    reader, problems = await reader_of(draft, kind)
    keys, alone = await _named(draft, kind, named) if named else await _latest(draft, kind, latest)
    found = [await _of_key(draft, kind, reader, key) for key in keys[:MOST]]
    found += [await _of_crm(draft, kind, reader, crm_id) for crm_id in alone]
    return Preview(found, problems)


def as_if_saved(tenant: Tenant, contacts: Contacts) -> Tenant:
    """The same with other rules about contacts; a person waits for what it asks of Pipedrive."""
    settings = tenant.settings.model_copy(update={"contacts": contacts})
    return replace(
        tenant,
        installed=replace(tenant.installed, settings=settings),
        pipedrive=tenant.pipedrive.on(Lane.POP),
    )


# who is looked at


async def _latest(tenant: Tenant, kind: Kind, number: int) -> tuple[list[str], list[str]]:
    """The latest pairs and one record without one, of the side where something may be made."""
    keys = [bound.centre_id for bound in await tenant.bindings.latest(kind.entity, min(number, MOST))]
    if scope_of(tenant, kind, Way.TO_PIPEDRIVE) is None and scope_of(tenant, kind, Way.TO_CENTRE) is not None:
        return keys, await tenant.index.unpaired(kind.crm, 1)
    alone = await tenant.index.unpaired(kind.centre, 1) or await _met_by_asking(tenant, kind)
    return [*keys, *alone[: 1 if keys else number]], []


async def _met_by_asking(tenant: Tenant, kind: Kind) -> list[str]:
    """Records without a pair of contact centres whose records have never been read as a whole."""
    keys: list[str] = []
    for centre in tenant.centres.values():
        if (await tenant.index.progress(pass_of(kind, centre))).filled_at is None:
            some = await first_page(centre, kind)
            keys += [f"{centre.id}/{one.id}" for one in some if not is_own_card(one)]
    paired = await tenant.bindings.of_centre(kind.entity, keys)
    return [key for key in keys if key not in paired]


async def _named(tenant: Tenant, kind: Kind, text: str) -> tuple[list[str], list[str]]:
    """Whom a number, an e-mail address or an id of the contact centre names there."""
    keys: list[str] = []
    numbers, email = tenant.phones.keys(text), normalise_email(text)
    for centre in tenant.centres.values():
        cards = await _asked_for(centre, numbers, email)
        ids = [None if one.is_company else one.id for one in cards]
        if kind is not CUSTOMERS:
            ids = [one.company_id for one in cards]
        keys += [f"{centre.id}/{one}" for one in ids if one is not None]
        if not ids and text.isascii() and text.isdigit():
            keys.append(f"{centre.id}/{text}")
    return list(dict.fromkeys(keys)), []


async def _asked_for(centre: Centre, numbers: Iterable[str], email: str | None) -> list[Customer]:
    try:
        async with asking(centre) as there:
            met = [one for number in numbers for one in await there.api.find_customers(number=number)]
            return met + (list(await there.api.find_customers(email=email)) if email else [])
    except (NotSupported, Rejected):
        return []


# what would become of them


async def _of_key(tenant: Tenant, kind: Kind, reader: Reader, key: str) -> Previewed:
    record = await read_centre(tenant, kind, key)
    if record is None or is_own_card(record):
        return Previewed(Becomes.GONE, "", key)
    bound = (await tenant.bindings.of_centre(kind.entity, [key])).get(key)
    if bound is not None and bound.state is Bond.BOUND:
        crm = await read_crm(tenant, kind, bound.crm_id)
        if crm is None:
            return Previewed(Becomes.GONE, name_of(record), key, bound.crm_id)
        return await _of_pair(tenant, kind, reader, bound, record, crm)
    return await _of_customer_alone(tenant, kind, reader, key, record)


async def _of_pair(
    tenant: Tenant, kind: Kind, reader: Reader, bound: Bound, centre: CentreRecord, crm: CrmRecord,
    *, becomes: Becomes | None = None,
) -> Previewed:  # fmt: skip
    bound = await as_written(tenant, kind, bound, reader, centre, crm)
    seen = await tenant.dirty.seen(kind.entity, Side.CENTRE, bound.centre_id)
    marked = Marked(
        kind.entity,
        Side.CENTRE,
        bound.centre_id,
        0,
        Urgency.SWEEP,
        "preview",
        tenant.clock.now(),
        0,
        "",
        seen,
    )
    facts, made = await planned(tenant, kind, reader, marked, bound, centre, crm)
    marks = [one for one in facts.extras if any((one.key, at) in made.sent for at in (CENTRE, CRM))]
    lines = [_line(reader, pair, centre, crm, made) for pair in reader.pairs]
    changes = bool(made.body or made.values)
    known = becomes or (Becomes.CHANGED if changes else Becomes.UNCHANGED)
    return Previewed(known, name_of(centre), bound.centre_id, bound.crm_id, lines, marks)


async def _of_customer_alone(
    tenant: Tenant, kind: Kind, reader: Reader, key: str, record: CentreRecord
) -> Previewed:
    connection, name = key.rpartition("/")[0], name_of(record)
    scope = scope_of(tenant, kind, Way.TO_PIPEDRIVE)
    reason = DIRECTION_OFF if scope is None else takes_part(record, scope, tenant.phones, created_at=None)
    if reason:
        return Previewed(Becomes.LEFT_OUT, name, key, reason=reason)
    identity = await find_person(tenant, kind, connection, record)
    if isinstance(identity, Same):
        crm = await read_crm(tenant, kind, identity.record_id)
        if crm is None:
            return Previewed(Becomes.GONE, name, key, identity.record_id)
        bound = Bound(kind.entity, key, crm.id)
        return await _of_pair(tenant, kind, reader, bound, record, crm, becomes=Becomes.LINKED)
    if isinstance(identity, Nobody):
        to_crm, _ = await translated(tenant, reader.pairs, connection, record, None)
        marks = shown_in_pipedrive(tenant, kind, record, None)
        made = plan_person(reader, record, to_crm, marks)
        lines = [_line(reader, pair, record, None, made) for pair in reader.pairs]
        return Previewed(Becomes.MADE, name, key, "", lines, marks)
    return _undecided(identity, name, key, "")


async def _of_crm(tenant: Tenant, kind: Kind, reader: Reader, crm_id: str) -> Previewed:
    """A person or organization without a pair."""
    home = next(iter(tenant.centres.values()), None)
    crm = await read_crm(tenant, kind, crm_id)
    if crm is None or home is None:
        return Previewed(Becomes.GONE, "", "", crm_id)
    name, scope = name_of(crm), scope_of(tenant, kind, Way.TO_CENTRE)
    reason = (
        DIRECTION_OFF if scope is None else takes_part(crm, scope, tenant.phones, created_at=crm.add_time)
    )
    if reason:
        return Previewed(Becomes.LEFT_OUT, name, "", crm_id, reason=reason)
    identity = await find_customer(tenant, kind, home.id, crm)
    if isinstance(identity, Same):
        record = await read_centre(tenant, kind, identity.record_id)
        if record is None or is_own_card(record):
            return Previewed(Becomes.GONE, name, identity.record_id, crm_id)
        bound = Bound(kind.entity, identity.record_id, crm.id)
        return await _of_pair(tenant, kind, reader, bound, record, crm, becomes=Becomes.LINKED)
    if isinstance(identity, Nobody):
        _, to_centre = await translated(tenant, reader.pairs, home.id, None, crm)
        made = plan_customer(reader, crm, to_centre, marked_values(tenant, kind, crm.id))
        lines = [_line(reader, pair, None, crm, made) for pair in reader.pairs]
        return Previewed(Becomes.MADE, name, "", crm_id, lines)
    return _undecided(identity, name, "", crm_id)


def _undecided(identity: LeftAlone | Unclear, name: str, key: str, crm_id: str) -> Previewed:
    if isinstance(identity, LeftAlone):
        return Previewed(Becomes.LEFT_OUT, name, key, crm_id, reason=LEFT_ALONE)
    return Previewed(Becomes.ASKED, name, key, crm_id, reason=identity.why)


def _line(reader: Reader, pair: Pair, centre: CentreRecord | None, crm: CrmRecord | None, made: Plan) -> Line:
    here, there = _held(reader, pair, centre), _held(reader, pair, crm)
    problems = [one.reason for one in made.problems if one.field == pair.rule.key]
    return Line(
        pair.rule, here, _after(pair, made, CENTRE, here), there, _after(pair, made, CRM, there),
        problems[0] if problems else "", pair.key in made.asked,
    )  # fmt: skip


def _held(reader: Reader, pair: Pair, record: Record | None) -> tuple[str, ...]:
    if record is None:
        return ()
    if pair.rule.is_set:
        return tuple(raw(pair, record))
    text = reader.text(pair, record)
    return (text,) if text else ()


def _after(pair: Pair, made: Plan, at: int, held: tuple[str, ...]) -> tuple[str, ...]:
    """What a side would hold; of a list, what it is sent as it would be written there."""
    sent = made.sent.get((pair.key, at))
    if sent is None:
        return held
    if isinstance(sent, str):
        return (sent,) if sent else ()
    if at == CENTRE:
        listed = made.values.get(pair.rule.centre, held)
        return (listed,) if isinstance(listed, str) else listed
    entries = made.body.get(pair.code)
    if not isinstance(entries, list):
        return tuple(sorted(sent)) if sent else held
    return tuple(str(entry.get("value", "")) for entry in entries if isinstance(entry, dict))
