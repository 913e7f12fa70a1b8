"""Thulium's directory as records: agents, queues, topics, customers, companies, subscriptions. Pure, like `mapping`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from connector.centres.thulium.wallclock import WallClock
from connector.centres.thulium.wire import (
    Row,
    custom_of,
    first_of,
    flag_of,
    join_of,
    reference_of,
    row_key,
    special_of,
    text_of,
    values_of,
)
from connector.records import Agent, Company, Customer, FieldItem, Queue, QueueKind

_QUEUE_IDS = ("queue_id", "chat_queue_id", "ticket_queue_id", "outbound_id", "id")
_KEYS = {
    "connections": ("connection_id",),
    "chats": ("conversation_id",),
    "tickets": ("ticket_id",),
    "agents": ("login",),
    "customers": ("customer_id", "id"),
    "companies": ("company_id", "id"),
    "customer_field_groups": ("group_id", "id"),
    "customer_field_group_items": ("item_id", "id"),
}


@dataclass(frozen=True, slots=True)
class FieldGroup:
    """A repeating group of special fields; `fields` are the ids of its fields by name."""

    id: str
    fields: Mapping[str, str]


def key_for(path: str) -> Callable[[object], str]:
    """How to tell the rows of one list from each other."""
    names = _KEYS.get(path, _QUEUE_IDS)
    return lambda row: row_key(row, *names)


def read_topics(rows: Sequence[object]) -> dict[str, str]:
    """Names of topics by id, whether the list is flat or in groups."""
    names: dict[str, str] = {}
    for row in rows:
        if not isinstance(row, dict):
            continue
        if isinstance(grouped := row.get("topics"), list):
            names |= read_topics(grouped)
        elif (topic_id := first_of(row, "id", "topic_id")) and (name := first_of(row, "name", "topic_name")):
            names[topic_id] = name
    return names


def read_agent(row: Row) -> Agent | None:
    """Read https://api.thulium.com/docs/api/agents/get_agents_login; None for a row without a login."""
    login = text_of(row.get("login"))
    if login is None:
        return None
    name = join_of(row.get("name"), row.get("surname")) or login
    active = row.get("active")
    return Agent(login, name, text_of(row.get("email")), active is None or flag_of(active))


def read_queue(row: Row, kind: QueueKind) -> Queue | None:
    """Read a queue or campaign under any of the names its id may have; None for a row without one."""
    queue_id = first_of(row, *_QUEUE_IDS)
    return Queue(queue_id, first_of(row, "name", "queue_name") or queue_id, kind) if queue_id else None


def read_customer(row: Row, wall: WallClock) -> Customer | None:
    """Read https://api.thulium.com/docs/api/crm/get_customers_id; None for a row without an id."""
    customer_id = text_of(row.get("customer_id")) or text_of(row.get("id"))
    if customer_id is None:
        return None
    return Customer(
        id=customer_id,
        first_name=text_of(row.get("name")) or "",
        last_name=text_of(row.get("surname")) or "",
        phones=values_of(row, "phone_number", "phone_numbers"),
        emails=values_of(row, "email", "emails"),
        company_id=reference_of(row.get("company_id")),
        external_id=text_of(row.get("identifier")),
        is_company=flag_of(row.get("company_flag")),
        owner_agent_id=text_of(row.get("account_manager")),
        type=text_of(row.get("type")),
        group=text_of(row.get("group")),
        updated_at=wall.utc_or_none(row.get("updated_at")),
        custom=custom_of(row.get("custom_fields")),
    )


def read_company(row: Row, wall: WallClock) -> Company | None:
    """Read https://api.thulium.com/docs/api/crm/get_companies_id; None for a row without an id."""
    company_id = text_of(row.get("company_id")) or text_of(row.get("id"))
    if company_id is None:
        return None
    return Company(
        id=company_id,
        name=text_of(row.get("name")) or "",
        phones=values_of(row, "phone_number", "phone_numbers"),
        emails=values_of(row, "email", "emails"),
        tax_id=text_of(row.get("nip")),
        customer_id=reference_of(row.get("customer_id")),
        owner_agent_id=text_of(row.get("account_manager")),
        type=text_of(row.get("type")),
        group=text_of(row.get("group")),
        updated_at=wall.utc_or_none(row.get("updated_at")),
        custom=custom_of(row.get("custom_fields")),
    )


def subscription_id_of(row: Row | None) -> str | None:
    """The id of a subscription as the answer to its making tells it."""
    return text_of((row or {}).get("id"))


def read_subscriptions(rows: Sequence[object]) -> list[tuple[str, str]]:
    """Pairs of id and address. https://api.thulium.com/docs/api/webhooks/get_webhooks"""
    dicts = [row for row in rows if isinstance(row, dict)]
    return [
        (found, first_of(row, "subscription_url") or "") for row in dicts if (found := text_of(row.get("id")))
    ]


def read_field_groups(rows: Sequence[object]) -> dict[str, FieldGroup]:
    """Groups by name; of two that share one, the first."""
    groups: dict[str, FieldGroup] = {}
    for row in rows:
        if not isinstance(row, dict):
            continue
        group_id, name = first_of(row, "group_id", "id"), first_of(row, "name", "group_name")
        if group_id and name and name not in groups:
            groups[name] = FieldGroup(group_id, _fields(row.get("fields")))
    return groups


def _fields(rows: object) -> dict[str, str]:
    dicts = [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
    found: dict[str, str] = {}
    for row in dicts:
        name, field_id = first_of(row, "name", "field_name"), first_of(row, "field_id", "id")
        if name and field_id:
            found.setdefault(name, field_id)
    return found


def read_field_item(row: Row, group: FieldGroup, customer_id: str) -> FieldItem | None:
    """A row of a group; None for one without an id, and for one that says that it is of another group or customer."""
    item_id = first_of(row, "item_id", "id")
    others = {"group_id": group.id, "customer_id": customer_id}
    if item_id is None or any(text_of(row.get(key)) not in (None, one) for key, one in others.items()):
        return None
    return FieldItem(item_id, _item_values(row, group))


def _item_values(row: Row, group: FieldGroup) -> dict[str, str]:
    """Values of the group's fields by name, whether they come as a list or as an object, with a field's id or name."""
    names = {field_id: name for name, field_id in group.fields.items()}
    values = next((row[key] for key in ("values", "fields", "custom_fields") if row.get(key)), None)
    if isinstance(values, dict):
        pairs = [(str(key), special_of(value)) for key, value in values.items()]
    else:
        dicts = [value for value in values if isinstance(value, dict)] if isinstance(values, list) else []
        pairs = [
            (first_of(one, "field_id", "id", "name") or "", special_of(one.get("value"))) for one in dicts
        ]
    return {name: value for key, value in pairs if (name := names.get(key, key)) in group.fields}
