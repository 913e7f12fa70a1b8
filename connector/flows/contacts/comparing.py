"""What has to be written so that both sides of a pair hold the same: mappings and the last state in step in, writes out.

Pure but for the hashing: a base holds a keyed hash of each value, for each side its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from connector.contact_settings import CUSTOM, Way
from connector.flows.contacts.kinds import CentreRecord, CrmRecord
from connector.flows.contacts.merging import (
    Many,
    ManyBase,
    One,
    OneBase,
    Seen,
    Verdict,
    merge_many,
    merge_one,
)
from connector.flows.contacts.pairing import IDS, Kind, Pair, Problem
from connector.flows.contacts.reading import CENTRE, CRM, Reader, lacks, raw
from connector.flows.contacts.sets import entries_with, texts_with
from connector.flows.contacts.values import for_centre, for_pipedrive, same, text_of, written_names
from connector.pipedrive.mapping import entries_body
from connector.pipedrive.records import Entry, Person
from connector.store.bindings import Base

#: Ids of one side to those of the other, each with the key of its field before it; None: not known there.
Translated = Mapping[str, str | None]


@dataclass(frozen=True, slots=True)
class Extra:
    """A value of ours that one side shall show: the other record's id or page. It is written once, and never forced."""

    key: str
    side: Way
    value: str
    shown: str
    name: str


@dataclass(frozen=True, slots=True)
class Facts:
    """A pair as it is now; the ids of companies and owners of either side are translated, and a person's answers known."""

    centre: CentreRecord
    crm: CrmRecord
    to_crm: Translated = field(default_factory=dict)
    to_centre: Translated = field(default_factory=dict)
    extras: Sequence[Extra] = ()
    decided: Mapping[str, Verdict] = field(default_factory=dict)


@dataclass(slots=True)
class Plan:
    """What to write, what it replaces, which fields are left to a person, and what could not be carried over.

    `body` is for Pipedrive, `values` for the contact centre; `sent` is what each field is read as once that is
    written.
    """

    body: dict[str, object] = field(default_factory=dict)
    body_before: dict[str, object] = field(default_factory=dict)
    values: dict[str, str | tuple[str, ...]] = field(default_factory=dict)
    values_before: dict[str, str | tuple[str, ...]] = field(default_factory=dict)
    sent: dict[tuple[str, int], frozenset[str] | str] = field(default_factory=dict)
    asked: dict[str, tuple[str, str]] = field(default_factory=dict)
    held_back: set[str] = field(default_factory=set)
    problems: list[Problem] = field(default_factory=list)
    vanished: bool = False

    @property
    def replaces_lists(self) -> bool:
        """Whether a whole list of Pipedrive's is replaced."""
        return bool(self.body.keys() & {"phones", "emails"})

    def hold_back(self, pair: Pair, problem: Problem) -> None:
        """A field is not carried over this time, for this reason."""
        self.problems.append(problem)
        self.held_back.add(pair.key)


def plan(reader: Reader, facts: Facts, base: Base | None, seen: Mapping[str, Seen]) -> Plan:
    """Merge every field of a pair; a field that cannot be carried over blocks no other."""
    made = Plan()
    for pair in reader.pairs:
        if pair.rule.is_set:
            _plan_set(reader, facts, pair, base, made)
        else:
            _plan_one(reader, facts, pair, base, seen.get(pair.key, Seen(None, None)), made)
    for extra in facts.extras:
        known = base.get(extra.key) if base is not None else None
        if extra.shown != extra.value and (known is None or known[0] != reader.hash(extra.value)):
            _plan_extra(facts, extra, made)
    return made


def _plan_one(reader: Reader, facts: Facts, pair: Pair, base: Base | None, seen: Seen, made: Plan) -> None:
    key = pair.key
    if lacks(pair, facts.crm):
        made.vanished = True
        made.hold_back(pair, Problem(pair.rule.key, VANISHED))
        return
    centre, crm = reader.text(pair, facts.centre), reader.text(pair, facts.crm)
    for_crm, for_them = centre, crm
    if pair.kind in IDS:
        translated = (
            facts.to_crm.get(f"{pair.code}:{centre}", ""),
            facts.to_centre.get(f"{pair.code}:{crm}", ""),
        )
        if None in translated:
            made.hold_back(pair, not_known_there(pair))
            return
        for_crm, for_them = (one or "" for one in translated)
        agree = for_crm == crm or for_them == centre
    else:
        agree = same(pair, centre, crm, reader.phones)
    now = One(reader.token(pair, centre), reader.token(pair, crm), agree)
    verdict = merge_one(_one_base(base, key), now, pair.rule, seen)
    if verdict is Verdict.ASK:
        verdict = facts.decided.get(key, Verdict.ASK)
    if verdict is Verdict.TO_PIPEDRIVE:
        send_to_pipedrive(reader, pair, for_crm, made)
        if key not in made.held_back:
            _put(made.body_before, pair, _as_it_was(facts.crm, pair, crm))
    elif verdict is Verdict.TO_CENTRE:
        send_to_centre(reader, pair, for_them, made)
        if key not in made.held_back:
            made.values_before.update(_as_they_were(facts.centre, pair, centre))
    elif verdict is Verdict.ASK:
        made.held_back.add(key)
        made.asked[key] = (now.centre or "", now.pipedrive or "")


VANISHED = "Pipedrive no longer shows this custom field; choose another or take the row out."


NO_COMPANY = "The company of one side is not known on the other yet; it is linked as soon as it is."
NO_OWNER = "The owner is nobody on the other side; add the agent to agent_users in the settings."


def not_known_there(pair: Pair) -> Problem:
    """Why a company or an owner is not carried over."""
    if pair.kind is Kind.LINK:
        return Problem(pair.rule.key, NO_COMPANY)
    return Problem(pair.rule.key, NO_OWNER)


def send_to_pipedrive(reader: Reader, pair: Pair, text: str, made: Plan) -> None:
    """Plan a value for Pipedrive, unless it cannot be carried over."""
    value = for_pipedrive(pair, text, reader.phones)
    if isinstance(value, Problem):
        made.hold_back(pair, value)
        return
    _put(made.body, pair, value)
    made.sent[pair.key, CRM] = text_of(pair, value)


def send_to_centre(reader: Reader, pair: Pair, text: str, made: Plan) -> None:
    """Plan a value for the contact centre, unless it cannot be carried over."""
    values = for_centre(pair, text, reader.phones)
    if isinstance(values, Problem):
        made.hold_back(pair, values)
        return
    made.values.update(values)
    made.sent[pair.key, CENTRE] = " ".join(filter(None, values.values()))


def _as_it_was(crm: CrmRecord, pair: Pair, text: str) -> object:
    """The value in Pipedrive's own form, to be written back by an undo."""
    if pair.rule.pipedrive.startswith(CUSTOM):
        return crm.custom_fields.get(pair.code)
    if pair.kind in IDS:
        return int(text) if text else None
    return {"value": text} if pair.code == "address" and text else text or None


def _as_they_were(centre: CentreRecord, pair: Pair, text: str) -> dict[str, str]:
    """The same in the words of the contact centre."""
    names = written_names(pair)
    return {names[0]: text} if len(names) == 1 else {name: getattr(centre, name, "") for name in names}


def _put(body: dict[str, object], pair: Pair, value: object) -> None:
    if pair.rule.pipedrive.startswith(CUSTOM):
        put_custom(body, pair.code, value)
    else:
        body[pair.code] = value


def put_custom(body: dict[str, object], code: str, value: object) -> None:
    """Add a custom field to a body for Pipedrive."""
    custom = body.get("custom_fields")
    body["custom_fields"] = {**(custom if isinstance(custom, dict) else {}), code: value}


def _plan_set(reader: Reader, facts: Facts, pair: Pair, base: Base | None, made: Plan) -> None:
    key = pair.key
    if base is not None and key in base and _is_read_otherwise(reader, facts, pair, base):
        return
    centre, crm = reader.elements(pair, facts.centre), reader.elements(pair, facts.crm)
    value_of = {reader.token(pair, value): value for value in centre | crm}
    now = Many(frozenset(reader.tokens(pair, centre)), frozenset(reader.tokens(pair, crm)))
    merged = merge_many(_many_base(base, key), now, pair.rule)
    if merged.pipedrive != now.pipedrive and isinstance(facts.crm, Person):
        wanted = frozenset(value_of[token] for token in merged.pipedrive)
        entries = _entries(facts.crm, pair)
        made.body[pair.code] = entries_body(entries_with(entries, wanted, pair.kind, reader.phones))
        made.body_before[pair.code] = entries_body(entries)
        made.sent[key, CRM] = wanted
    if merged.centre != now.centre or merged.unseen:
        wanted = frozenset(value_of[token] for token in merged.centre)
        before = raw(pair, facts.centre)
        made.values[pair.rule.centre] = texts_with(before, wanted, pair.kind, reader.phones)
        made.values_before[pair.rule.centre] = tuple(before)
        made.sent[key, CENTRE] = wanted


def _is_read_otherwise(reader: Reader, facts: Facts, pair: Pair, base: Base) -> bool:
    """Whether only the settings by which numbers are read have changed: then both sides keep what they have."""
    then = reader.as_then(base)
    return then is not reader and [then.held(pair, facts.centre), then.held(pair, facts.crm)] == list(
        base[pair.key]
    )


def _plan_extra(facts: Facts, extra: Extra, made: Plan) -> None:
    made.sent[extra.key, CENTRE if extra.side is Way.TO_CENTRE else CRM] = extra.value
    if extra.side is Way.TO_CENTRE:
        made.values[extra.name] = extra.value
        made.values_before[extra.name] = extra.shown
    else:
        put_custom(made.body, extra.name, as_custom(extra.value))
        put_custom(made.body_before, extra.name, facts.crm.custom_fields.get(extra.name))


def as_custom(value: str) -> object:
    """An id or an address as a custom field of Pipedrive holds it."""
    return int(value) if value.isascii() and value.isdigit() else value


def seen_times(
    pairs: Sequence[Pair], centre: Mapping[str, datetime], crm: Mapping[str, datetime]
) -> dict[str, Seen]:
    """When a change of each field was told first-hand: a contact centre names no field, Pipedrive names its own."""
    names = {"phones": ("phones", "phone"), "emails": ("emails", "email")}
    return {
        pair.key: Seen(
            centre.get("*"),
            max((crm[name] for name in names.get(pair.code, (pair.code,)) if name in crm), default=None),
        )
        for pair in pairs
    }


def _one_base(base: Base | None, key: str) -> OneBase | None:
    if base is None or key not in base:
        return None
    centre, crm = base[key]
    return OneBase(centre if isinstance(centre, str) else None, crm if isinstance(crm, str) else None)


def _many_base(base: Base | None, key: str) -> ManyBase | None:
    if base is None or key not in base:
        return None
    centre, crm = (frozenset(map(str, half)) if isinstance(half, list) else frozenset() for half in base[key])
    return ManyBase(centre, crm)


def _entries(person: Person, pair: Pair) -> tuple[Entry, ...]:
    return person.phone_entries if pair.code == "phones" else person.email_entries
