"""Search: persons, organizations, deals, all of them, and by one field.

A term is looked for as it stands, whatever the case; phones are not normalised. Notes are not indexed (there are
none). The index lags behind by the configured delay.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from typing import TypeAlias

from aiohttp import web

from connector.sandbox.pipedrive.access import Call, Operation, ok
from connector.sandbox.pipedrive.errors import invalid
from connector.sandbox.pipedrive.queries import (
    Reader,
    choice,
    flag,
    plain,
    read_cursor,
    read_query,
    up_to,
    whole,
    words,
    write_cursor,
)
from connector.sandbox.pipedrive.records import visible
from connector.sandbox.pipedrive.state import Company, stamp
from connector.sandbox.wire import Object

Match: TypeAlias = Callable[[str], bool]
_SEARCHABLE = ("address", "varchar", "text", "varchar_auto", "double", "monetary", "phone")
_FIELDS = {
    "person": ("name", "email", "phone", "notes", "custom_fields"),
    "organization": ("name", "address", "notes", "custom_fields"),
    "deal": ("title", "notes", "custom_fields"),
}


_TEXTS: dict[str, Callable[[Object], list[str]]] = {
    "name": lambda record: [record["name"]],
    "title": lambda record: [record["title"]],
    "phone": lambda record: [way["value"] for way in record["phones"]],
    "email": lambda record: [way["value"] for way in record["emails"]],
    "address": lambda record: [(record["address"] or {}).get("value") or ""],
    "notes": lambda _record: [],
    "custom_fields": lambda record: [
        str(value) for value in record["custom_fields"].values() if isinstance(value, str | int | float)
    ],
}


def _matcher(term: str, *, exact: bool) -> Match:
    wanted = term.casefold()
    return (lambda text: text.casefold() == wanted) if exact else (lambda text: wanted in text.casefold())


def _term(query: Object) -> str:
    term: str = query.get("term", "")
    if len(term.strip()) < (1 if query.get("exact_match") else 2):
        raise invalid("term: must be at least 2 characters, or 1 with exact_match")
    return term


def _hits(call: Call, entity: str, query: Object) -> Iterator[Object]:
    """Records that match, oldest first."""
    world, company, user = call.world, call.company, call.user
    texts = [_TEXTS[f] for f in query.get("fields") or _FIELDS[entity] if f in _FIELDS[entity]]
    matches = _matcher(_term(query), exact=query.get("exact_match", False))
    delay = world.config.search_delay_seconds
    newest = stamp(world.clock.now() - timedelta(seconds=delay)) if delay else "~"
    for record in company.table(entity).records.values():
        if (
            _found(record, texts, matches)
            and not record["is_deleted"]
            and record["update_time"] <= newest
            and _narrowed(record, query)
            and visible(company, user, entity, record)
        ):
            yield record


def _found(record: Object, texts: list[Callable[[Object], list[str]]], matches: Match) -> bool:
    for read in texts:
        for text in read(record):
            if matches(text):
                return True
    return False


def _narrowed(record: Object, query: Object) -> bool:
    keys = (("organization_id", "org_id"), ("person_id", "person_id"), ("status", "status"))
    return all(name not in query or record[key] == query[name] for name, key in keys)


def _reference(company: Company, entity: str, record_id: int | None) -> Object | None:
    record = company.table(entity).records.get(record_id) if record_id is not None else None
    return None if record is None else {"id": record["id"], "name": record["name"]}


def _item(company: Company, entity: str, record: Object) -> Object:
    shared: Object = {
        "id": record["id"],
        "type": entity,
        "visible_to": record["visible_to"],
        "owner": {"id": record["owner_id"]},
        "custom_fields": _TEXTS["custom_fields"](record),
        "notes": [],
    }
    if entity == "person":
        return shared | {
            "name": record["name"],
            "phones": _TEXTS["phone"](record),
            "emails": _TEXTS["email"](record),
            "organization": _reference(company, "organization", record["org_id"]),
        }
    if entity == "organization":
        return shared | {"name": record["name"], "address": (record["address"] or {}).get("value")}
    return shared | {
        "title": record["title"],
        "value": int(record["value"]),
        "currency": record["currency"],
        "status": record["status"],
        "is_archived": record["is_archived"],
        "stage": _reference(company, "stage", record["stage_id"]),
        "person": _reference(company, "person", record["person_id"]),
        "organization": _reference(company, "organization", record["org_id"]),
    }


def _answer(call: Call, found: list[tuple[str, Object]], query: Object, **more: object) -> web.Response:
    start: int = read_cursor(query["cursor"]).get("start", 0) if "cursor" in query else 0
    limit: int = query.get("limit", 100)
    exact = query.get("exact_match", False)
    items = [
        {"result_score": 1.2 if exact else 0.51, "item": _item(call.company, entity, record)}
        for entity, record in found[start : start + limit]
    ]
    cursor = write_cursor(start=start + limit) if start + limit < len(found) else None
    return ok({"items": items, **more}, additional_data={"next_cursor": cursor})


def _readers(fields: tuple[str, ...], most: int = 500) -> dict[str, Reader]:
    return {
        "term": plain,
        "fields": words(fields),
        "exact_match": flag,
        "include_fields": words(),
        "limit": up_to(most),
        "cursor": plain,
    }


_NARROW: dict[str, dict[str, Reader]] = {
    "person": {"organization_id": whole},
    "organization": {},
    "deal": {"person_id": whole, "organization_id": whole, "status": choice("open", "won", "lost")},
}


async def _search(call: Call, entity: str) -> web.Response:
    query = read_query(call.request, _readers(_FIELDS[entity]) | _NARROW[entity])
    return _answer(call, [(entity, record) for record in _hits(call, entity, query)], query)


_ITEM_TYPES = ("deal", "person", "organization", "product", "lead", "file", "mail_attachment", "project")
_ITEM_FIELDS = ("address", "code", "custom_fields", "email", "name", "notes", "phone", "title", "description")


async def _search_items(call: Call) -> web.Response:
    readers = _readers(_ITEM_FIELDS, most=100)
    readers |= {"item_types": words(_ITEM_TYPES), "search_for_related_items": flag}
    query = read_query(call.request, readers)
    wanted = [entity for entity in _FIELDS if entity in query.get("item_types", _FIELDS)]
    found = [(entity, record) for entity in wanted for record in _hits(call, entity, query)]
    if not query.get("search_for_related_items"):
        return _answer(call, found, query)
    related = [
        _related(call.company, record) for entity, record in found if entity == "person" and record["org_id"]
    ]
    return _answer(call, found, query, related_items=related)


def _related(company: Company, record: Object) -> Object:
    organization = company.organizations.records[record["org_id"]]
    return {"result_score": 0, "item": _item(company, "organization", organization)}


async def _search_field(call: Call) -> web.Response:
    readers: dict[str, Reader] = {
        "term": plain,
        "entity_type": choice("deal", "lead", "person", "organization", "product", "project"),
        "match": choice("exact", "beginning", "middle"),
        "field": plain,
        "limit": up_to(500),
        "cursor": plain,
    }
    query = read_query(call.request, readers)
    for name in ("term", "entity_type", "field"):
        if not query.get(name):
            raise invalid(f"{name}: is a required field")
    term, entity, field = query["term"], query["entity_type"], query["field"]
    match = query.get("match", "exact")
    if len(term) < (1 if match == "exact" else 2):
        raise invalid("term: must be at least 2 characters, or 1 with match=exact")
    if entity not in _FIELDS:
        return ok([], additional_data={"next_cursor": None})
    definition = call.company.fields[entity].get(field)
    if definition is None or definition["field_type"] not in _SEARCHABLE:
        raise invalid(f"field: '{field}' cannot be searched")
    tests: dict[str, Match] = {
        "exact": lambda text: text == term,
        "beginning": lambda text: text.startswith(term),
        "middle": lambda text: term in text,
    }
    found = [
        {"id": record["id"], field: value}
        for record in call.company.table(entity).records.values()
        if not record["is_deleted"] and visible(call.company, call.user, entity, record)
        for value in _field_texts(record, field)
        if tests[match](value)
    ]
    start: int = read_cursor(query["cursor"]).get("start", 0) if "cursor" in query else 0
    end = start + query.get("limit", 100)
    cursor = write_cursor(start=end) if end < len(found) else None
    return ok(found[start:end], additional_data={"next_cursor": cursor})


def _field_texts(record: Object, field: str) -> list[str]:
    if field in ("name", "title", "phone", "email", "address"):
        return _TEXTS[field](record)
    value = record["custom_fields"].get(field, record.get(field))
    if isinstance(value, dict):
        value = value.get("value")
    return [] if value is None else [str(value)]


_CONTACTS = ("contacts:read", "contacts:full", "search:read")
_DEALS = ("deals:read", "deals:full", "search:read")
OPERATIONS = [
    Operation("GET", "/api/v2/persons/search", 20, _CONTACTS, partial(_search, entity="person"), search=True),
    Operation(
        "GET",
        "/api/v2/organizations/search",
        20,
        _CONTACTS,
        partial(_search, entity="organization"),
        search=True,
    ),
    Operation("GET", "/api/v2/deals/search", 20, _DEALS, partial(_search, entity="deal"), search=True),
    Operation("GET", "/api/v2/itemSearch", 20, ("search:read",), _search_items, search=True),
    Operation("GET", "/api/v2/itemSearch/field", 20, ("search:read",), _search_field, search=True),
]
