"""Deals, pipelines and stages. Probabilities, products and revenue items are not worked out."""

from __future__ import annotations

from functools import partial

from aiohttp import web

from connector.sandbox.pipedrive.access import Call, Operation, ok
from connector.sandbox.pipedrive.checks import (
    Keys,
    boolean,
    day,
    filled,
    integer,
    items,
    nullable,
    number,
    one_of,
    string,
    written_time,
)
from connector.sandbox.pipedrive.contacts import check_visibility, default_visibility
from connector.sandbox.pipedrive.errors import bad_request, forbidden, not_found
from connector.sandbox.pipedrive.fields import checked_values, merged_values, show_with_fields
from connector.sandbox.pipedrive.queries import Reader, Seen, page, paging, read_query, whole, words
from connector.sandbox.pipedrive.records import (
    FIELD_QUERY,
    LIST_QUERY,
    Actor,
    Entity,
    alive,
    equals,
    linked,
    listing,
    operations,
    owner_of,
)
from connector.sandbox.pipedrive.state import Company
from connector.sandbox.wire import Object

KEYS: Keys = {
    "title": filled,
    "owner_id": integer,
    "person_id": nullable(integer),
    "org_id": nullable(integer),
    "pipeline_id": integer,
    "stage_id": integer,
    "value": nullable(number),
    "currency": lambda value: (
        None if isinstance(value, str) and len(value) == 3 else "Expected a currency code"
    ),
    "status": one_of("open", "won", "lost"),
    "probability": nullable(number),
    "lost_reason": nullable(string),
    "close_time": nullable(written_time),
    "won_time": nullable(written_time),
    "lost_time": nullable(written_time),
    "expected_close_date": nullable(day),
    "visible_to": one_of(1, 3, 5, 7),
    "label_ids": items(integer),
    "is_deleted": boolean,
    "is_archived": boolean,
    "archive_time": nullable(string),
    "custom_fields": nullable(lambda value: None if isinstance(value, dict) else "Expected object"),
}
_PLAIN = (
    "title",
    "value",
    "currency",
    "status",
    "probability",
    "lost_reason",
    "close_time",
    "won_time",
    "lost_time",
    "expected_close_date",
    "visible_to",
    "label_ids",
    "is_archived",
)


def _guard(actor: Actor, record: Object | None, body: Object) -> None:
    if body.get("is_deleted") is True:
        raise bad_request("A deal can be deleted by DELETE only")
    if record is not None and record["is_archived"] and body.get("is_archived") is not False:
        raise bad_request("Archived deals are read-only")
    check_visibility(actor.company, body)
    cap = actor.company.caps.get("open_deals")
    if record is None and cap is not None:
        open_deals = sum(d["status"] == "open" and alive(d) for d in actor.company.deals.records.values())
        if open_deals >= cap:
            raise forbidden(
                "You have reached the open deals limit of your plan", "feature_capping_deals_limit"
            )


def _read(actor: Actor, body: Object, old: Object) -> Object:
    values: Object = {key: body[key] for key in _PLAIN if key in body}
    if "value" in values:
        values["value"] = values["value"] or 0
    if "owner_id" in body:
        values["owner_id"] = owner_of(actor, body)
    for key, entity in (("person_id", "person"), ("org_id", "organization")):
        if key in body:
            values[key] = linked(actor, entity, body[key])
    if "stage_id" in body or "pipeline_id" in body:
        values |= _place(actor.company, body)
    if body.get("lost_reason") and values.get("status", old["status"]) != "lost":
        raise bad_request("lost_reason can be set for lost deals only")
    if body.get("custom_fields"):
        checked = checked_values(actor.company, "deal", body["custom_fields"])
        values["custom_fields"] = merged_values(old, checked)
    return values | _closing(actor, values, old)


def _closing(actor: Actor, values: Object, old: Object) -> Object:
    """The times that follow from a change of status."""
    status = values.get("status", old["status"])
    if status == old["status"]:
        return {}
    now = actor.world.stamp()
    given = values.get(f"{status}_time") or values.get("close_time")
    return {
        "won_time": given or now if status == "won" else None,
        "lost_time": given or now if status == "lost" else None,
        "close_time": given or now if status != "open" else None,
    }


def _place(company: Company, body: Object) -> Object:
    """Stage and pipeline that belong together."""
    if "stage_id" not in body:
        return first_stage(company, body["pipeline_id"])
    stage = company.stages.records.get(body["stage_id"])
    if stage is None or stage["is_deleted"]:
        raise bad_request(f"Stage {body['stage_id']} not found")
    if body.get("pipeline_id", stage["pipeline_id"]) != stage["pipeline_id"]:
        raise bad_request(f"Stage {stage['id']} does not belong to pipeline {body['pipeline_id']}")
    return {"stage_id": stage["id"], "pipeline_id": stage["pipeline_id"]}


def first_stage(company: Company, pipeline_id: int | None = None) -> Object:
    """Where a deal begins: the first stage of a pipeline, by default of the first pipeline."""
    pipelines = sorted(filter(alive, company.pipelines.records.values()), key=lambda p: p["order_nr"])
    if pipeline_id is None and pipelines:
        pipeline_id = pipelines[0]["id"]
    stages = [s for s in company.stages.records.values() if alive(s) and s["pipeline_id"] == pipeline_id]
    if not stages:
        raise bad_request(f"Pipeline {pipeline_id} not found")
    return {"stage_id": min(stages, key=lambda s: s["order_nr"])["id"], "pipeline_id": pipeline_id}


def new_deal(company: Company) -> Object:
    """A deal without values."""
    return {
        "title": "",
        "creator_user_id": None,
        "owner_id": None,
        "value": 0,
        "person_id": None,
        "org_id": None,
        "stage_id": None,
        "pipeline_id": None,
        "currency": company.currency,
        "add_time": None,
        "update_time": None,
        "stage_change_time": None,
        "status": "open",
        "is_archived": False,
        "archive_time": None,
        "is_deleted": False,
        "probability": None,
        "lost_reason": None,
        "visible_to": default_visibility(company),
        "close_time": None,
        "won_time": None,
        "lost_time": None,
        "expected_close_date": None,
        "label_ids": [],
        "origin": "API",
        "origin_id": None,
        "channel": None,
        "channel_id": None,
        "acv": None,
        "arr": None,
        "mrr": None,
        "custom_fields": {},
    }


def _build(actor: Actor, body: Object) -> Object:
    record = new_deal(actor.company)
    values = _read(actor, body, record)
    if "stage_id" not in values:
        values |= first_stage(actor.company)
    origin = "API" if actor.source == "api" else "ManuallyCreated"
    return {
        **record,
        "creator_user_id": actor.user.id,
        "owner_id": actor.user.id,
        "stage_change_time": actor.world.stamp(),
        "origin": origin,
        **values,
    }


def _change(actor: Actor, record: Object, body: Object) -> Object:
    changes = _read(actor, body, record)
    if changes.get("stage_id", record["stage_id"]) != record["stage_id"]:
        changes["stage_change_time"] = actor.world.stamp()
    if "is_archived" in body and body["is_archived"] != record["is_archived"]:
        changes["archive_time"] = actor.world.stamp() if body["is_archived"] else None
    return changes


def _wanted(_company: Company, query: Object) -> list[Seen]:
    tests = equals(query, "owner_id", "person_id", "org_id", "pipeline_id", "stage_id")
    statuses = frozenset(query.get("status", ()))
    tests.append(lambda record: _status(record) in statuses if statuses else not record["is_deleted"])
    return tests


def _status(record: Object) -> str:
    return "deleted" if record["is_deleted"] else record["status"]


def _archived(record: Object) -> bool:
    return bool(record["is_archived"])


def _current(record: Object) -> bool:
    return not record["is_archived"]


_FILTERS: dict[str, Reader] = {
    "person_id": whole,
    "org_id": whole,
    "pipeline_id": whole,
    "stage_id": whole,
    "status": words(("open", "won", "lost", "deleted")),
}
DEAL = Entity(
    name="deal",
    plural="deals",
    scope="deals",
    keys=KEYS,
    patch_keys=KEYS,
    required=("title",),
    build=_build,
    change=_change,
    filters=_FILTERS,
    wanted=_wanted,
    show=partial(show_with_fields, "deal"),
    guard=_guard,
)


async def _list_archived(call: Call) -> web.Response:
    readers = {**LIST_QUERY, **paging(), **FIELD_QUERY, **_FILTERS}
    return listing(call, DEAL, read_query(call.request, readers), [_archived])


async def _list_pipelines(call: Call) -> web.Response:
    found, cursor = page(call.company.pipelines, read_query(call.request, paging()), alive)
    return ok(found, additional_data={"next_cursor": cursor})


async def _list_stages(call: Call) -> web.Response:
    query = read_query(call.request, {**paging("order_nr"), "pipeline_id": whole})
    tests = [alive, *equals(query, "pipeline_id")]
    found, cursor = page(call.company.stages, query, lambda record: all(test(record) for test in tests))
    return ok(found, additional_data={"next_cursor": cursor})


async def _get(call: Call, entity: str) -> web.Response:
    record = call.company.table(entity).records.get(call.id)
    if record is None:
        raise not_found(entity.capitalize())
    return ok(record)


def add_pipeline(company: Company, name: str, stages: list[str], now: str) -> Object:
    """Make a pipeline with its stages, in this order."""
    table = company.pipelines
    pipeline: Object = {
        "id": table.next_id,
        "name": name,
        "order_nr": len(table.ids) + 1,
        "is_deleted": False,
        "is_deal_probability_enabled": True,
        "add_time": now,
        "update_time": now,
    }
    table.add(pipeline)
    for order, stage in enumerate(stages, 1):
        company.stages.add(
            {
                "id": company.stages.next_id,
                "order_nr": order,
                "name": stage,
                "is_deleted": False,
                "deal_probability": 100,
                "pipeline_id": pipeline["id"],
                "is_deal_rot_enabled": False,
                "days_to_rotten": None,
                "add_time": now,
                "update_time": now,
            }
        )
    return pipeline


_READ = ("deals:read", "deals:full")
_SETUP = (*_READ, "admin")
OPERATIONS = [
    Operation("GET", "/api/v2/deals/archived", 20, _READ, _list_archived),
    *operations(DEAL, FIELD_QUERY, [_current]),
    Operation("GET", "/api/v2/pipelines", 5, _SETUP, _list_pipelines),
    Operation("GET", r"/api/v2/pipelines/{id:\d+}", 1, _SETUP, partial(_get, entity="pipeline")),
    Operation("GET", "/api/v2/stages", 5, _SETUP, _list_stages),
    Operation("GET", r"/api/v2/stages/{id:\d+}", 1, _SETUP, partial(_get, entity="stage")),
]
