"""What a load would do, counted without writing anything to either side."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import ceil
from typing import TypedDict

from connector.flows.contacts.comparing import plan
from connector.flows.contacts.kinds import COMPANIES, CUSTOMERS, Kind
from connector.flows.contacts.linking import shown_in_pipedrive
from connector.flows.contacts.planning import (
    NOT_THERE,
    Case,
    Fate,
    Pairing,
    both_sides,
    compare,
    decide,
)
from connector.flows.contacts.staging import SERIES, Ground, Record, blank, unpack
from connector.flows.contacts.work import reader_of
from connector.flows.tenant import Tenant
from connector.pipedrive.records import Organization, Person
from connector.records import Customer
from connector.store.dirty import Side

#: So many records are looked at together.
PAGE = 250
_EXAMPLES = 5
_WRITE = 5
_REREAD = 0.1
_SHARE = 0.8
_PLACEHOLDER = "0" * 40
_USUAL_PACE = 20.0
SHARED = "it has a number, address or name of another record of this load"


class Example(TypedDict):
    """A record that something would become of, by its id, and its counterpart's."""

    entity: str
    id: str
    other: str
    reason: str


class Estimate(TypedDict):
    """What a load would cost: tokens, writes of either side, requests to the contact centre, and time."""

    tokens: int
    writes_in_pipedrive: int
    writes_in_centre: int
    requests_to_centre: int
    seconds: int
    days: int


@dataclass(slots=True)
class Preview:
    """Counts by what would be done, reasons of what would be left out or asked, a few examples of each."""

    records: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[Example]] = field(default_factory=dict)
    writes: Counter[str] = field(default_factory=Counter)
    lists: int = 0
    _met: dict[int, int] = field(default_factory=dict)

    def count(self, entity: str, case: Case, fate: str, reason: str = "") -> None:
        """Count what would become of one record."""
        self.counts[fate] += 1
        if reason and fate in (Fate.ASK, Fate.LEAVE):
            self.reasons[reason] += 1
        some = self.examples.setdefault(fate, [])
        if len(some) < _EXAMPLES:
            bound = case.bound
            other = "" if bound is None else bound.crm_id if bound.centre_id == case.id else bound.centre_id
            some.append(Example(entity=entity, id=case.id, other=other, reason=reason))

    def foresee(self, case: Case, *, names_tell: bool) -> Fate:
        """What becomes of a record once those before it are loaded: it may be the same as one of them."""
        own = {hash(subject) for subject in case.subjects} if case.fate is Fate.MAKE else set[int]()
        if case.fate is Fate.LINK and case.bound is not None:
            own = {hash(("centre", case.bound.centre_id)), hash(("crm", case.bound.crm_id))}
        names = {self._met[one] for one in own if one in self._met}
        name = hash(" ".join(sorted(name_of(case.record).casefold().replace(",", " ").split())))
        if not names:
            self._met.update(dict.fromkeys(own, name))
            return case.fate
        return Fate.DOUBLE if names_tell and names == {name} else Fate.ASK


async def named_examples(ground: Ground) -> dict[str, list[dict[str, str]]]:
    """The examples of a load's preview with the names of their records, which are kept only as long as they are staged."""
    examples = ground.load.preview.get("examples")
    found: dict[str, list[dict[str, str]]] = {}
    for fate, some in examples.items() if isinstance(examples, dict) else ():
        named = []
        for one in some:
            staged = await ground.tenant.loads.get(ground.load.id, one["entity"], [one["id"]])
            item = staged.get(one["id"])
            named.append({**one, "name": name_of(unpack(one["entity"], item.packed)) if item else ""})
        found[fate] = named
    return found


def name_of(record: Record) -> str:
    """A record's name as one text."""
    return f"{record.first_name} {record.last_name}".strip() if isinstance(record, Customer) else record.name


def as_if_tied(tenant: Tenant) -> Tenant:
    """The same, with the fields that tie both sides together taken as made: a preview makes none."""
    fields = tenant.settings.special_fields
    names = ("person_centre_id", "person_centre_link", "organization_centre_id", "organization_centre_link")
    missing = {name: _PLACEHOLDER for name in names if getattr(fields, name) is None}
    settings = tenant.settings.model_copy(update={"special_fields": fields.model_copy(update=missing)})
    return replace(tenant, installed=replace(tenant.installed, settings=settings))


async def preview(ground: Ground) -> Preview:
    """Decide every record that is still to be loaded, and count."""
    ground = replace(ground, tenant=as_if_tied(ground.tenant))
    loads, found = ground.tenant.loads, Preview()
    for kind in (COMPANIES, CUSTOMERS):
        after = ""
        while items := await loads.take(ground.load.id, ground.own(kind), PAGE, after=after):
            after = items[-1].id
            await _count(ground, kind, await decide(ground, kind, items), found)
    return found


async def _count(ground: Ground, kind: Kind, cases: list[Case], found: Preview) -> None:
    entity = ground.own(kind)
    found.records += len(cases)
    makes: list[Case] = []
    pairs: list[Case] = []
    for case in cases:
        fate = found.foresee(case, names_tell=ground.side is Side.CENTRE)
        if fate is not case.fate:
            found.count(entity, case, fate, SHARED)
        elif fate is Fate.MAKE:
            makes.append(case)
        elif fate in (Fate.LINK, Fate.MERGE):
            pairs.append(case)
        else:
            found.count(entity, case, fate, case.reason)
    for case in makes:
        found.count(entity, case, Fate.MAKE)
        found.writes[f"made {ground.other(kind)}"] += 1
        found.writes[f"changed {entity}"] += _is_told(ground, kind, case.record)
    for pairing in await _compared(ground, kind, pairs, found):
        made = pairing.plan
        same = "update" if made.body or made.values else "unchanged"
        found.count(entity, pairing.case, Fate.LINK if pairing.case.fate is Fate.LINK else same)
        found.writes[f"changed {kind.crm}"] += bool(made.body)
        found.writes[f"changed {kind.centre}"] += bool(made.values)
        found.lists += made.replaces_lists


def _is_told(ground: Ground, kind: Kind, record: Record) -> bool:
    """Whether a record is told of the counterpart that is made for it."""
    if isinstance(record, Person | Organization):
        return bool(shown_in_pipedrive(ground.tenant, kind, blank(kind, "0"), record))
    fields = ground.tenant.settings.special_fields
    return bool(fields.customer_pipedrive_id or fields.customer_pipedrive_link)


async def _compared(ground: Ground, kind: Kind, cases: list[Case], found: Preview) -> list[Pairing]:
    pairs = []
    for case, both in zip(cases, await both_sides(ground, kind, cases), strict=True):
        if both is None:
            found.count(ground.own(kind), case, Fate.LEAVE, NOT_THERE)
        else:
            pairs.append(both)
    reader, _ = await reader_of(ground.tenant, kind)
    compared = await compare(ground, kind, pairs)
    for pairing in compared:
        facts = pairing.facts
        # Companies that are not known there yet will be: they come before their people.
        to_crm, to_centre = (
            {key: value or ("0" if key.startswith("org_id:") else None) for key, value in some.items()}
            for some in (facts.to_crm, facts.to_centre)
        )
        assumed = replace(facts, to_crm=to_crm, to_centre=to_centre)
        pairing.plan = plan(reader, assumed, pairing.bound.base, {})
    return compared


def estimate(ground: Ground, found: Preview) -> Estimate:
    """What a load would cost, from its counts and the limits that both sides are known to have."""
    tenant = ground.tenant
    crm = sum(
        number for what, number in found.writes.items() if what.endswith((CUSTOMERS.crm, COMPANIES.crm))
    )
    customers = sum(number for what, number in found.writes.items() if what.endswith(CUSTOMERS.centre))
    companies = sum(number for what, number in found.writes.items() if what.endswith(COMPANIES.centre))
    requests = ceil(customers / SERIES) + 2 * companies + (ceil(found.records / 1000) if customers else 0)
    tokens = ceil(crm * _WRITE + found.lists * _REREAD)
    pace, there = tenant.pipedrive.pace or _USUAL_PACE, ground.centre.api.pace or _USUAL_PACE
    allowance = tenant.pipedrive.allowance
    return Estimate(
        tokens=tokens, writes_in_pipedrive=crm, writes_in_centre=customers + companies, requests_to_centre=requests,
        seconds=ceil(crm / pace + requests / there),
        days=max(1, ceil(tokens / (allowance * _SHARE))) if allowance else 1,
    )  # fmt: skip


def limits(writes: Mapping[str, int]) -> dict[str, int]:
    """How many records a load may make and change: what its preview counted and a twentieth more."""
    made = sum(number for what, number in writes.items() if what.startswith("made "))
    changed = sum(number for what, number in writes.items() if what.startswith("changed "))
    return {"made": ceil(made * 1.05), "changed": ceil(changed * 1.05)}
