"""The base of a pair once it was written: what each side then held, as read back. Pure."""

from __future__ import annotations

from connector.flows.contacts.comparing import Facts, Plan
from connector.flows.contacts.kinds import CentreRecord
from connector.flows.contacts.pairing import Pair
from connector.flows.contacts.reading import CENTRE, CRM, NUMBERS, OPEN, Reader, Record
from connector.flows.contacts.values import alike
from connector.store.bindings import Base


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
                _settled(reader, pair, before.centre, after.centre, made.sent.get((key, CENTRE))),
                _settled(reader, pair, before.crm, after.crm, made.sent.get((key, CRM))),
            ]
            continue
        if base is not None and key in base:
            fresh[key] = list(base[key])
        fresh[OPEN + key] = [reader.held(pair, before.centre), reader.held(pair, before.crm)]
    fresh[NUMBERS] = [reader.phones.region, reader.phones.dial_out_prefix]
    for extra in after.extras:
        ours = (extra.key, CENTRE) in made.sent or (extra.key, CRM) in made.sent
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
        if key in fresh and fresh[key][CENTRE] == reader.held(pair, sent):
            was = reader.elements(pair, sent) if pair.rule.is_set else reader.text(pair, sent)
            fresh[key][CENTRE] = _settled(reader, pair, sent, after, was)
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
    return reader.token(
        pair, now if _is_form_of(now, sent) or alike(pair, now, sent, reader.phones) else sent
    )


def _is_form_of(now: str, sent: str) -> bool:
    """Whether a vendor merely cut or rewrote a text."""
    ours, theirs = "".join(sent.casefold().split()), "".join(now.casefold().split())
    return ours == theirs or (len(theirs) > 50 and ours.startswith(theirs))
