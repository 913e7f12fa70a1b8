"""Read and compare phone numbers and e-mail addresses, one way everywhere.

A key is E.164 text of a number that is valid; everything else (short, internal, anonymous) has no key, for a guess
could hang a call on the wrong person. Whoever changes a rule here raises `NORMALISER_VERSION`: stored hashes name it,
so that those of an old rule match nothing until they are made anew, in the index by the weekly census at the latest.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

import phonenumbers

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
