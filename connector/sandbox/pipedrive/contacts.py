"""Persons and organizations.

Keys of contact sync (`im`, `postal_address`, `notes`, `birthday`, `job_title`) exist only in companies with
`contact_sync`. Two primary numbers in one request are refused (the vendor does not say what it does).
"""

from __future__ import annotations

import re
from functools import partial

from connector.sandbox.pipedrive.checks import (
    Keys,
    address,
    anything,
    boolean,
    filled,
    full_address,
    integer,
    items,
    nullable,
    one_of,
    shape,
    string,
    written_time,
)
from connector.sandbox.pipedrive.errors import bad_request, invalid
from connector.sandbox.pipedrive.fields import checked_values, merged_values, show_with_fields
from connector.sandbox.pipedrive.queries import Seen, whole
from connector.sandbox.pipedrive.records import (
    FIELD_QUERY,
    Actor,
    Entity,
    alive,
    equals,
    linked,
    operations,
    owner_of,
)
from connector.sandbox.pipedrive.state import Company
from connector.sandbox.wire import Object

LONGEST_NAME = 255
_BETWEEN_DIGITS = re.compile(r"[\s().-]+")
_INTERNATIONAL = re.compile(r"\+\d{8,15}")
_WAYS = items(shape({"value": string, "primary": boolean, "label": string}, required=("value",)))
_CUSTOM = nullable(lambda value: None if isinstance(value, dict) else "Expected object")
_SYNC_KEYS: Keys = {
    "im": _WAYS,
    "postal_address": nullable(address),
    "notes": nullable(string),
    "birthday": nullable(string),
    "job_title": nullable(string),
}
_PERSON_KEYS: Keys = {
    "name": filled,
    "first_name": filled,
    "last_name": nullable(string),
    "owner_id": integer,
    "org_id": nullable(integer),
    "emails": _WAYS,
    "phones": _WAYS,
    "visible_to": one_of(1, 3, 5, 7),
    "label_ids": items(integer),
    "custom_fields": _CUSTOM,
    "marketing_status": anything,
    **_SYNC_KEYS,
}
_ORGANIZATION_KEYS: Keys = {
    "name": filled,
    "owner_id": integer,
    "visible_to": one_of(1, 3, 5, 7),
    "label_ids": items(integer),
    "address": nullable(address),
    "website": nullable(string),
    "linkedin": nullable(string),
    "industry": nullable(integer),
    "annual_revenue": nullable(integer),
    "employee_count": nullable(integer),
    "custom_fields": _CUSTOM,
}
_ON_CREATE: Keys = {"add_time": written_time}


def default_visibility(company: Company) -> int:
    """Who sees a new record: the entire company, whose number depends on the plan."""
    return 3 if company.plan in ("lite", "growth") else 7


def check_visibility(company: Company, body: Object) -> None:
    """Refuse a visibility that the plan does not have."""
    if body.get("visible_to") in (5, 7) and company.plan in ("lite", "growth"):
        raise invalid("visible_to: Expected one of 1, 3")


def _name(company: Company, sent: str) -> str:
    if len(sent) > LONGEST_NAME and company.long_names == "refused":
        raise invalid(f"name: Expected at most {LONGEST_NAME} characters")
    return sent[:LONGEST_NAME]


def _spaced(number: str) -> str:
    """A number with its country's digits apart and the rest in threes, as `phone_format` asks."""
    plain = _BETWEEN_DIGITS.sub("", number)
    if not _INTERNATIONAL.fullmatch(plain):
        return number
    return " ".join((plain[:3], *(plain[at : at + 3] for at in range(3, len(plain), 3))))


def _ways(company: Company, body: Object, key: str) -> list[Object]:
    sent: list[Object] = [item for item in body[key] if item["value"]]
    if sum(bool(item.get("primary")) for item in sent) > 1:
        raise bad_request(f"Only one of {key} can be primary")
    chosen = next((item for item in sent if item.get("primary")), sent[0] if sent else None)
    show = _spaced if key == "phones" and company.phone_format == "spaced" else str
    return [
        {"value": show(item["value"]), "primary": item is chosen, "label": item.get("label") or "work"}
        for item in sent
    ]


def _names(company: Company, body: Object, old: Object) -> Object:
    """A person's three names from whichever were sent."""
    if "name" in body:
        name = _name(company, body["name"].strip())
        given, _, family = name.partition(" ")
        return {"name": name, "first_name": given, "last_name": family or None}
    first, last = body.get("first_name", old.get("first_name")), body.get("last_name", old.get("last_name"))
    return {
        "name": _name(company, " ".join(filter(None, (first, last)))),
        "first_name": first,
        "last_name": last or None,
    }


def _guard_person(actor: Actor, record: Object | None, body: Object) -> None:
    if not actor.company.contact_sync and (extra := _SYNC_KEYS.keys() & body.keys()):
        key = min(extra)
        raise invalid(f"{key}: Parameter '{key}' is not allowed for this request")
    if "marketing_status" in body:
        raise bad_request("marketing_status needs the Campaigns add-on")
    check_visibility(actor.company, body)
    if record is None and not body.get("name") and not (body.get("first_name") and body.get("last_name")):
        raise invalid("name: is a required field")


def _read_person(actor: Actor, body: Object, old: Object) -> Object:
    values: Object = {key: body[key] for key in ("visible_to", "label_ids", *_SYNC_KEYS) if key in body}
    if body.keys() & {"name", "first_name", "last_name"}:
        values |= _names(actor.company, body, old)
    if "owner_id" in body:
        values["owner_id"] = owner_of(actor, body)
    if "org_id" in body:
        values["org_id"] = linked(actor, "organization", body["org_id"])
    for key in ("phones", "emails", "im"):
        if key in body:
            values[key] = _ways(actor.company, body, key)
    if values.get("postal_address"):
        values["postal_address"] = full_address(values["postal_address"])
    if body.get("custom_fields"):
        checked = checked_values(actor.company, "person", body["custom_fields"])
        values["custom_fields"] = merged_values(old, checked)
    return values


def new_person(company: Company) -> Object:
    """A person without values."""
    record: Object = {
        "name": "",
        "first_name": None,
        "last_name": None,
        "owner_id": None,
        "org_id": None,
        "add_time": None,
        "update_time": None,
        "emails": [],
        "phones": [],
        "is_deleted": False,
        "visible_to": default_visibility(company),
        "label_ids": [],
        "picture_id": None,
        "custom_fields": {},
    }
    if company.contact_sync:
        record |= {"im": [], "postal_address": None, "notes": None, "birthday": None, "job_title": None}
    return record


def _build_person(actor: Actor, body: Object) -> Object:
    record = new_person(actor.company)
    return {**record, "owner_id": actor.user.id, **_read_person(actor, body, record)}


def _change_person(actor: Actor, record: Object, body: Object) -> Object:
    return _read_person(actor, body, record)


def _wanted_persons(company: Company, query: Object) -> list[Seen]:
    tests = equals(query, "owner_id", "org_id")
    if "deal_id" in query:
        deal = company.deals.records.get(query["deal_id"], {})
        tests += equals({"id": deal.get("person_id")}, "id")
    return tests


def _guard_organization(actor: Actor, _record: Object | None, body: Object) -> None:
    check_visibility(actor.company, body)


_ORGANIZATION_PLAIN = (
    "name",
    "visible_to",
    "label_ids",
    "website",
    "linkedin",
    "industry",
    "annual_revenue",
    "employee_count",
)


def _read_organization(actor: Actor, body: Object, old: Object) -> Object:
    values: Object = {key: body[key] for key in _ORGANIZATION_PLAIN if key in body}
    if "name" in body:
        values["name"] = _name(actor.company, body["name"])
    if "owner_id" in body:
        values["owner_id"] = owner_of(actor, body)
    if "address" in body:
        values["address"] = None if body["address"] is None else full_address(body["address"])
    if body.get("custom_fields"):
        checked = checked_values(actor.company, "organization", body["custom_fields"])
        values["custom_fields"] = merged_values(old, checked)
    return values


def new_organization(company: Company) -> Object:
    """An organization without values."""
    return {
        "name": "",
        "owner_id": None,
        "add_time": None,
        "update_time": None,
        "is_deleted": False,
        "visible_to": default_visibility(company),
        "label_ids": [],
        "address": None,
        "website": None,
        "linkedin": None,
        "industry": None,
        "annual_revenue": None,
        "employee_count": None,
        "custom_fields": {},
    }


def _build_organization(actor: Actor, body: Object) -> Object:
    record = new_organization(actor.company)
    return {**record, "owner_id": actor.user.id, **_read_organization(actor, body, record)}


def _change_organization(actor: Actor, record: Object, body: Object) -> Object:
    return _read_organization(actor, body, record)


PERSON = Entity(
    name="person",
    plural="persons",
    scope="contacts",
    keys=_PERSON_KEYS | _ON_CREATE,
    patch_keys=_PERSON_KEYS,
    required=(),
    build=_build_person,
    change=_change_person,
    filters={"org_id": whole, "deal_id": whole},
    wanted=_wanted_persons,
    show=partial(show_with_fields, "person"),
    guard=_guard_person,
)
ORGANIZATION = Entity(
    name="organization",
    plural="organizations",
    scope="contacts",
    keys=_ORGANIZATION_KEYS | _ON_CREATE,
    patch_keys=_ORGANIZATION_KEYS,
    required=("name",),
    build=_build_organization,
    change=_change_organization,
    filters={},
    wanted=lambda _company, query: equals(query, "owner_id"),
    show=partial(show_with_fields, "organization"),
    guard=_guard_organization,
)
OPERATIONS = [*operations(PERSON, FIELD_QUERY, [alive]), *operations(ORGANIZATION, FIELD_QUERY, [alive])]
