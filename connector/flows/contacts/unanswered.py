"""What was sent and perhaps not answered: by it a write of ours is told from an edit when the records are read again.

Before anything is written it is noted what both sides will hold then. Where a side is found to hold what it was sent,
that is our own write; anything else there is somebody's edit. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence

from connector.contact_settings import Way
from connector.flows.contacts.comparing import Facts, Plan
from connector.flows.contacts.kinds import CentreRecord, CrmRecord
from connector.flows.contacts.pairing import Kind, Pair
from connector.flows.contacts.reading import CENTRE, CRM, Reader
from connector.store.bindings import Base

_SIDES = (CENTRE, CRM)


def update_sent(reader: Reader, facts: Facts, made: Plan) -> dict[str, list[object]]:
    """What both sides of a pair will hold of the fields that are about to be written, and what they hold before."""
    records: tuple[CentreRecord, CrmRecord] = (facts.centre, facts.crm)
    return {
        pair.key: [
            *(_sent_or_held(reader, pair, made, at, records[at]) for at in _SIDES),
            *(reader.held(pair, record) for record in records),
        ]
        for pair in reader.pairs
        if any((pair.key, at) in made.sent for at in _SIDES)
    }


def creation_sent(
    reader: Reader, source: CentreRecord | CrmRecord, to: Way, made: Plan
) -> dict[str, list[object]]:
    """What both sides will hold once the record that is about to be sent is made of `source`."""
    other = CRM if to is Way.TO_PIPEDRIVE else CENTRE
    return {
        pair.key: [_sent_or_held(reader, pair, made, at, None if at == other else source) for at in _SIDES]
        for pair in reader.pairs
        if pair.key not in made.held_back
    }


def _sent_or_held(
    reader: Reader, pair: Pair, made: Plan, at: int, record: CentreRecord | CrmRecord | None
) -> object:
    sent = made.sent.get((pair.key, at))
    if isinstance(sent, frozenset):
        return reader.tokens(pair, sent)
    if sent is not None:
        return reader.token(pair, sent)
    if record is not None:
        return reader.held(pair, record)
    return [] if pair.rule.is_set else None


def with_update(
    reader: Reader, centre: CentreRecord, crm: CrmRecord, base: Base, sent: Base
) -> dict[str, list[object]]:
    """The base of a pair, with as much of an update without an answer as is found to have arrived."""
    fresh = {key: list(halves) for key, halves in base.items()}
    for pair in reader.pairs:
        key = pair.key
        if key not in sent or key not in fresh:
            continue
        now = (reader.held(pair, centre), reader.held(pair, crm))
        meant, was = sent[key][:2], sent[key][2:]
        if pair.rule.is_set:
            fresh[key] = _elements_arrived(fresh[key], meant, was, now)
        elif any(was[at] != meant[at] == now[at] for at in _SIDES):
            fresh[key] = list(meant)
    return fresh


def _elements_arrived(
    base: Sequence[object], meant: Sequence[object], was: Sequence[object], now: Sequence[object]
) -> list[object]:
    known, sent, before, held = ([_set(half) for half in halves] for halves in (base, meant, was, now))
    for element in frozenset().union(*before, *sent):
        wished = [element in half for half in sent]
        if any((element in before[at]) != wished[at] == (element in held[at]) for at in _SIDES):
            known = [
                half | {element} if wish else half - {element}
                for half, wish in zip(known, wished, strict=True)
            ]
    return [sorted(half) for half in known]


def _set(half: object) -> frozenset[str]:
    return frozenset(map(str, half)) if isinstance(half, list) else frozenset()


def with_creation(reader: Reader, centre: CentreRecord, sent: Base) -> dict[str, list[object]]:
    """The first base of a pair of which one was made of the other without an answer."""
    fresh = {key: list(halves) for key, halves in sent.items()}
    for pair in reader.pairs:
        key = pair.key
        if pair.kind is Kind.EMAILS and key in fresh:
            shown, given = _set(reader.held(pair, centre)), _set(fresh[key][CENTRE])
            if len(shown) == 1 < len(given):
                # Perhaps it shows the first one alone: what is not shown was not taken away.
                fresh[key][CENTRE] = sorted(given & shown)
    return fresh
