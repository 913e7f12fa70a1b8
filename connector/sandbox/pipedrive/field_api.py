"""The endpoints of field definitions and of their options."""

from __future__ import annotations

from functools import partial

from aiohttp import web

from connector.sandbox.pipedrive.access import Call, Operation, ok
from connector.sandbox.pipedrive.checks import (
    Keys,
    anything,
    integer,
    items,
    nullable,
    one_of,
    shape,
    short,
    string,
    validate,
)
from connector.sandbox.pipedrive.errors import bad_request, forbidden, invalid, not_found
from connector.sandbox.pipedrive.fields import add_field, remove_field, visibilities
from connector.sandbox.pipedrive.queries import plain, read_cursor, read_query, up_to, words, write_cursor
from connector.sandbox.wire import Object

CREATABLE = [
    "varchar",
    "text",
    "double",
    "phone",
    "date",
    "daterange",
    "time",
    "timerange",
    "set",
    "enum",
    "varchar_auto",
    "address",
    "monetary",
    "org",
    "people",
    "user",
]
DETAILS = ("ui_visibility", "important_fields", "required_fields")


def _details(entity: str) -> Object:
    window: Object = {"add_visible_flag": True, "details_visible_flag": True}
    required: Object = {"enabled": False}
    if entity == "deal":
        window |= {
            "projects_detail_visible_flag": False,
            "show_in_pipelines": {"show_in_all": True, "pipeline_ids": []},
        }
        required |= {"stage_ids": [], "statuses": {}}
    else:
        window["show_in_add_deal_dialog"] = {"show": False, "order": None}
    return {
        "ui_visibility": window,
        "important_fields": {"enabled": False, "stage_ids": []},
        "required_fields": required,
    }


def _shown(call: Call, entity: str, definition: Object, query: Object) -> Object:
    details = _details(entity)
    if definition["field_type"] == "visible_to":
        definition = {**definition, "options": visibilities(call.company)}
    return {**definition, **{name: details[name] for name in query.get("include_fields", ())}}


_DETAIL_KEYS: Keys = dict.fromkeys(DETAILS, anything)
_OPTION = shape({"label": short}, required=("label",))
_CREATE: Keys = {
    "field_name": short,
    "field_type": one_of(*CREATABLE),
    "options": items(_OPTION),
    **_DETAIL_KEYS,
}
_PATCH: Keys = {"field_name": short, **_DETAIL_KEYS}
_OPTION_KEYS: dict[str, Keys] = {
    "POST": {"label": short},
    "PATCH": {"id": integer, "label": short},
    "DELETE": {"id": integer},
}
_ONLY_DEALS: Keys = {"description": nullable(string)}


def _definition(call: Call, entity: str) -> Object:
    definition = call.company.fields[entity].get(call.request.match_info["code"])
    if definition is None:
        raise not_found("Field")
    return definition


def _custom(call: Call, entity: str) -> Object:
    if not call.user.admin:
        raise forbidden("You do not have permission to change fields")
    definition = _definition(call, entity)
    if not definition["is_custom_field"]:
        raise bad_request("Built-in fields cannot be changed")
    return definition


async def _list(call: Call, entity: str) -> web.Response:
    query = read_query(call.request, {"limit": up_to(500), "cursor": plain, "include_fields": words(DETAILS)})
    limit: int = query.get("limit", 100)
    start: int = read_cursor(query["cursor"]).get("start", 0) if "cursor" in query else 0
    fields = list(call.company.fields[entity].values())
    more = write_cursor(start=start + limit) if start + limit < len(fields) else None
    shown = [_shown(call, entity, definition, query) for definition in fields[start : start + limit]]
    return ok(shown, additional_data={"next_cursor": more})


async def _get(call: Call, entity: str) -> web.Response:
    query = read_query(call.request, {"include_fields": words(DETAILS)})
    return ok(_shown(call, entity, _definition(call, entity), query))


async def _add(call: Call, entity: str) -> web.Response:
    if not call.user.admin:
        raise forbidden("You do not have permission to add fields")
    body = await call.body()
    validate(body, _CREATE | _ONLY_DEALS if entity == "deal" else _CREATE, ("field_name", "field_type"))
    cap = call.company.caps.get("custom_fields")
    made = sum(f["is_custom_field"] for fields in call.company.fields.values() for f in fields.values())
    if cap is not None and made >= cap:
        raise forbidden("You have reached the custom fields limit of your plan", "ERR_FEATURE_CAPPING")
    with_options = body["field_type"] in ("enum", "set")
    if with_options != bool(body.get("options")):
        raise invalid("options: are required for enum and set, and for nothing else")
    labels = [option["label"] for option in body.get("options", ())]
    definition = add_field(
        call.company, entity, body["field_name"], body["field_type"], labels if with_options else None
    )
    if entity == "deal":
        definition["description"] = body.get("description") or ""
    return ok(definition)


async def _patch(call: Call, entity: str) -> web.Response:
    definition, body = _custom(call, entity), await call.body()
    validate(body, _PATCH | _ONLY_DEALS if entity == "deal" else _PATCH)
    definition["field_name"] = body.get("field_name", definition["field_name"])
    if "description" in body:
        definition["description"] = body["description"] or ""
    return ok(definition)


async def _delete(call: Call, entity: str) -> web.Response:
    return ok(remove_field(call.company, entity, _custom(call, entity)["field_code"]))


async def _change_options(call: Call, entity: str) -> web.Response:
    """Add, rename or delete options: all of them or none."""
    definition, method = _custom(call, entity), call.request.method
    options: list[Object] | None = definition["options"]
    if options is None:
        raise bad_request("This field has no options")
    keys = _OPTION_KEYS[method]
    body = await call.json()
    if problem := items(shape(keys, tuple(keys)))(body):
        raise invalid(f"options: {problem}")
    assert isinstance(body, list)  # noqa: S101 - the check above saw a list
    if method == "POST":
        added = [{"id": next(call.company.option_ids), "label": item["label"]} for item in body]
        options.extend(added)
        return ok(added, additional_data=None)
    by_id = {option["id"]: option for option in options}
    if unknown := [item["id"] for item in body if item["id"] not in by_id]:
        raise bad_request(f"Option {unknown[0]} does not exist")
    named = [by_id[item["id"]] for item in body]
    if method == "DELETE":
        definition["options"] = [option for option in options if option not in named]
    else:
        for item in body:
            by_id[item["id"]]["label"] = item["label"]
    return ok(named, additional_data=None)


def _operations(entity: str, records: str, writer: str) -> list[Operation]:
    path = f"/api/v2/{entity}Fields"
    one, options = path + "/{code}", path + "/{code}/options"
    write = ("admin", writer)
    change = (f"{records}:full", *write)
    read = (f"{records}:read", *change)
    bound = partial(partial, entity=entity)
    return [
        Operation("GET", path, 10, read, bound(_list)),
        Operation("POST", path, 5, write, bound(_add)),
        Operation("GET", one, 1, read, bound(_get)),
        Operation("PATCH", one, 5, change, bound(_patch)),
        Operation("DELETE", one, 3, write, bound(_delete)),
        Operation("POST", options, 5, change, bound(_change_options)),
        Operation("PATCH", options, 5, change, bound(_change_options)),
        Operation("DELETE", options, 3, change, bound(_change_options)),
    ]


OPERATIONS = [
    *_operations("person", "contacts", "contact-fields:full"),
    *_operations("organization", "contacts", "contact-fields:full"),
    *_operations("deal", "deals", "deal-fields:full"),
]
