"""Activities. The note is kept as it was sent: the vendor's sanitising of notes is not imitated."""

from __future__ import annotations

from connector.sandbox.pipedrive.checks import (
    Keys,
    address,
    boolean,
    day,
    duration,
    full_address,
    integer,
    items,
    large,
    nullable,
    shape,
    short,
    string,
    time_of_day,
)
from connector.sandbox.pipedrive.errors import bad_request
from connector.sandbox.pipedrive.queries import Seen, flag, plain, whole
from connector.sandbox.pipedrive.records import Actor, Entity, alive, equals, linked, operations, owner_of
from connector.sandbox.pipedrive.state import Company
from connector.sandbox.wire import Object

READ_ONLY = (
    "'person_id' is a read-only field. Add a primary participant to set 'person_id' instead. "
    'For example: "participants": [{ "person_id": 1, "primary": true }]'
)
_ATTENDEE = shape(
    {
        "email": string,
        "name": nullable(string),
        "status": nullable(string),
        "is_organizer": boolean,
        "person_id": nullable(integer),
        "user_id": nullable(integer),
    }
)
KEYS: Keys = {
    "subject": short,
    "type": short,
    "owner_id": integer,
    "deal_id": nullable(integer),
    "lead_id": nullable(string),
    "org_id": nullable(integer),
    "project_id": nullable(integer),
    "due_date": nullable(day),
    "due_time": nullable(time_of_day),
    "duration": nullable(duration),
    "busy": boolean,
    "done": boolean,
    "location": nullable(address),
    "participants": items(shape({"person_id": integer, "primary": boolean}, required=("person_id",))),
    "attendees": items(_ATTENDEE),
    "public_description": nullable(string),
    "priority": nullable(integer),
    "note": nullable(large),
}
_PLAIN = ("subject", "lead_id", "project_id", "busy", "public_description", "priority", "note")


def _guard(_actor: Actor, _record: Object | None, body: Object) -> None:
    if "person_id" in body:
        raise bad_request(READ_ONLY)


def _read(actor: Actor, body: Object) -> Object:
    """The keys of a record that a body sets."""
    company = actor.company
    values: Object = {key: body[key] for key in _PLAIN if key in body}
    if "type" in body:
        values["type"] = _type(company, body["type"])
    if "owner_id" in body:
        values["owner_id"] = owner_of(actor, body)
    for key, entity in (("deal_id", "deal"), ("org_id", "organization")):
        if key in body:
            values[key] = linked(actor, entity, body[key])
    if "due_date" in body:
        values["due_date"] = body["due_date"]
    for key in ("due_time", "duration"):
        if key in body:
            values[key] = _with_seconds(body[key])
    if "location" in body:
        values["location"] = None if body["location"] is None else full_address(body["location"])
    if "participants" in body:
        values["participants"], values["person_id"] = _participants(actor, body["participants"])
    return values


def _type(company: Company, key: str) -> str:
    if not any(kind["key_string"] == key and kind["active_flag"] for kind in company.activity_types.values()):
        raise bad_request(f"Activity type '{key}' is not an active activity type")
    return key


def _with_seconds(time: str | None) -> str | None:
    return f"{time}:00" if time is not None and time.count(":") == 1 else time


def _participants(actor: Actor, sent: list[Object]) -> tuple[list[Object], int | None]:
    seen = {linked(actor, "person", item["person_id"]) for item in sent}
    if len(seen) < len(sent):
        raise bad_request("A participant is named twice")
    primary = [item["person_id"] for item in sent if item.get("primary")]
    if len(primary) > 1:
        raise bad_request("Only one participant can be primary")
    first = primary[0] if primary else sent[0]["person_id"] if sent else None
    return [{"person_id": item["person_id"], "primary": item["person_id"] == first} for item in sent], first


def _only_one_target(record: Object) -> None:
    if record["deal_id"] is not None and record["lead_id"] is not None:
        raise bad_request("An activity cannot be linked to a deal and a lead at the same time")


def _build(actor: Actor, body: Object) -> Object:
    company = actor.company
    record: Object = {
        "subject": None,
        "type": None,
        "owner_id": actor.user.id,
        "creator_user_id": actor.user.id,
        "is_deleted": False,
        "add_time": None,
        "update_time": None,
        "deal_id": None,
        "lead_id": None,
        "person_id": None,
        "org_id": None,
        "project_id": None,
        "due_date": None,
        "due_time": None,
        "duration": None,
        "busy": False,
        "done": body.get("done", False),
        "marked_as_done_time": actor.world.stamp() if body.get("done") else None,
        "location": None,
        "participants": [],
        "conference_meeting_client": None,
        "conference_meeting_url": None,
        "conference_meeting_id": None,
        "public_description": None,
        "priority": None,
        "note": None,
        **_read(actor, body),
    }
    _only_one_target(record)
    if record["type"] is None:
        active = [kind["key_string"] for kind in company.activity_types.values() if kind["active_flag"]]
        record["type"] = "call" if "call" in active else next(iter(active), None)
    if record["subject"] is None:
        record["subject"] = next(
            (
                kind["name"]
                for kind in company.activity_types.values()
                if kind["key_string"] == record["type"]
            ),
            "",
        )
    if body.get("attendees"):
        company.attendees[company.activities.next_id] = body["attendees"]
    return record


def _change(actor: Actor, record: Object, body: Object) -> Object:
    changes = _read(actor, body)
    if "done" in body and body["done"] != record["done"]:
        changes |= {
            "done": body["done"],
            "marked_as_done_time": actor.world.stamp() if body["done"] else None,
        }
    if "attendees" in body:
        actor.company.attendees[record["id"]] = body["attendees"]
    _only_one_target({**record, **changes})
    return changes


def _wanted(_company: Company, query: Object) -> list[Seen]:
    return equals(query, "owner_id", "deal_id", "lead_id", "person_id", "org_id", "done")


def _show(company: Company, record: Object, query: Object) -> Object:
    if "attendees" in query.get("include_fields", ()):
        return {**record, "attendees": company.attendees.get(record["id"], [])}
    return record


ACTIVITY = Entity(
    name="activity",
    plural="activities",
    scope="activities",
    keys=KEYS,
    patch_keys=KEYS,
    required=(),
    build=_build,
    change=_change,
    filters={"deal_id": whole, "lead_id": plain, "person_id": whole, "org_id": whole, "done": flag},
    wanted=_wanted,
    show=_show,
    sort_by=("due_date",),
    guard=_guard,
)
OPERATIONS = operations(ACTIVITY, {}, [alive])
