"""Fields of persons, organizations and deals: definitions, codes of 40 hex digits, and checks of values.

Simpler than the vendor: only the built-in fields an integration meets are listed.
"""

from __future__ import annotations

import hashlib

from connector.sandbox.pipedrive.checks import (
    ADDRESS,
    Check,
    address,
    day,
    full_address,
    integer,
    items,
    nullable,
    number,
    shape,
    string,
    time_of_day,
)
from connector.sandbox.pipedrive.errors import invalid
from connector.sandbox.pipedrive.state import Company
from connector.sandbox.wire import Object

BUILT_IN = {
    "person": {
        "id": ("ID", "int"),
        "name": ("Name", "varchar"),
        "label_ids": ("Labels", "set"),
        "phone": ("Phone", "phone"),
        "email": ("Email", "varchar"),
        "org_id": ("Organization", "org"),
        "owner_id": ("Owner", "user"),
        "visible_to": ("Visible to", "visible_to"),
        "add_time": ("Person created", "date"),
        "update_time": ("Update time", "date"),
    },
    "organization": {
        "id": ("ID", "int"),
        "name": ("Name", "varchar"),
        "label_ids": ("Labels", "set"),
        "address": ("Address", "address"),
        "website": ("Website", "varchar"),
        "owner_id": ("Owner", "user"),
        "visible_to": ("Visible to", "visible_to"),
        "add_time": ("Organization created", "date"),
        "update_time": ("Update time", "date"),
    },
    "deal": {
        "id": ("ID", "int"),
        "title": ("Title", "varchar"),
        "value": ("Value", "monetary"),
        "status": ("Status", "status"),
        "stage_id": ("Stage", "stage"),
        "person_id": ("Contact person", "people"),
        "org_id": ("Organization", "org"),
        "owner_id": ("Owner", "user"),
        "label_ids": ("Labels", "set"),
        "visible_to": ("Visible to", "visible_to"),
        "add_time": ("Deal created", "date"),
        "update_time": ("Update time", "date"),
    },
}
_MONEY = shape({"value": number, "currency": string}, required=("value", "currency"))
_DATES = shape({"value": day, "until": nullable(day)}, required=("value",))
_TIME = shape({"value": time_of_day, "timezone_id": nullable(integer)}, required=("value",))
_TIMES = shape(
    {"value": time_of_day, "until": nullable(time_of_day), "timezone_id": nullable(integer)},
    required=("value",),
)
_VALUES: dict[str, Check] = {
    "varchar": lambda value: (
        string(value) or ("Expected at most 255 characters" if len(str(value)) > 255 else None)
    ),
    "varchar_auto": string,
    "text": string,
    "phone": string,
    "double": number,
    "monetary": _MONEY,
    "user": integer,
    "org": integer,
    "people": integer,
    "date": day,
    "daterange": _DATES,
    "time": _TIME,
    "timerange": _TIMES,
    "address": address,
}


def add_field(
    company: Company, entity: str, name: str, kind: str, options: list[str] | None = None
) -> Object:
    """Define a custom field; its code depends on the company and the number of fields made before."""
    fields = company.fields[entity]
    code = hashlib.sha1(f"{company.id}/{entity}/{len(fields)}/{name}".encode()).hexdigest()  # noqa: S324 - a code, no secret
    fields[code] = {
        "field_code": code,
        "field_name": name,
        "field_type": kind,
        "is_custom_field": True,
        "is_optional_response_field": False,
        "options": None
        if options is None
        else [{"id": next(company.option_ids), "label": o} for o in options],
        "subfields": _subfields(code, kind),
        **({"description": ""} if entity == "deal" else {}),
    }
    _renew(company, entity)
    return fields[code]


def visibilities(company: Company) -> list[Object]:
    """The choices of who sees a record: 3 is everybody where a plan has no groups, else the owner's group."""
    labels = {1: "Item owner", 3: "All users"}
    if company.plan not in ("lite", "growth"):
        labels |= {
            3: "Owner's visibility group",
            5: "Owner's visibility group and sub-groups",
            7: "All users",
        }
    return [{"id": number, "label": label} for number, label in labels.items()]


def add_built_in_fields(company: Company) -> None:
    """Give a new company the fields that every company has."""
    for entity, fields in BUILT_IN.items():
        company.fields[entity] = {
            code: {
                "field_code": code,
                "field_name": name,
                "field_type": kind,
                "is_custom_field": False,
                "is_optional_response_field": False,
                "options": [] if kind in ("set", "enum") else None,
                "subfields": None,
                **({"description": ""} if entity == "deal" else {}),
            }
            for code, (name, kind) in fields.items()
        }
        _renew(company, entity)


def remove_field(company: Company, entity: str, code: str) -> Object:
    """Delete a custom field and its values."""
    definition = company.fields[entity].pop(code)
    for record in company.table(entity).records.values():
        record["custom_fields"].pop(code, None)
    _renew(company, entity)
    return definition


def _renew(company: Company, entity: str) -> None:
    fields = company.fields[entity].values()
    company.empty_fields[entity] = dict.fromkeys(f["field_code"] for f in fields if f["is_custom_field"])


def _subfields(code: str, kind: str) -> list[Object] | None:
    parts = {
        "monetary": [("currency", "varchar")],
        "daterange": [("until", "date")],
        "time": [("timezone_id", "int")],
        "timerange": [("until", "time"), ("timezone_id", "int")],
        "address": [(name, "varchar") for name in ADDRESS if name != "value"],
    }.get(kind)
    if parts is None:
        return None
    return [
        {
            "field_code": f"{code}_{part}",
            "field_name": part.replace("_", " ").capitalize(),
            "field_type": part_kind,
        }
        for part, part_kind in parts
    ]


def checked_values(company: Company, entity: str, values: Object) -> Object:
    """Check what a body sends under `custom_fields`; null stays null and clears. Refused(400) names the field."""
    fields, checked = company.fields[entity], {}
    for code, value in values.items():
        definition = fields.get(code)
        if definition is None or not definition["is_custom_field"]:
            raise invalid(f"{code}: Parameter '{code}' is not allowed for this request")
        if value is not None and (problem := _problem(definition, value)):
            raise invalid(f"custom_fields.{code}: {problem}")
        checked[code] = _normalised(definition["field_type"], value)
    return checked


def _problem(definition: Object, value: object) -> str | None:
    kind = definition["field_type"]
    if kind not in ("enum", "set"):
        return _VALUES[kind](value)
    known = {option["id"] for option in definition["options"]}
    if kind == "enum":
        return integer(value) or (None if value in known else f"Option {value} does not exist")
    if problem := items(integer)(value):
        return problem
    if not isinstance(value, list) or not value:
        return "Expected a non-empty array; null clears the field"
    return None if set(value) <= known else f"Option {min(set(value) - known)} does not exist"


def _normalised(kind: str, value: object) -> object:
    if not isinstance(value, dict):
        return value
    if kind == "address":
        return full_address(value)
    if kind in ("time", "timerange"):
        return {"timezone_id": None, **value}
    return value


def merged_values(record: Object, checked: Object) -> Object:
    """The values of a record after a change: null removes, the rest replaces."""
    values = {**record["custom_fields"], **checked}
    return {code: value for code, value in values.items() if value is not None}


def show_with_fields(entity: str, company: Company, record: Object, query: Object) -> Object:
    """A record as v2 answers it: with every custom field of the company, most of them null, or the named ones."""
    values = {**company.empty_fields[entity], **record["custom_fields"]}
    if (names := query.get("custom_fields")) is not None:
        values = {code: values[code] for code in names if code in values}
    return {**record, "custom_fields": values}
