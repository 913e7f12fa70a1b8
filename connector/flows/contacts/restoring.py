"""What has to be written so that a record holds again what a write of ours replaced. Pure.

A field is given back only where it still holds what we wrote. Phones and e-mails are taken back value by value: what we
added goes, what we took away returns, and what anybody put there since stays.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from connector.contact_settings import CUSTOM, SETS
from connector.flows.contacts.kinds import CentreRecord, CrmRecord
from connector.flows.contacts.pairing import Kind, folded
from connector.flows.contacts.sets import elements, entries_with, texts_with
from connector.flows.contacts.transforms import read_number
from connector.phone import Phones
from connector.pipedrive.mapping import entries_body
from connector.pipedrive.records import Entry, Organization, Person

CUSTOM_FIELDS = "custom_fields"
_KINDS = {"phones": Kind.PHONES, "emails": Kind.EMAILS}


@dataclass(slots=True)
class Restored:
    """What to write, what stands there now instead, and fields that somebody edited since, which are left.

    `already` hold what they held before, as after an undo whose answer was lost.
    """

    fields: dict[str, object] = field(default_factory=dict)
    instead_of: dict[str, object] = field(default_factory=dict)
    edited: list[str] = field(default_factory=list)
    already: list[str] = field(default_factory=list)

    def body(self) -> dict[str, object]:
        """The fields as Pipedrive wants them, custom ones by themselves."""
        return as_body(self.fields)


def as_body(fields: Mapping[str, object]) -> dict[str, object]:
    """Flat fields as a body for Pipedrive."""
    body = {name: value for name, value in fields.items() if not name.startswith(CUSTOM)}
    custom = {name.removeprefix(CUSTOM): value for name, value in fields.items() if name.startswith(CUSTOM)}
    return {**body, CUSTOM_FIELDS: custom} if custom else body


def flat(body: Mapping[str, object]) -> dict[str, object]:
    """A body for Pipedrive with its custom fields beside the others, as `custom:CODE`."""
    fields = {name: value for name, value in body.items() if name != CUSTOM_FIELDS}
    custom = body.get(CUSTOM_FIELDS)
    return fields | (
        {f"{CUSTOM}{code}": value for code, value in custom.items()} if isinstance(custom, dict) else {}
    )


def restore(
    before: Mapping[str, object],
    after: Mapping[str, object],
    record: CentreRecord | CrmRecord,
    phones: Phones,
) -> Restored:
    """Compare what we wrote (`after`, flat) with what the record holds now; what stood there before is `before`, flat."""
    found = Restored()
    for name, sent in after.items():
        now, earlier = held(record, name), before.get(name)
        if name in SETS:
            wanted = _wanted(name, earlier, sent, now, phones)
            if wanted is None:
                found.already.append(name)
            else:
                found.fields[name] = _list_with(record, name, wanted, earlier, phones)
                found.instead_of[name] = now
        elif alike(now, earlier, phones):
            found.already.append(name)
        elif alike(now, sent, phones):
            found.fields[name] = earlier if isinstance(record, Person | Organization) else _plain(earlier)
            found.instead_of[name] = now
        else:
            found.edited.append(name)
    return found


def held(record: CentreRecord | CrmRecord, name: str) -> object:
    """What a record holds in a field, in the form in which it is written."""
    if name.startswith(CUSTOM):
        code = name.removeprefix(CUSTOM).strip()
        if isinstance(record, Person | Organization):
            return record.custom_fields.get(code)
        by_name = {folded(key): value for key, value in record.custom.items()}
        return record.custom.get(code, by_name.get(folded(code)))
    if isinstance(record, Person) and name in SETS:
        return entries_body(record.phone_entries if name == "phones" else record.email_entries)
    value = getattr(record, name, None)
    if isinstance(record, Person | Organization) and name in ("org_id", "owner_id"):
        return int(value) if value else None
    return value


def alike(one: object, other: object, phones: Phones) -> bool:
    """Whether two values of a field are the same, but for how a vendor writes it down, and for what it cuts off."""
    here, there = _text(one), _text(other)
    if here == there:
        return True
    if not here or not there:
        return False
    if len(here) > 50 and there.startswith(here):
        return True
    number = read_number(here)
    if number is not None and number == read_number(there):
        return True
    keys = phones.keys(here)
    return bool(keys) and keys == phones.keys(there)


def _text(value: object) -> str:
    if isinstance(value, Mapping):
        value = value.get("value")
    if isinstance(value, list | tuple):
        return "; ".join(sorted(map(_text, value)))
    return " ".join(_plain(value).split()).casefold()


def _plain(value: object) -> str:
    return "" if value is None else str(value)


# phones and e-mails


def _values(listed: object) -> list[str]:
    """The values of a list of either side."""
    some = listed if isinstance(listed, list | tuple) else ()
    return [str(one.get("value", "")) if isinstance(one, Mapping) else str(one) for one in some]


def _wanted(name: str, before: object, sent: object, now: object, phones: Phones) -> frozenset[str] | None:
    """The values that the list shall have; None when it has them."""
    kind = _KINDS[name]
    was, wrote, has = (frozenset(elements(_values(one), kind, phones)) for one in (before, sent, now))
    wanted = (has - (wrote - was)) | (was - wrote)
    return None if wanted == has else wanted


def _list_with(
    record: CentreRecord | CrmRecord, name: str, wanted: frozenset[str], before: object, phones: Phones
) -> object:
    """The list as it is now, with these values; those that return are written as they were."""
    kind = _KINDS[name]
    if isinstance(record, Person):
        entries = record.phone_entries if name == "phones" else record.email_entries
        has = elements([entry.value for entry in entries], kind, phones)
        back = [
            one
            for one in _entries(before)
            if elements([one.value], kind, phones).keys() & (wanted - has.keys())
        ]
        return entries_body(entries_with([*entries, *back], wanted, kind, phones))
    raw: Sequence[str] = getattr(record, name, ())
    has = elements(raw, kind, phones)
    returning = [
        text for text in _values(before) if elements([text], kind, phones).keys() & (wanted - has.keys())
    ]
    return texts_with([*raw, *returning], wanted, kind, phones)


def _entries(listed: object) -> list[Entry]:
    some = listed if isinstance(listed, list | tuple) else ()
    return [
        Entry(str(one.get("value", "")), str(one.get("label", "work")))
        for one in some
        if isinstance(one, Mapping)
    ]
