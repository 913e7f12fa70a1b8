"""Webhook bodies, version 2.0. Their `data` is not the shape of the REST API: that is the vendor's way."""

from __future__ import annotations

import uuid
from datetime import datetime

from connector.sandbox.pipedrive.hooks import precise
from connector.sandbox.pipedrive.records import visible
from connector.sandbox.pipedrive.state import Company, Event, Hook, User
from connector.sandbox.wire import Object

_PERSON = [
    "id",
    "name",
    "first_name",
    "last_name",
    "org_id",
    "owner_id",
    "emails",
    "phones",
    "picture_id",
    "add_time",
    "update_time",
]
_ORGANIZATION = [
    "id",
    "name",
    "owner_id",
    "address",
    "website",
    "linkedin",
    "industry",
    "annual_revenue",
    "employee_count",
    "add_time",
    "update_time",
]
_DEAL = [
    "id",
    "title",
    "creator_user_id",
    "owner_id",
    "value",
    "currency",
    "person_id",
    "org_id",
    "pipeline_id",
    "stage_id",
    "status",
    "probability",
    "lost_reason",
    "label_ids",
    "stage_change_time",
    "close_time",
    "won_time",
    "lost_time",
    "expected_close_date",
    "is_archived",
    "origin",
    "origin_id",
    "channel",
    "channel_id",
    "acv",
    "arr",
    "mrr",
    "add_time",
    "update_time",
]
_ACTIVITY = [
    "id",
    "subject",
    "type",
    "owner_id",
    "creator_user_id",
    "deal_id",
    "lead_id",
    "person_id",
    "org_id",
    "project_id",
    "due_date",
    "done",
    "marked_as_done_time",
    "public_description",
    "priority",
    "location",
    "add_time",
    "update_time",
]


def data(company: Company, entity: str, record: Object) -> Object:
    """A record as a webhook shows it."""
    match entity:
        case "activity":
            return {key: record[key] for key in _ACTIVITY} | {
                "active_flag": not record["is_deleted"],
                "busy_flag": record["busy"],
                "due_time": _time(record["due_time"]),
                "duration": _time(record["duration"]),
            }
        case "person":
            return _contact(company, entity, record, _PERSON)
        case "organization":
            return _contact(company, entity, record, _ORGANIZATION) | {"country_code": None}
        case "deal":
            return {key: record[key] for key in _DEAL} | {
                "visible_to": str(record["visible_to"]),
                "custom_fields": _custom(company, entity, record),
            }
    return dict(record)


def _contact(company: Company, entity: str, record: Object, keys: list[str]) -> Object:
    return {key: record[key] for key in keys} | {
        "label": record["label_ids"][0] if record["label_ids"] else None,
        "visible_to": str(record["visible_to"]),
        "custom_fields": _custom(company, entity, record),
    }


def _time(value: str | None) -> Object | None:
    return None if value is None else {"timezone_id": None, "value": value}


def _custom(company: Company, entity: str, record: Object) -> Object:
    fields, values = company.fields[entity], record["custom_fields"]
    return {
        code: _typed(fields[code]["field_type"], values.get(code)) for code in company.empty_fields[entity]
    }


def _typed(kind: str, value: object) -> Object | None:
    if value is None:
        return None
    if kind in ("enum", "user", "org", "people"):
        return {"type": kind, "id": value}
    if kind == "set" and isinstance(value, list):
        return {"type": kind, "values": [{"id": option} for option in value]}
    if isinstance(value, dict):
        ranged = kind in ("daterange", "timerange")
        return {
            "type": kind,
            **{"from" if ranged and key == "value" else key: part for key, part in value.items()},
        }
    return {"type": kind, "value": value}


def _previous(before: Object, after: Object) -> Object:
    """What changed, as it was; of the custom fields only those that changed."""
    changed = {key: value for key, value in before.items() if after.get(key) != value}
    if "custom_fields" in changed:
        changed["custom_fields"] = {
            code: value
            for code, value in before["custom_fields"].items()
            if after["custom_fields"].get(code) != value
        }
    return changed


def subject(event: Event) -> Object:
    """The record an event is about."""
    record = event.after if event.after is not None else event.before
    assert record is not None  # noqa: S101 - an event is about something
    return record


def permitted(event: Event) -> list[User]:
    """Who may see what an event is about."""
    company, record = event.company, subject(event)
    return [
        user
        for user in company.users.values()
        if user.active and visible(company, user, event.entity, record)
    ]


def payload(event: Event, event_id: str, at: datetime, host: str) -> Object:
    """The body of an event, without what depends on the webhook: see `addressed`."""
    company, record = event.company, subject(event)
    before = None if event.before is None else data(company, event.entity, event.before)
    after = None if event.after is None else data(company, event.entity, event.after)
    meta: Object = {
        "action": event.action,
        "entity": event.entity,
        "company_id": str(company.id),
        "correlation_id": str(uuid.uuid4()),
        "entity_id": str(record["id"]),
        "id": event_id,
        "is_bulk_edit": False,
        "timestamp": precise(at),
        "user_id": str(event.user.id),
        "version": "2.0",
        "change_source": event.source,
        "host": host,
        "permitted_user_ids": [str(user.id) for user in permitted(event)],
    }
    for name, number in (("merged_to_id", event.merged_to), ("merged_from_id", event.merged_from)):
        if number is not None:
            meta[name] = str(number)
    previous = _previous(before, after) if before is not None and after is not None else before
    return {"meta": meta, "data": after, "previous": previous}


def addressed(body: Object, hook: Hook, attempt: int) -> Object:
    """A body as one webhook gets it at one attempt."""
    meta = body["meta"] | {
        "type": hook.record["type"],
        "webhook_id": str(hook.id),
        "webhook_owner_id": str(hook.record["owner_id"]),
        "attempt": attempt,
    }
    return {**body, "meta": meta}
