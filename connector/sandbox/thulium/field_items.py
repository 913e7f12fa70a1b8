"""Repeating groups of special fields, such as the orders of a customer, and their rows.

Vendor pages: https://api.thulium.com/docs/api/customer_field_group_items/post_customer_field_group_items and its
neighbours; their sample of the list shows groups, so the keys of a listed row are our reading.
"""

from __future__ import annotations

from connector.sandbox.thulium.api import Ask, Created, Route
from connector.sandbox.thulium.crm_api import find
from connector.sandbox.thulium.state import FieldGroup, FieldItem
from connector.sandbox.thulium.wire import ApiError, Body


def list_field_groups(ask: Ask) -> object:
    """`GET customer_field_groups`: repeating groups of special fields."""
    groups = ask.system.field_groups
    limit, offset = ask.page(1000)
    rows = [
        {
            "group_id": group.id,
            "name": group.name,
            "fields": [{"field_id": ref, "name": name} for ref, name in group.fields.items()],
        }
        for group in groups.values()
    ]
    return {"count": len(groups), "result": rows[offset : offset + limit]}


def _item(ask: Ask, item: FieldItem) -> dict[str, object]:
    shape, names = ask.system.switches.field_items_shape, ask.system.field_groups[item.group_id].fields
    whose = {"group_id": item.group_id, "customer_id": item.customer_id}
    values: object = [{"field_id": ref, "value": value} for ref, value in item.values.items()]
    if shape == "named":
        values = {names[ref]: value for ref, value in item.values.items() if ref in names}
    return {"item_id": item.id, **({} if shape == "bare" else whose), "values": values}


def list_field_items(ask: Ask) -> object:
    """`GET customer_field_group_items`, 1000 rows at most."""
    limit, offset = ask.page(1000)
    group, customer = ask.query.get("group_id"), ask.query.get("customer_id")
    rows = [
        item
        for item in ask.system.field_items.values()
        if group in (None, str(item.group_id)) and customer in (None, str(item.customer_id))
    ]
    return {"count": len(rows), "result": [_item(ask, item) for item in rows[offset : offset + limit]]}


def _values(group: FieldGroup, body: Body) -> dict[int, object]:
    if "values" not in body:
        raise ApiError(400, "Parameter is required", "values")
    values: dict[int, object] = {}
    for row in body.rows("values"):
        ref = row.number("field_id")
        if ref not in group.fields:
            raise ApiError(400, "Invalid value", "field_id")
        values[ref] = row.values.get("value")
    return values


def post_field_item(ask: Ask) -> Created:
    """`POST customer_field_group_items`"""
    group_id, customer_id = ask.body.number("group_id"), ask.body.number("customer_id")
    if group_id not in ask.system.field_groups:
        raise ApiError(400, "Invalid value", "group_id")
    if customer_id not in ask.system.customers:
        raise ApiError(400, "Invalid value", "customer_id")
    values = _values(ask.system.field_groups[group_id], ask.body)
    item = FieldItem(next(ask.system.numbers), group_id, customer_id, values)
    ask.system.field_items[item.id] = item
    return Created({"item_id": item.id})


def put_field_item(ask: Ask) -> None:
    """`PUT customer_field_group_items/:id`: fields that are not named are emptied, or by a switch stay."""
    item = find(ask, ask.system.field_items)
    values = _values(ask.system.field_groups[item.group_id], ask.body)
    item.values = {**item.values, **values} if ask.system.switches.field_items_merge else values


def delete_field_item(ask: Ask) -> None:
    """`DELETE customer_field_group_items/:id`."""
    del ask.system.field_items[find(ask, ask.system.field_items).id]


ROUTES: tuple[Route, ...] = (
    ("GET", "customer_field_groups", list_field_groups),
    ("GET", "customer_field_group_items", list_field_items),
    ("POST", "customer_field_group_items", post_field_item),
    ("PUT", "customer_field_group_items/:id", put_field_item),
    ("DELETE", "customer_field_group_items/:id", delete_field_item),
)
