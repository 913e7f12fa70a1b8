"""What a row of the mapping means for real records: the text of a field on either side, and how it is written there.

Every value is text on its way, empty where there is none; phones and e-mails are not here but in `sets.py`. What
cannot be carried is a Problem with a reason. Reasons name fields, never what is in them, for they are kept in clear.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import TypeAlias

from connector.contact_settings import CUSTOM, FieldMapping, Transform, Way
from connector.flows.contacts.pairing import CHOSEN, IDS, Kind, Pair, Problem, folded
from connector.flows.contacts.transforms import (
    national,
    one_number,
    read_date,
    read_number,
    transform,
    write_number,
)
from connector.names import join_name, same_name, split_name
from connector.phone import Phones
from connector.pipedrive.records import Organization, Person
from connector.records import Company, Customer

#: What Pipedrive's JSON has under one key.
Json: TypeAlias = str | int | float | list[int] | dict[str, str] | None

_VALUES = {"company": "company_id", "owner": "owner_agent_id"}
_LONGEST = {Kind.TEXT: 255, Kind.LONG_TEXT: 65_000}
_DIALLED = re.compile(r"[+(]?[0-9*#][0-9\s()./*#-]*")
_BETWEEN_CHOICES = re.compile(r"[;|\n]")
_NOT_LISTED = (
    "It is none of the choices that Pipedrive's field lists; add it there, or to the values of this row."
)
_WANTED = {
    Kind.TEXT: "It is longer than the 255 characters that Pipedrive keeps; shorten it, or choose a field for long text.",
    Kind.LONG_TEXT: "It is longer than the 65,000 characters that Pipedrive keeps; shorten it.",
    Kind.LINK: "It names an organization by what is no id of Pipedrive's.",
    Kind.OWNER: "It names an owner by what is no id of Pipedrive's.",
    Kind.NUMBER: "Pipedrive wants a number; write it plainly, with at most 15 digits, as 1234.5.",
    Kind.DATE: "Pipedrive wants a date; write it as 2026-12-31 or 31.12.2026.",
    Kind.PHONE: "Pipedrive wants one telephone number, and this is text.",
    Kind.CHOICE: _NOT_LISTED,
    Kind.CHOICES: _NOT_LISTED,
}
_UNREAD = {
    Transform.E164: "It is not exactly one telephone number; correct it, or take the transform out.",
    Transform.DATE: "It is no date; write it as 2026-12-31 or 31.12.2026, or take the transform out.",
    Transform.NUMBER: "It is no number that reads in one way; write it as 1234.5, or take the transform out.",
}


def centre_text(pair: Pair, record: Customer | Company) -> str:
    """What a record of the contact centre holds in this field; the constant itself where the row carries one from there.

    Not for phones and e-mails, which are sets: see `sets.py`.
    """
    rule = pair.rule
    if rule.transform is Transform.CONSTANT and rule.way is Way.TO_PIPEDRIVE:
        return rule.default or ""
    if rule.centre.startswith(CUSTOM):
        name = rule.centre.removeprefix(CUSTOM).strip()
        by_name = {folded(key): value for key, value in record.custom.items()}
        return _plain(record.custom.get(name, by_name.get(folded(name))))
    if isinstance(record, Customer):
        own = {
            "name": join_name(record.first_name, record.last_name),
            "company": record.company_id,
            "external_id": record.external_id,
        }
    else:
        own = {"name": record.name, "tax_id": record.tax_id}
    both = {"type": record.type, "group": record.group, "owner": record.owner_agent_id}
    return _plain({**own, **both}.get(rule.centre))


def pipedrive_text(pair: Pair, record: Person | Organization) -> str:
    """What a record of Pipedrive holds in this field, choices by their labels; the constant where the row carries one from there.

    Not for phones and e-mails, which are sets: see `sets.py`.
    """
    rule = pair.rule
    if rule.transform is Transform.CONSTANT and rule.way is Way.TO_CENTRE:
        return rule.default or ""
    if rule.pipedrive.startswith(CUSTOM):
        return text_of(pair, record.custom_fields.get(pair.code))
    own = {"org_id": record.org_id} if isinstance(record, Person) else _of_organization(record)
    return _plain({"name": record.name, "owner_id": record.owner_id, **own}.get(pair.code))


def text_of(pair: Pair, value: object) -> str:
    """What `pipedrive_text` reads of a value that Pipedrive has, or is sent, under the key of this field."""
    if isinstance(value, dict):
        return _plain(value.get("value"))
    if pair.kind not in CHOSEN:
        return _plain(value)
    chosen = value if isinstance(value, list) else [value]
    return "; ".join(sorted(pair.options.get(_plain(one), _plain(one)) for one in chosen if one))


def _of_organization(record: Organization) -> dict[str, str | None]:
    return {"website": record.website, "address": record.address}


def _plain(value: object) -> str:
    """A value as text: numbers without exponent, several values with semicolons, yes and no as true and false."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float | Decimal):
        number = Decimal(str(value))
        return write_number(number) if number.is_finite() else ""
    if isinstance(value, list | tuple):
        return "; ".join(filter(None, map(_plain, value)))
    return str(value).strip()


def for_pipedrive(pair: Pair, text: str, phones: Phones) -> Json | Problem:
    """The JSON value for Pipedrive's key: a choice's id by its label, a list of ids, a number, a day; None empties."""
    text_or_problem = _outward(pair, text, phones)
    return text_or_problem if isinstance(text_or_problem, Problem) else _json(pair, text_or_problem, phones)


def for_centre(pair: Pair, text: str, phones: Phones) -> dict[str, str] | Problem:
    """The fields of `Values` for the contact centre: a person's name in two parts, numbers as its country dials them."""
    found = _inward(pair, text, phones)
    if isinstance(found, Problem):
        return found
    if pair.rule.centre == "name" and not found:
        return Problem(pair.rule.key, "A name cannot be emptied; the contact centre wants one.")
    names = written_names(pair)
    if len(names) == 1:
        return {names[0]: found}
    name = split_name(found)
    return dict(zip(names, (name.first, name.last), strict=True))


def written_names(pair: Pair) -> tuple[str, ...]:
    """The names in `Values` under which this field is written to the contact centre."""
    if pair.rule.centre == "name" and not pair.company:
        return "first_name", "last_name"
    return (_VALUES.get(pair.rule.centre, pair.rule.centre),)


def same(pair: Pair, centre_text: str, pipedrive_text: str, phones: Phones) -> bool:
    """Whether the two agree: one of them, carried over by this row, is the other.

    Names but for case and order, numbers by their value, days as days, choices by what is chosen, telephone numbers
    as they are dialled, other texts but for white space.
    """
    if not centre_text.strip() and not pipedrive_text.strip():
        return True
    if pair.rule.way is not Way.TO_CENTRE:
        carried = _outward(pair, centre_text, phones)
        if not isinstance(carried, Problem) and alike(pair, carried, pipedrive_text, phones):
            return True
    if pair.rule.way is not Way.TO_PIPEDRIVE:
        carried = _inward(pair, pipedrive_text, phones)
        return not isinstance(carried, Problem) and alike(pair, carried, centre_text, phones)
    return False


def _outward(pair: Pair, text: str, phones: Phones) -> str | Problem:
    rule = pair.rule
    text = text.strip()
    if not text or rule.transform is Transform.CONSTANT or pair.kind in IDS:
        return _standing_for(rule, text)
    return _transformed(pair, _by_table(pair, rule.values, text), phones)


def _inward(pair: Pair, text: str, phones: Phones) -> str | Problem:
    rule = pair.rule
    text = text.strip()
    if not text or rule.transform is Transform.CONSTANT or pair.kind in IDS:
        return _standing_for(rule, text)
    if pair.kind in CHOSEN and _chosen(pair, text) is None:
        return Problem(
            rule.key, "Pipedrive holds a choice that its field no longer lists; choose anew there."
        )
    if pair.kind is Kind.PHONE and rule.transform is None:
        return text if (number := one_number(text, phones)) is None else national(number, phones)
    # The first of several that mean the same is what goes back.
    table = {there: here for here, there in reversed(tuple(rule.values.items()))}
    return _transformed(pair, _by_table(pair, table, text), phones)


def _standing_for(rule: FieldMapping, text: str) -> str:
    return (rule.default or "") if rule.transform is Transform.CONSTANT else text or rule.default or ""


def _by_table(pair: Pair, table: Mapping[str, str], text: str) -> str:
    """The text by the value table, exactly or but for case; each of several choices by itself; others as they are."""
    if text in table:
        return table[text]
    by_name = {folded(key): value for key, value in reversed(tuple(table.items()))}
    parts = _parts(pair, text) if pair.kind is Kind.CHOICES and folded(text) not in by_name else [text]
    return "; ".join(by_name.get(folded(part), part) for part in parts)


def _transformed(pair: Pair, text: str, phones: Phones) -> str | Problem:
    how = pair.rule.transform
    written = transform(how, text, phones)
    return Problem(pair.rule.key, _UNREAD[how]) if how and written is None else written or ""


def _json(pair: Pair, text: str, phones: Phones) -> Json | Problem:
    if not text and pair.code in ("name", "owner_id"):
        what = "A name" if pair.code == "name" else "An owner"
        return Problem(pair.rule.key, f"{what} cannot be emptied; Pipedrive wants one.")
    value = _read(pair, text, phones) if text else None
    return Problem(pair.rule.key, _WANTED[pair.kind]) if text and value is None else value


def _read(pair: Pair, text: str, phones: Phones) -> Json:
    """A text as Pipedrive's JSON wants it for this kind of field; None where it cannot be that."""
    value: Json = text
    match pair.kind:
        case Kind.TEXT | Kind.LONG_TEXT:
            value = None if len(text) > _LONGEST[pair.kind] else text
        case Kind.LINK | Kind.OWNER:
            value = int(text) if text.isascii() and text.isdigit() else None
        case Kind.NUMBER:
            value = None if (number := read_number(text)) is None else _as_json(number)
        case Kind.DATE:
            value = None if (day := read_date(text)) is None else day.isoformat()
        case Kind.PHONE:
            value = one_number(text, phones) or (text if _DIALLED.fullmatch(text) else None)
        case Kind.CHOICE | Kind.CHOICES:
            ids = sorted(map(int, _chosen(pair, text) or ()))
            value = next(iter(ids), None) if pair.kind is Kind.CHOICE else ids or None
    return {"value": text} if pair.code == "address" and value else value


def _as_json(number: Decimal) -> int | float:
    return int(number) if number == number.to_integral_value() else float(number)


def _chosen(pair: Pair, text: str) -> frozenset[str] | None:
    """The ids of the choices that a text names; None where it names one that there is not."""
    by_label = {folded(label): option for option, label in reversed(tuple(pair.options.items()))}
    parts = _parts(pair, text) if pair.kind is Kind.CHOICES else [text]
    if not all(folded(part) in by_label for part in parts):
        return None
    return frozenset(by_label[folded(part)] for part in parts)


def _parts(pair: Pair, text: str) -> list[str]:
    """The choices that a text names: parted by semicolons or lines, else by commas where no choice has one in it."""
    known = {folded(name) for name in (*pair.options.values(), *pair.rule.values, *pair.rule.values.values())}
    if folded(text) in known:
        return [text]
    pieces = (piece.strip() for piece in _BETWEEN_CHOICES.split(text))
    parts = ([piece] if folded(piece) in known else piece.split(",") for piece in pieces)
    return [stripped for part in parts for one in part if (stripped := one.strip())]


def alike(pair: Pair, one: str, other: str, phones: Phones) -> bool:
    """Whether two texts of one side mean the same, though they may be written differently; compared as in `same`."""
    if pair.kind is Kind.NAME:
        return same_name(one, other)
    return _measure(pair, one, phones) == _measure(pair, other, phones)


def _measure(pair: Pair, text: str, phones: Phones) -> object:
    """What makes two texts of this field one: its value where it has one, else the text but for white space.

    The field's kind comes before the row's transform: what Pipedrive keeps is what is read back.
    """
    how = pair.rule.transform
    value: object = None
    if pair.kind in CHOSEN:
        value = _chosen(pair, text)
    reads: tuple[tuple[Kind, Transform, Callable[[], object]], ...] = (
        (Kind.PHONE, Transform.E164, lambda: one_number(text, phones)),
        (Kind.NUMBER, Transform.NUMBER, lambda: read_number(text)),
        (Kind.DATE, Transform.DATE, lambda: read_date(text)),
    )
    for kind, transformed, read in reads:
        if value is None and (pair.kind is kind or how is transformed):
            value = read()
    return " ".join(text.split()) if value is None else value
