"""How a plan is written to Pipedrive, and what is kept of the lists that it replaced."""

from __future__ import annotations

from connector.errors import NotFound, UnknownField
from connector.flows.contacts.comparing import Facts, Plan
from connector.flows.contacts.kinds import CrmRecord, Kind, read_crm, write_crm
from connector.flows.contacts.pairing import Pair
from connector.flows.contacts.reading import Reader
from connector.flows.tenant import Tenant
from connector.pipedrive.budget import Lane


async def write_to_pipedrive(
    tenant: Tenant, kind: Kind, crm_id: str | None, made: Plan, lane: Lane = Lane.CONTACTS
) -> CrmRecord:
    """Make (without an id) or change a record; a custom field that has vanished is left out, and the mapping read anew."""
    while made.body:
        try:
            return await write_crm(tenant, kind, crm_id, made.body, lane)
        except UnknownField as error:
            tenant.contacts.fields.pop(kind.crm, None)
            custom = made.body.pop("custom_fields", None)
            rest = custom if isinstance(custom, dict) else {}
            if error.field not in rest:
                raise
            if rest := {code: value for code, value in rest.items() if code != error.field}:
                made.body["custom_fields"] = rest
    # Nothing is left to be written.
    if crm_id is not None and (record := await read_crm(tenant, kind, crm_id)) is not None:
        return record
    raise NotFound("Pipedrive has neither the record nor the field that was to be written")


def overwrote(reader: Reader, before: Facts, after: Facts) -> dict[str, object]:
    """What we had read or written of the lists that we replaced, and when: by this a rival edit in between is noticed."""
    at = after.crm.update_time
    known = {
        pair.code: sorted({*_tokens(reader, pair, before.crm), *_tokens(reader, pair, after.crm)})
        for pair in reader.pairs
        if pair.rule.is_set
    }
    return {"at": at.isoformat() if at else "", **known}


def _tokens(reader: Reader, pair: Pair, record: CrmRecord) -> list[str]:
    return reader.tokens(pair, reader.elements(pair, record))
