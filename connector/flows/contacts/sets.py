"""Phones and e-mails as sets: what they have in common on both sides, and how a changed set is written. Pure.

What has no key, such as an internal number or a remark, stays where it is and is never carried.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from connector.flows.contacts.pairing import Kind
from connector.flows.contacts.transforms import national
from connector.phone import Phones, normalise_email
from connector.pipedrive.records import Entry


def elements(raw: Sequence[str], kind: Kind, phones: Phones) -> dict[str, str]:
    """E.164 numbers or plain addresses, each with the text that holds it; what has no key is left out."""
    found: dict[str, str] = {}
    for text in raw:
        for key in _keys(text, kind, phones):
            found.setdefault(key, text)
    return found


def entries_with(
    entries: Sequence[Entry], wanted: frozenset[str], kind: Kind, phones: Phones
) -> tuple[Entry, ...]:
    """Pipedrive's new list: exactly the wanted keys, and all that has no key.

    An entry stays as it was typed while all its keys are wanted; of one with several keys the wanted ones stay, each
    by itself. New ones come last. One is primary, the first where the primary one went.
    """
    kept = [
        replace(entry, value=text)
        for entry in entries
        for text in _remaining(entry.value, wanted, kind, phones)
    ]
    held = elements([entry.value for entry in kept], kind, phones)
    listed = [*kept, *(Entry(key) for key in sorted(wanted - held.keys()))]
    primary = next((place for place, entry in enumerate(listed) if entry.primary), 0)
    return tuple(replace(entry, primary=place == primary) for place, entry in enumerate(listed))


def texts_with(raw: Sequence[str], wanted: frozenset[str], kind: Kind, phones: Phones) -> tuple[str, ...]:
    """The same for the contact centre's list, whose new numbers are written as its own country dials them."""
    kept = [part for text in raw for part in _remaining(text, wanted, kind, phones)]
    listed = [*kept, *sorted(wanted - elements(kept, kind, phones).keys())]
    held = frozenset(raw)
    return tuple(national(text, phones) if text not in held else text for text in listed)


def _remaining(text: str, wanted: frozenset[str], kind: Kind, phones: Phones) -> list[str]:
    keys = _keys(text, kind, phones)
    return [text] if wanted.issuperset(keys) else [key for key in keys if key in wanted]


def _keys(text: str, kind: Kind, phones: Phones) -> tuple[str, ...]:
    if kind is Kind.PHONES:
        return phones.keys(text)
    return tuple(filter(None, (normalise_email(text),)))
