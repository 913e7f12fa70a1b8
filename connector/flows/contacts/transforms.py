"""Values as text read and written another way: numbers, dates, cases, telephone numbers. Pure; nothing here raises."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal

import phonenumbers

from connector.contact_settings import Transform
from connector.phone import Phones

_LETTERS = re.compile(r"(?<!['’])[^\W\d_]+|(?<=['’])[^\W\d_]{2,}")
_SPACES = re.compile(r"[\s\u00a0\u202f'’]")
_GROUPED = r"[0-9]{1,3}(?:%s[0-9]{3})+"
_PLAIN = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?")
_COMMA = re.compile(r"[+-]?[0-9]+,[0-9]+")
_COMMA_IN_DOUBT = re.compile(r"[+-]?[1-9][0-9]{0,2},[0-9]{3}")
_POINTS_GROUP = re.compile(rf"[+-]?(?:{_GROUPED % '[.]'},[0-9]+|[0-9]{{1,3}}(?:[.][0-9]{{3}}){{2,}})")
_COMMAS_GROUP = re.compile(rf"[+-]?(?:{_GROUPED % ','}[.][0-9]+|[0-9]{{1,3}}(?:,[0-9]{{3}}){{2,}})")
_SPACES_GROUP = re.compile(r"[+-]?[0-9]{1,3}(?:[\s\u00a0\u202f'’][0-9]{3})+(?:[.,][0-9]+)?")
_TIME = r"(?:[T\s]+[0-9]{1,2}:[0-9]{2}.{0,30})?"
_YEAR_FIRST = re.compile(rf"([0-9]{{4}})([-./])([0-9]{{1,2}})\2([0-9]{{1,2}}){_TIME}")
_DAY_FIRST = re.compile(rf"([0-9]{{1,2}})([-./])([0-9]{{1,2}})\2([0-9]{{4}}){_TIME}")
_MOST_DIGITS = 15
_LONGEST = 60


def read_number(text: str) -> Decimal | None:
    """Read `1 234,50`, `1,234.50`, `1.234,50` or `1234.5`; None for what is no number.

    None as well for more than 15 digits, which Pipedrive would round, and for what reads in two ways: `1,234` is
    a thousand to some and one and a bit to others. A single point always comes before decimals.
    """
    text = text.strip()
    if _SPACES_GROUP.fullmatch(text):
        text = _SPACES.sub("", text).replace(",", ".")
    elif _COMMAS_GROUP.fullmatch(text):
        text = text.replace(",", "")
    elif _POINTS_GROUP.fullmatch(text):
        text = text.replace(".", "").replace(",", ".")
    elif _COMMA.fullmatch(text) and not _COMMA_IN_DOUBT.fullmatch(text):
        text = text.replace(",", ".")
    if (
        len(text) > _LONGEST
        or not _PLAIN.fullmatch(text)
        or sum(map(str.isdigit, text.lstrip("+-0."))) > _MOST_DIGITS
    ):
        return None
    return Decimal(text)


def write_number(value: Decimal) -> str:
    """Write a number plainly: `1234.5`, no exponent, no grouping, no zeros at its end."""
    text = format(value, "f")
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text in ("-0", "") else text


def read_date(text: str) -> date | None:
    """Read `2026-12-31`, `31.12.2026` or `31/12/2026`, with or without a time, which is left out."""
    text = text.strip()
    if found := _YEAR_FIRST.fullmatch(text):
        year, month, day = found[1], found[3], found[4]
    elif found := _DAY_FIRST.fullmatch(text):
        year, month, day = found[4], found[3], found[1]
    else:
        return None
    try:
        return date(int(year), int(month), int(day))
    except ValueError:
        return None


def capitalise(text: str) -> str:
    """Begin each word, and each part after a hyphen, with a capital: `anna KOWALSKA-NOWAK` is Anna Kowalska-Nowak."""
    return _LETTERS.sub(lambda found: found[0][0].title() + found[0][1:].lower(), text)


def one_number(text: str, phones: Phones) -> str | None:
    """The telephone number in a text as E.164; None where there is none or more than one."""
    keys = phones.keys(text)
    return keys[0] if len(keys) == 1 else None


def national(number: str, phones: Phones) -> str:
    """An E.164 number in the digits that its own country dials, where that is ours; else as it is."""
    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return number
    digits = phonenumbers.national_significant_number(parsed)
    own = phonenumbers.region_code_for_number(parsed) == phones.region
    return digits if own and phones.keys(digits) == (number,) else number


def transform(how: Transform | None, text: str, phones: Phones) -> str | None:
    """Write a text another way; None where it cannot be read as the transform wants."""
    written: str | None = text
    match how:
        case Transform.UPPER:
            written = text.upper()
        case Transform.LOWER:
            written = text.lower()
        case Transform.CAPITALISE:
            written = capitalise(text)
        case Transform.TRIM:
            written = text.strip()
        case Transform.E164:
            written = one_number(text, phones)
        case Transform.DATE:
            written = None if (day := read_date(text)) is None else day.isoformat()
        case Transform.NUMBER:
            written = None if (number := read_number(text)) is None else write_number(number)
    return written
