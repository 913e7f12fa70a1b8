"""How a plan is written to Pipedrive, and what is kept of the lists that it replaced."""

from __future__ import annotations

from connector.errors import UnknownField
from connector.flows.contacts.comparing import Facts, Plan, Reader
from connector.flows.contacts.kinds import CrmRecord, Kind, write_crm
from connector.flows.contacts.pairing import Pair
from connector.flows.tenant import Tenant
from connector.pipedrive.budget import Lane


async def write_to_pipedrive(
    tenant: Tenant, kind: Kind, crm_id: str | None, made: Plan, lane: Lane = Lane.CONTACTS
) -> CrmRecord:
    """Make (without an id) or change a record; a custom field that has vanished is left out, and the mapping read anew."""
    try:
        return await write_crm(tenant, kind, crm_id, made.body, lane)
    except UnknownField as error:
        tenant.contacts.fields.pop(kind.crm, None)
        custom = made.body.get("custom_fields")
        rest = (
            {code: value for code, value in custom.items() if code != error.field}
            if isinstance(custom, dict)
            else {}
        )
        made.body = {key: value for key, value in made.body.items() if key != "custom_fields"}
        if rest:
            made.body["custom_fields"] = rest
        if not made.body:
            raise
        return await write_crm(tenant, kind, crm_id, made.body, lane)


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
