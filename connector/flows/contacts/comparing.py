"""What has to be written so that both sides of a pair hold the same: mappings and the last state in step in, writes out.

Pure but for the hashing: a base holds a keyed hash of each value, for each side its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
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
from connector.flows.contacts.pairing import Kind, Pair, Problem
from connector.flows.contacts.sets import elements, entries_with, texts_with
from connector.flows.contacts.values import centre_text, for_centre, for_pipedrive, pipedrive_text, same
from connector.phone import Phones
from connector.pipedrive.mapping import entries_body
from connector.pipedrive.records import Entry, Organization, Person
from connector.store.bindings import Base

#: Ids of one side to those of the other, each with the key of its field before it; None: not known there.
Translated = Mapping[str, str | None]
Record = CentreRecord | CrmRecord
_IDS = (Kind.LINK, Kind.OWNER)


@dataclass(frozen=True, slots=True)
class Reader:
    """How one kind of record is read: the fields that are kept the same, and how their values are hashed."""

    pairs: Sequence[Pair]
    phones: Phones
    hash: Callable[[str], str]

    def text(self, pair: Pair, record: Record) -> str:
        """What a record holds in a field of one value."""
        return (
            pipedrive_text(pair, record)
            if isinstance(record, Person | Organization)
            else centre_text(pair, record)
        )

    def elements(self, pair: Pair, record: Record) -> frozenset[str]:
        """What a record holds in a field of several values, in the common form."""
        return self.elements_of(pair, _raw(pair, record))

    def elements_of(self, pair: Pair, raw: Sequence[str]) -> frozenset[str]:
        """Values of such a field in the common form; what has none, such as an internal number, is left out."""
        return frozenset(elements(raw, pair.kind, self.phones))

    def token(self, pair: Pair, value: str) -> str | None:
        """What stands for a value of a field; None for an empty one."""
        return self.hash(f"{pair.key}\0{value}") if value else None

    def tokens(self, pair: Pair, values: frozenset[str]) -> list[str]:
        """What stands for several values, in order."""
        return sorted(self.hash(f"{pair.key}\0{value}") for value in values)

    def held(self, pair: Pair, record: Record) -> object:
        """A record's half of a base, for one field."""
        if pair.rule.is_set:
            return self.tokens(pair, self.elements(pair, record))
        return self.token(pair, self.text(pair, record))

    def is_as_before(self, record: Record, base: Base | None, *, anew: bool = False) -> bool:
        """Whether a record holds what it held when last in step, so that nothing has to be asked of the other side.

        What could not be carried over then is tried again when it changes, or `anew`: something else has changed.
        """
        if base is None:
            return False
        at = _CRM if isinstance(record, Person | Organization) else _CENTRE
        reader = self.as_then(base)
        for pair in self.pairs:
            held = reader.held(pair, record)
            open_ = base.get(_OPEN + pair.key)
            if (not anew and open_ is not None and open_[at] == held) or lacks(pair, record):
                continue
            if pair.key not in base or base[pair.key][at] != held:
                return False
        return True

    def as_then(self, base: Base) -> Reader:
        """The same with numbers read as when the base was made: other settings change no number."""
        region, prefix = base.get(_NUMBERS, (self.phones.region, self.phones.dial_out_prefix))
        then = Phones(str(region), str(prefix))
        return self if then == self.phones else replace(self, phones=then)


_CENTRE, _CRM = 0, 1
#: Beside the fields, a base tells how numbers were read, and what was left open with both sides' values.
_NUMBERS, _OPEN = "numbers", "open "


def lacks(pair: Pair, record: Record) -> bool:
    """Whether Pipedrive does not show a custom field at all, which is gone then; an empty one is null."""
    if not pair.rule.pipedrive.startswith(CUSTOM) or not isinstance(record, Person | Organization):
        return False
    return pair.code not in record.custom_fields


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

    `body` is for Pipedrive, `values` for the contact centre; `sent` are the values of each field as they are meant.
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
        made.hold_back(pair, Problem(pair.rule.key, _GONE))
        return
    centre, crm = reader.text(pair, facts.centre), reader.text(pair, facts.crm)
    for_crm, for_them = centre, crm
    if pair.kind in _IDS:
        translated = (
            facts.to_crm.get(f"{pair.code}:{centre}", ""),
            facts.to_centre.get(f"{pair.code}:{crm}", ""),
        )
        if None in translated:
            made.hold_back(pair, _unknown(pair))
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
        _send_to_pipedrive(reader, pair, for_crm, made)
        if key not in made.held_back:
            _put(made.body_before, pair, _as_it_was(facts.crm, pair, crm))
    elif verdict is Verdict.TO_CENTRE:
        _send_to_centre(reader, pair, for_them, made)
        if key not in made.held_back:
            made.values_before.update(_as_they_were(facts.centre, pair, centre, made.values))
    elif verdict is Verdict.ASK:
        made.held_back.add(key)
        made.asked[key] = (now.centre or "", now.pipedrive or "")


_GONE = "Pipedrive no longer shows this custom field; choose another or take the row out."


def _unknown(pair: Pair) -> Problem:
    if pair.kind is Kind.LINK:
        return Problem(
            pair.rule.key,
            "The company of one side is not known on the other yet; it is linked as soon as it is.",
        )
    return Problem(
        pair.rule.key, "The owner is nobody on the other side; add the agent to agent_users in the settings."
    )


def _send_to_pipedrive(reader: Reader, pair: Pair, text: str, made: Plan) -> None:
    value = for_pipedrive(pair, text, reader.phones)
    if isinstance(value, Problem):
        made.hold_back(pair, value)
        return
    _put(made.body, pair, value)
    made.sent[pair.key, _CRM] = text


def _send_to_centre(reader: Reader, pair: Pair, text: str, made: Plan) -> None:
    values = for_centre(pair, text, reader.phones)
    if isinstance(values, Problem):
        made.hold_back(pair, values)
        return
    made.values.update(values)
    made.sent[pair.key, _CENTRE] = text


def _as_it_was(crm: CrmRecord, pair: Pair, text: str) -> object:
    """The value in Pipedrive's own form, to be written back by an undo."""
    if pair.rule.pipedrive.startswith(CUSTOM):
        return crm.custom_fields.get(pair.code)
    if pair.kind in _IDS:
        return int(text) if text else None
    return {"value": text} if pair.code == "address" and text else text or None


def _as_they_were(
    centre: CentreRecord, pair: Pair, text: str, values: Mapping[str, str | tuple[str, ...]]
) -> dict[str, str | tuple[str, ...]]:
    """The same in the words of the contact centre."""
    if pair.kind is Kind.NAME and not pair.company:
        return {
            "first_name": getattr(centre, "first_name", ""),
            "last_name": getattr(centre, "last_name", ""),
        }
    name = {"company": "company_id", "owner": "owner_agent_id"}.get(pair.rule.centre, pair.rule.centre)
    return {name: text} if name in values else {}


def _put(body: dict[str, object], pair: Pair, value: object) -> None:
    if pair.rule.pipedrive.startswith(CUSTOM):
        _put_custom(body, pair.code, value)
    else:
        body[pair.code] = value


def _put_custom(body: dict[str, object], code: str, value: object) -> None:
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
        made.sent[key, _CRM] = wanted
    if merged.centre != now.centre or merged.unseen:
        wanted = frozenset(value_of[token] for token in merged.centre)
        raw = _raw(pair, facts.centre)
        made.values[pair.rule.centre] = texts_with(raw, wanted, pair.kind, reader.phones)
        made.values_before[pair.rule.centre] = tuple(raw)
        made.sent[key, _CENTRE] = wanted


def _is_read_otherwise(reader: Reader, facts: Facts, pair: Pair, base: Base) -> bool:
    """Whether only the settings by which numbers are read have changed: then both sides keep what they have."""
    then = reader.as_then(base)
    return then is not reader and [then.held(pair, facts.centre), then.held(pair, facts.crm)] == list(
        base[pair.key]
    )


def _plan_extra(facts: Facts, extra: Extra, made: Plan) -> None:
    made.sent[extra.key, _CENTRE if extra.side is Way.TO_CENTRE else _CRM] = extra.value
    if extra.side is Way.TO_CENTRE:
        made.values[extra.name] = extra.value
        made.values_before[extra.name] = extra.shown
    else:
        _put_custom(made.body, extra.name, as_custom(extra.value))
        _put_custom(made.body_before, extra.name, facts.crm.custom_fields.get(extra.name))


def as_custom(value: str) -> object:
    """An id or an address as a custom field of Pipedrive holds it."""
    return int(value) if value.isascii() and value.isdigit() else value


# records that are yet to be made


def plan_person(reader: Reader, centre: CentreRecord, to_crm: Translated, extras: Sequence[Extra]) -> Plan:
    """What a record to be made in Pipedrive shall hold."""
    made = Plan()
    for pair in reader.pairs:
        if pair.rule.way is Way.TO_CENTRE:
            continue
        if pair.rule.is_set:
            wanted = reader.elements(pair, centre)
            made.sent[pair.key, _CRM] = wanted
            if wanted:
                made.body[pair.code] = entries_body(entries_with((), wanted, pair.kind, reader.phones))
            continue
        text = reader.text(pair, centre)
        if text and pair.kind in _IDS:
            if (known := to_crm.get(f"{pair.code}:{text}")) is None:
                made.hold_back(pair, _unknown(pair))
                continue
            text = known
        if text or pair.rule.default:
            _send_to_pipedrive(reader, pair, text, made)
    for extra in extras:
        if extra.side is Way.TO_PIPEDRIVE:
            made.sent[extra.key, _CRM] = extra.value
            _put_custom(made.body, extra.name, as_custom(extra.value))
    return made


def plan_customer(reader: Reader, crm: CrmRecord, to_centre: Translated, marked: Mapping[str, str]) -> Plan:
    """What a record to be made in a contact centre shall hold; `marked` is what it says of its counterpart."""
    made = Plan()
    for pair in reader.pairs:
        if pair.rule.way is Way.TO_PIPEDRIVE:
            continue
        if pair.rule.is_set:
            wanted = reader.elements(pair, crm)
            made.sent[pair.key, _CENTRE] = wanted
            if wanted:
                made.values[pair.rule.centre] = texts_with((), wanted, pair.kind, reader.phones)
            continue
        text = reader.text(pair, crm)
        if text and pair.kind in _IDS:
            if (known := to_centre.get(f"{pair.code}:{text}")) is None:
                made.hold_back(pair, _unknown(pair))
                continue
            text = known
        if text or pair.rule.default:
            _send_to_centre(reader, pair, text, made)
    made.values.update(marked)
    return made


# the base


def new_base(
    reader: Reader, before: Facts, after: Facts, made: Plan, base: Base | None
) -> dict[str, list[object]]:
    """The base once `made` was written: as read back where we wrote and the vendor merely wrote it its own way.

    What else came to differ meanwhile is somebody's edit: it stays different from the base, and so is not lost.
    """
    fresh: dict[str, list[object]] = {}
    for pair in reader.pairs:
        key = pair.key
        if key not in made.held_back:
            fresh[key] = [
                _settled(reader, pair, before.centre, after.centre, made.sent.get((key, _CENTRE))),
                _settled(reader, pair, before.crm, after.crm, made.sent.get((key, _CRM))),
            ]
            continue
        if base is not None and key in base:
            fresh[key] = list(base[key])
        fresh[_OPEN + key] = [reader.held(pair, before.centre), reader.held(pair, before.crm)]
    fresh[_NUMBERS] = [reader.phones.region, reader.phones.dial_out_prefix]
    for extra in after.extras:
        ours = (extra.key, _CENTRE) in made.sent or (extra.key, _CRM) in made.sent
        if ours or extra.shown == extra.value:
            fresh[extra.key] = [reader.hash(extra.value), None]
        elif base is not None and extra.key in base:
            fresh[extra.key] = list(base[extra.key])
    return fresh


def as_read_back(
    reader: Reader, sent: CentreRecord, after: CentreRecord, base: Base
) -> dict[str, list[object]]:
    """A base whose half of the contact centre was taken from what we sent, now that the record was read back."""
    fresh = {key: list(halves) for key, halves in base.items()}
    for pair in reader.pairs:
        key = pair.key
        if key in fresh and fresh[key][_CENTRE] == reader.held(pair, sent):
            was = reader.elements(pair, sent) if pair.rule.is_set else reader.text(pair, sent)
            fresh[key][_CENTRE] = _settled(reader, pair, sent, after, was)
    return fresh


def _settled(
    reader: Reader, pair: Pair, before: Record, after: Record, sent: frozenset[str] | str | None
) -> object:
    if sent is None:
        return reader.held(pair, before)
    if isinstance(sent, frozenset):
        # What a vendor shows beyond what it was sent, somebody else put there.
        return reader.tokens(pair, reader.elements(pair, after) & sent)
    now = reader.text(pair, after)
    return reader.token(pair, now if _is_form_of(now, sent) or same(pair, now, sent, reader.phones) else sent)


def _is_form_of(now: str, sent: str) -> bool:
    """Whether a vendor merely cut or rewrote a text."""
    ours, theirs = "".join(sent.casefold().split()), "".join(now.casefold().split())
    return ours == theirs or (len(theirs) > 50 and ours.startswith(theirs))


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


def _raw(pair: Pair, record: Record) -> Sequence[str]:
    return tuple(getattr(record, pair.rule.centre, ()))


def _entries(person: Person, pair: Pair) -> tuple[Entry, ...]:
    return person.phone_entries if pair.code == "phones" else person.email_entries
