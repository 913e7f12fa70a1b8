"""Personal data on pages: hidden until somebody asks for it."""

from __future__ import annotations

import re

_ADDRESS = re.compile(r"(\w)[\w.+-]*@[\w.-]+")
_NUMBER = re.compile(r"\+?\d[\d \u00a0().-]{4,}\d")
_WORD = re.compile(r"\b(\w)\w+")
_SHOWN_AT_START, _SHOWN_AT_END = 5, 3


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
    plus = "+" if found.startswith("+") else ""
    if len(digits) <= _SHOWN_AT_START + _SHOWN_AT_END:
        return f"{plus}{digits[:2]} *** {digits[-2:]}"
    return f"{plus}{digits[:2]} {digits[2:_SHOWN_AT_START]} *** {digits[-_SHOWN_AT_END:]}"
