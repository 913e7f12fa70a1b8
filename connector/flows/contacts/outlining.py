"""What a record that is yet to be made on the other side shall hold. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from connector.contact_settings import Way
from connector.flows.contacts.comparing import (
    Extra,
    Plan,
    Translated,
    as_custom,
    not_known_there,
    put_custom,
    send_to_centre,
    send_to_pipedrive,
)
from connector.flows.contacts.kinds import CentreRecord, CrmRecord
from connector.flows.contacts.pairing import IDS
from connector.flows.contacts.reading import CENTRE, CRM, Reader
from connector.flows.contacts.sets import entries_with, texts_with
from connector.pipedrive.mapping import entries_body


def plan_person(reader: Reader, centre: CentreRecord, to_crm: Translated, extras: Sequence[Extra]) -> Plan:
    """What a record to be made in Pipedrive shall hold."""
    made = Plan()
    for pair in reader.pairs:
        if pair.rule.way is Way.TO_CENTRE:
            continue
        if pair.rule.is_set:
            wanted = reader.elements(pair, centre)
            made.sent[pair.key, CRM] = wanted
            if wanted:
                made.body[pair.code] = entries_body(entries_with((), wanted, pair.kind, reader.phones))
            continue
        text = reader.text(pair, centre)
        if text and pair.kind in IDS:
            if (known := to_crm.get(f"{pair.code}:{text}")) is None:
                made.hold_back(pair, not_known_there(pair))
                continue
            text = known
        if text or pair.rule.default:
            send_to_pipedrive(reader, pair, text, made)
    for extra in extras:
        if extra.side is Way.TO_PIPEDRIVE:
            made.sent[extra.key, CRM] = extra.value
            put_custom(made.body, extra.name, as_custom(extra.value))
    return made


def plan_customer(reader: Reader, crm: CrmRecord, to_centre: Translated, marked: Mapping[str, str]) -> Plan:
    """What a record to be made in a contact centre shall hold; `marked` is what it says of its counterpart."""
    made = Plan()
    for pair in reader.pairs:
        if pair.rule.way is Way.TO_PIPEDRIVE:
            continue
        if pair.rule.is_set:
            wanted = reader.elements(pair, crm)
            made.sent[pair.key, CENTRE] = wanted
            if wanted:
                made.values[pair.rule.centre] = texts_with((), wanted, pair.kind, reader.phones)
            continue
        text = reader.text(pair, crm)
        if text and pair.kind in IDS:
            if (known := to_centre.get(f"{pair.code}:{text}")) is None:
                made.hold_back(pair, not_known_there(pair))
                continue
            text = known
        if text or pair.rule.default:
            send_to_centre(reader, pair, text, made)
    made.values.update(marked)
    return made
