"""Read and compare phone numbers and e-mail addresses, one way everywhere.

A key is E.164 text of a number that is valid; everything else (short, internal, anonymous) has no key, for a guess
could hang a call on the wrong person. Whoever changes a rule here raises `NORMALISER_VERSION`: stored hashes name it,
so that those of an old rule match nothing until they are made anew, in the index by the weekly census at the latest.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from unicodedata import decimal
from urllib.parse import unquote

import phonenumbers
from phonenumbers import shortnumberinfo

NORMALISER_VERSION = 1

_LONGEST = 250
_MOST_CANDIDATES = 12
_SEPARATORS = re.compile(r"[/,;|\n]")
_LABEL = re.compile(r"\([^()\d]*[^()\d\s.\-][^()]*\)?")
_EXTENSION = re.compile(r"(?<=[\d)])\s*(?:extension|ext|wewn|wew|w|x|#)[.:=\s]*\d+", re.IGNORECASE)
_RUN = re.compile(r"(?:\+|\(\+?)?\d[\d\s().\-\u00a0\u2010-\u2015]*")
_TRUNK_IN_BRACKETS = re.compile(r"\(0\)")
_NOT_DIGITS = re.compile(r"\D+")
_EMAIL = re.compile(r"[^\s@<>,;:\"()\[\]\\]+@[^\s@<>,;:\"()\[\]\\.]+(?:\.[^\s@<>,;:\"()\[\]\\.]+)+")
_IN_BRACKETS = re.compile(r"<([^<>]*)>\s*$")

#: Numbers of so few digits are extensions inside the contact centre, as far as they are no emergency numbers.
LONGEST_INTERNAL = 5
_LONGEST_SHORT = 6
_LONGEST_EXTENSION = 12
_SCHEME = re.compile(r"^(?:tel|callto|sip|sips):", re.IGNORECASE)
# 1-800-FLOWERS and 1800flowers, but no name with a number behind it, and no 500 groszy.
_VANITY = re.compile(
    r"(?P<digits>\+?[\d\s().-]*\d)(?:[().-]*[A-Za-z][A-Za-z\d().-]*|[\s().-]*[A-Z][A-Z\d\s().-]*)"
)
#: Of as many digits as have no room for letters behind them: national, and behind a plus.
_LEAST_WHOLE = {False: 7, True: 9}
_PLAIN = re.compile(r"\+?[\d\s().\-\u00a0\u2010-\u2015]+")
_SERVICE_CODE = re.compile(r"[*#]")
_PREFIX = re.compile(r"(?:\+|00)[\d\s().-]+")
_PAID = (phonenumbers.PhoneNumberType.PREMIUM_RATE, phonenumbers.PhoneNumberType.SHARED_COST)
#: Satellites, and networks of no country: they cost as much as paid services, and fraud likes them.
_COSTLY_CODES = frozenset({870, 881, 882, 883})
#: Of Europe, of Poland, and those that whoever comes from elsewhere might try.
_EMERGENCY = frozenset({"112", "911", "999", "997", "998"})


@dataclass(frozen=True, slots=True)
class Phones:
    """How one installation reads numbers: its region (two letters) and the prefix dialled for an outside line."""

    region: str
    dial_out_prefix: str = ""

    def keys(self, raw: str) -> tuple[str, ...]:
        """E.164 of each valid number in `raw`, in order, each once; empty when there is none.

        A number that is valid as it stands is taken as it stands; else one leading national 0 and the dial-out
        prefix are taken off.
        """
        return _keys(raw[:_LONGEST], self.region, self.dial_out_prefix)


@lru_cache(maxsize=16_384)
def _keys(raw: str, region: str, prefix: str) -> tuple[str, ...]:
    text = _EXTENSION.sub(" ; ", _LABEL.sub(" ; ", raw))
    found = _valid_numbers(_SEPARATORS.split(text), region, prefix)
    if not found and "/" in text:
        # 0171/1234567 is one number with a slash after its area code.
        found = _valid_numbers([text.replace("/", "")], region, prefix)
    return found


def _valid_numbers(parts: list[str], region: str, prefix: str) -> tuple[str, ...]:
    runs = [run for part in parts for run in _RUN.findall(part)][:_MOST_CANDIDATES]
    numbers = (_number(run, region, prefix) for run in runs)
    return tuple(dict.fromkeys(number for number in numbers if number))


def _number(run: str, region: str, prefix: str) -> str | None:
    run = _TRUNK_IN_BRACKETS.sub("", run)
    digits = _NOT_DIGITS.sub("", run)
    if len(digits) < 5:
        return None
    if "+" in run[:2]:
        return _valid("+" + digits, region)
    candidates = [digits]
    if prefix and digits.startswith(prefix):
        candidates.append(digits.removeprefix(prefix))
    candidates += [candidate[1:] for candidate in tuple(candidates) if candidate.startswith("0")]
    valid = next((number for candidate in candidates if (number := _valid(candidate, region))), None)
    if valid is None and "(" in run.lstrip("+("):
        # 601 123 456 (2): the bracket is a remark.
        return _number(run[: run.rindex("(")], region, prefix)
    return valid


def _valid(text: str, region: str) -> str | None:
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


@lru_cache(maxsize=16_384)
def normalise_email(raw: str) -> str | None:
    """Give the one address in `raw` in lower case, without name or `mailto:`; None when there is none or several."""
    text = raw.strip()
    if bracketed := _IN_BRACKETS.search(text):
        text = bracketed[1].strip()
    text = text.lower().removeprefix("mailto:")
    return text if len(text) <= 254 and _EMAIL.fullmatch(text) else None


# numbers to dial


class NotDialled(StrEnum):
    """Why a number is not dialled."""

    INVALID = "number_invalid"
    PREMIUM = "number_premium"
    INTERNAL = "number_internal"
    EMERGENCY = "number_emergency"
    REFUSED = "number_refused"


@dataclass(frozen=True, slots=True)
class Dialable:
    """A number as it is dialled, E.164 or an internal one's digits, and the extension behind it, which is only shown."""

    number: str
    extension: str = ""

    @property
    def shown(self) -> str:
        """As people read it."""
        shown = written(self.number)
        return f"{shown} ext. {self.extension}" if self.extension else shown


def to_dial(
    raw: str, phones: Phones, *, premium: bool = False, internal: bool = False, refused: Iterable[str] = ()
) -> Dialable | NotDialled:
    """Read the one number in `raw`, a text or what a `tel:` link says; `refused` are beginnings such as +48 70.

    Numbers of public emergency services are never dialled: who rings them must stand where he rings from. Premium are
    those that cost the caller or the called a share as well: short ones of paid services and satellites are among them.
    """
    text, extension, context = _parts(raw.strip()[:_LONGEST])
    said, text = text, _keyed(text)
    if any(_is_emergency(_NOT_DIGITS.sub("", one), phones) for one in {said, text}):
        return NotDialled.EMERGENCY
    # *21*601000001# would divert the agent's phone.
    found = () if _SERVICE_CODE.search(text) else phones.keys(context + text) or phones.keys(text)
    if not found and _PLAIN.fullmatch(text):
        return _short(text, phones, premium=premium, internal=internal)
    if len(found) != 1:
        return NotDialled.INVALID
    number = found[0]
    parsed = phonenumbers.parse(number)
    is_paid = parsed.country_code in _COSTLY_CODES or phonenumbers.number_type(parsed) in _PAID
    if is_paid and not premium:
        return NotDialled.PREMIUM
    is_refused = any(number.startswith(beginning) for beginning in map(prefix_of, refused) if beginning)
    return NotDialled.REFUSED if is_refused else Dialable(number, extension)


def is_internal(number: str) -> bool:
    """Whether a number is an extension inside the contact centre."""
    digits = number.strip()
    return digits.isdecimal() and len(digits) <= LONGEST_INTERNAL


def written(number: str) -> str:
    """An E.164 number with spaces, as people read it; anything else as it is."""
    if not number.startswith("+"):
        return number
    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return number
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.INTERNATIONAL)


def masked_number(number: str) -> str:
    """A number that a trail may keep: its country and first digits, and the last two."""
    return f"{number[:5]}…{number[-2:]}" if len(number) > 8 else "…" + number[-1:]


def prefix_of(raw: str) -> str | None:
    """The beginning of international numbers that `raw` names, as +4870; None where it is none."""
    text = raw.strip()
    digits = _NOT_DIGITS.sub("", text)
    if not _PREFIX.fullmatch(text) or not 1 <= len(digits) <= 12:
        return None
    return "+" + (digits[2:] if text.startswith("00") else digits)


def _parts(raw: str) -> tuple[str, str, str]:
    """The number, its extension, and the country that a `phone-context` puts before it."""
    # Digits of other scripts are digits to some who read them: all are judged as what they stand for.
    plain = "".join(str(decimal(sign, sign)) for sign in unquote(raw))
    head, *parameters = plain.strip().split(";")
    text = _SCHEME.sub("", head).lstrip("/").strip()
    given = dict(one.strip().split("=", 1) for one in parameters if "=" in one)
    given = {name.strip().lower(): value.strip() for name, value in given.items()}
    extension = _NOT_DIGITS.sub("", given.get("ext", ""))
    if not extension and (said := _EXTENSION.search(text)):
        extension, text = _NOT_DIGITS.sub("", said[0]), text[: said.start()]
    context = given.get("phone-context", "")
    if not context.startswith("+") or text.startswith(("+", "00")):
        context = ""
    return text, extension[:_LONGEST_EXTENSION], context


def _keyed(text: str) -> str:
    """Letters as the keys of a telephone have them; words behind a whole number are words."""
    found = _VANITY.fullmatch(text)
    if found is None or len(_NOT_DIGITS.sub("", found["digits"])) >= _LEAST_WHOLE[text.startswith("+")]:
        return text
    return phonenumbers.convert_alpha_characters_in_number(text)


def _is_emergency(digits: str, phones: Phones) -> bool:
    """Whether these are an emergency number of the region or of any other, whatever dials out before it."""
    return any(
        rest in _EMERGENCY or shortnumberinfo.is_emergency_number(rest, phones.region)
        for rest in (digits, *_within(digits, phones))
        if rest
    )


def _within(digits: str, phones: Phones) -> set[str]:
    """What is left of digits behind each of what may be dialled before a number."""
    code = str(phonenumbers.country_code_for_region(phones.region))
    beginnings = ("00" + code, code, phones.dial_out_prefix, "0", "00")
    return {digits.removeprefix(one) for one in beginnings if one and digits.startswith(one)}


def _short(text: str, phones: Phones, *, premium: bool, internal: bool) -> Dialable | NotDialled:
    """A number that no country has as a whole: an internal one, or a short one of some service."""
    digits = _NOT_DIGITS.sub("", text)
    # What dials out may stand there twice.
    if any(_is_emergency(rest, phones) for rest in _within(digits, phones)):
        return NotDialled.EMERGENCY
    # One that names its country is nobody's inside: its digits would ring somebody else there.
    if not digits or len(digits) > _LONGEST_SHORT or text.startswith("+"):
        return NotDialled.INVALID
    if len(digits) <= LONGEST_INTERNAL:
        return Dialable(digits) if internal else NotDialled.INTERNAL
    try:
        parsed = phonenumbers.parse(digits, phones.region)
    except phonenumbers.NumberParseException:
        return NotDialled.INVALID
    if not shortnumberinfo.is_possible_short_number_for_region(parsed, phones.region):
        return NotDialled.INVALID
    # Hardly any country says what these cost.
    return Dialable(digits) if premium else NotDialled.PREMIUM
