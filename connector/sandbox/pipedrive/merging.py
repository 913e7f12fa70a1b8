"""v1: merging two records of a kind. The one in the path disappears, the other one survives and wins."""

from __future__ import annotations

from functools import partial

from aiohttp import web

from connector.sandbox.pipedrive.access import Call, Operation, ok
from connector.sandbox.pipedrive.errors import Refused, v1_error
from connector.sandbox.pipedrive.records import Actor, remove, rewrite, visible
from connector.sandbox.pipedrive.state import Company, v1_time
from connector.sandbox.wire import Object

LINKS = {"person": "person_id", "organization": "org_id", "deal": "deal_id"}


def merge(actor: Actor, entity: str, gone_id: int, survivor_id: int) -> Object:
    """Merge, move what hangs on the lost record, and tell of both; Refused(404) unless both are there."""
    table = actor.company.table(entity)
    gone, survivor = table.records.get(gone_id), table.records.get(survivor_id)
    if gone is None or survivor is None or gone["is_deleted"] or survivor["is_deleted"] or gone is survivor:
        raise v1_error(404, f"{entity.capitalize()} not found")
    changed = _joined(entity, gone, survivor)
    _move_links(actor, entity, gone_id, survivor_id)
    actor.company.merged.setdefault(entity, {})[gone_id] = survivor_id
    remove(actor, entity, gone, merged_to=survivor_id)
    rewrite(actor, entity, survivor, changed, merged_from=gone_id)
    return survivor


def _joined(entity: str, gone: Object, survivor: Object) -> Object:
    """What the survivor gains: what it lacks, and every phone and e-mail."""
    kept = ("id", "add_time", "update_time", "is_deleted", "custom_fields", "phones", "emails", "label_ids")
    changed: Object = {
        key: value for key, value in gone.items() if key not in kept and survivor[key] in (None, "") and value
    }
    changed["custom_fields"] = {**gone["custom_fields"], **survivor["custom_fields"]}
    changed["label_ids"] = sorted({*survivor["label_ids"], *gone["label_ids"]})
    if entity == "person":
        for key in ("phones", "emails"):
            known = {way["value"] for way in survivor[key]}
            added = [way | {"primary": not survivor[key] and way["primary"]} for way in gone[key]]
            changed[key] = [*survivor[key], *(way for way in added if way["value"] not in known)]
    return changed


def _move_links(actor: Actor, entity: str, gone_id: int, survivor_id: int) -> None:
    """Point persons, deals and activities at the survivor; the vendor sends no events for these."""
    company, key = actor.company, LINKS[entity]
    for table in (company.persons, company.deals, company.activities):
        for record in table.records.values():
            if record.get(key) == gone_id:
                record[key] = survivor_id
            if entity == "person" and "participants" in record:
                _move_participant(record, gone_id, survivor_id)


def _move_participant(record: Object, gone_id: int, survivor_id: int) -> None:
    if any(item["person_id"] == gone_id for item in record["participants"]):
        kept: dict[int, Object] = {}
        for item in record["participants"]:
            number = survivor_id if item["person_id"] == gone_id else item["person_id"]
            primary = item["primary"] or (number in kept and kept[number]["primary"])
            kept[number] = {"person_id": number, "primary": primary}
        record["participants"] = list(kept.values())


async def _merge(call: Call, entity: str) -> web.Response:
    try:
        body = await call.body()
    except Refused as refused:
        raise v1_error(refused.status, "Bad request") from refused
    target = body.get("merge_with_id")
    if not isinstance(target, int) or isinstance(target, bool):
        raise v1_error(400, "merge_with_id must be an integer")
    for number in (call.id, target):
        record = call.company.table(entity).records.get(number)
        if record is None or not visible(call.company, call.user, entity, record):
            raise v1_error(404, f"{entity.capitalize()} not found")
    survivor = merge(Actor(call.world, call.company, call.user), entity, call.id, target)
    return ok(
        _shown(call.company, entity, survivor)
        | ({} if entity == "organization" else {"merge_what_id": call.id})
    )


def _shown(company: Company, entity: str, record: Object) -> Object:
    """The survivor in the shape of v1, as far as an integration reads it."""
    if entity == "organization":
        return {"id": record["id"]}
    organization = company.organizations.records.get(record["org_id"] or 0)
    shared = {
        "id": record["id"],
        "org_id": record["org_id"],
        "org_name": organization["name"] if organization else None,
        "owner_name": company.users[record["owner_id"]].name,
        "visible_to": str(record["visible_to"]),
        "add_time": v1_time(record["add_time"]),
        "update_time": v1_time(record["update_time"]),
    }
    if entity == "person":
        return shared | {
            "company_id": company.id,
            "owner_id": record["owner_id"],
            "name": record["name"],
            "first_name": record["first_name"],
            "last_name": record["last_name"],
            "active_flag": True,
            "phone": record["phones"],
            "email": record["emails"],
            "label_ids": record["label_ids"],
        }
    return shared | {
        "user_id": record["owner_id"],
        "title": record["title"],
        "value": record["value"],
        "currency": record["currency"],
        "status": record["status"],
        "stage_id": record["stage_id"],
        "pipeline_id": record["pipeline_id"],
        "person_id": record["person_id"],
        "active": record["status"] == "open",
        "deleted": False,
        "is_archived": record["is_archived"],
    }


OPERATIONS = [
    Operation("PUT", r"/v1/persons/{id:\d+}/merge", 40, ("contacts:full",), partial(_merge, entity="person")),
    Operation(
        "PUT",
        r"/v1/organizations/{id:\d+}/merge",
        40,
        ("contacts:full",),
        partial(_merge, entity="organization"),
    ),
    Operation("PUT", r"/v1/deals/{id:\d+}/merge", 40, ("deals:full",), partial(_merge, entity="deal")),
]
