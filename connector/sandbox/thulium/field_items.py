"""Repeating groups of special fields, such as the orders of a customer; the keys of their rows are our reading."""

from __future__ import annotations

from connector.sandbox.thulium.api import Ask, Created, Route
from connector.sandbox.thulium.crm_api import find
from connector.sandbox.thulium.state import FieldItem
from connector.sandbox.thulium.wire import ApiError


def list_field_groups(ask: Ask) -> object:
    """`GET customer_field_groups`: repeating groups of special fields."""
    return [{"id": ref, "name": name} for ref, name in ask.system.field_groups.items()]


def _item(item: FieldItem) -> dict[str, object]:
    return {
        "id": item.id,
        "customer_field_group_id": item.group_id,
        "customer_id": item.customer_id,
        "values": item.values,
    }


def list_field_items(ask: Ask) -> object:
    """`GET customer_field_group_items`, 1000 rows at most."""
    limit, offset = ask.page(1000)
    wanted = ask.query.get("customer_id")
    rows = [item for item in ask.system.field_items.values() if wanted in (None, str(item.customer_id))]
    return {"count": len(rows), "result": [_item(item) for item in rows[offset : offset + limit]]}


def post_field_item(ask: Ask) -> Created:
    """`POST customer_field_group_items`; the keys are our reading."""
    group_id, customer_id = ask.body.number("customer_field_group_id"), ask.body.number("customer_id")
    if group_id not in ask.system.field_groups:
        raise ApiError(400, "Invalid value", "customer_field_group_id")
    if customer_id not in ask.system.customers:
        raise ApiError(400, "Invalid value", "customer_id")
    item = FieldItem(next(ask.system.numbers), group_id, customer_id, ask.body.part("values"))
    ask.system.field_items[item.id] = item
    return Created(_item(item))


def put_field_item(ask: Ask) -> None:
    """`PUT customer_field_group_items/:id`."""
    find(ask, ask.system.field_items).values.update(ask.body.part("values"))


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
