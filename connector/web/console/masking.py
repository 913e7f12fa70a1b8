"""Personal data on pages: hidden until somebody asks for it."""

from __future__ import annotations

import re

# Looked for from the beginning of a word alone: customers write the texts, and might make it take long.
_ADDRESS = re.compile(r"(?<![\w.+-])[\w.+-]++@[\w.-]+")
_NUMBER = re.compile(r"\+?\d[\d \u00a0().-]{4,}\d")
_WORD = re.compile(r"\b(\w)\w+")
#: Of a number with its country so many digits are shown before, of any other so many; and so many after.
_SHOWN_WITH_COUNTRY, _SHOWN_AT_START, _SHOWN_AT_END = 5, 2, 3


def masked(text: str) -> str:
    """First letters of words and addresses, the first and last digits of numbers: `+48 601 *** 001`, `J*** N***`."""
    parts: list[str] = []
    end = 0
    for found in re.finditer(f"(?:{_ADDRESS.pattern})|(?:{_NUMBER.pattern})", text):
        parts += [_WORD.sub(r"\1***", text[end : found.start()]), _hidden(found[0])]
        end = found.end()
    return "".join([*parts, _WORD.sub(r"\1***", text[end:])])


def _hidden(found: str) -> str:
    if "@" in found:
        return f"{found[0]}***@***"
    digits = "".join(filter(str.isdigit, found))
    # Without its country a number is shorter, and what is written like one may be an identity number.
    has_country = found.startswith("+")
    if len(digits) <= _SHOWN_WITH_COUNTRY + _SHOWN_AT_END:
        return f"+{digits[:2]} *** {digits[-2:]}" if has_country else f"*** {digits[-2:]}"
    if not has_country:
        return f"{digits[:_SHOWN_AT_START]} *** {digits[-_SHOWN_AT_END:]}"
    return f"+{digits[:2]} {digits[2:_SHOWN_WITH_COUNTRY]} *** {digits[-_SHOWN_AT_END:]}"
