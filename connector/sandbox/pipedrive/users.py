"""v1: users, the token's user, user settings and activity types."""

from __future__ import annotations

import re
import unicodedata
import uuid
from datetime import datetime
from zoneinfo import ZoneInfo

from aiohttp import web

from connector.sandbox.pipedrive.access import Call, Operation, ok
from connector.sandbox.pipedrive.errors import v1_error
from connector.sandbox.pipedrive.state import Company, User, v1_time
from connector.sandbox.wire import Object, as_object

ICONS = [
    "task",
    "email",
    "meeting",
    "deadline",
    "call",
    "lunch",
    "calendar",
    "downarrow",
    "document",
    "smartphone",
    "camera",
    "scissors",
    "cogs",
    "bubble",
    "uparrow",
    "checkbox",
    "signpost",
    "shuffle",
    "addressbook",
    "linegraph",
    "picture",
    "car",
    "world",
    "search",
    "clip",
    "sound",
    "brush",
    "key",
    "padlock",
    "pricetag",
    "suitcase",
    "finish",
    "plane",
    "loop",
    "wifi",
    "truck",
    "cart",
    "bulb",
    "bell",
    "presentation",
]
DEFAULT_TYPES = ("Call", "Meeting", "Task", "Deadline", "Email", "Lunch")


def shown_user(company: Company, user: User, me: User, now: datetime) -> Object:
    """A user as v1 lists it."""
    offset = now.astimezone(ZoneInfo(user.timezone)).strftime("%z")
    return {
        "id": user.id,
        "name": user.name,
        "default_currency": company.currency,
        "locale": user.locale,
        "lang": 1,
        "email": user.email,
        "phone": user.phone,
        "activated": True,
        "last_login": user.created,
        "created": user.created,
        "modified": user.created,
        "has_created_company": False,
        "access": [
            {"app": app, "admin": user.admin, "permission_set_id": _permission_set(company, app, user)}
            for app in ("sales", "global", "account_settings")
            if user.admin or app != "account_settings"
        ],
        "active_flag": user.active,
        "timezone_name": user.timezone,
        "timezone_offset": f"{offset[:3]}:{offset[3:]}",
        "role_id": 1,
        "icon_url": None,
        "is_you": user.id == me.id,
        "is_deleted": False,
    }


def _permission_set(company: Company, app: str, user: User) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_OID, f"{company.id}/{app}/{user.admin}"))


async def _list(call: Call) -> web.Response:
    now = call.world.clock.now()
    return ok([shown_user(call.company, user, call.user, now) for user in call.company.users.values()])


async def _me(call: Call) -> web.Response:
    company = call.company
    language, _, country = call.user.locale.partition("_")
    return ok(
        {
            **shown_user(company, call.user, call.user, call.world.clock.now()),
            "company_id": company.id,
            "company_name": company.name,
            "company_domain": company.domain,
            "company_country": country,
            "company_industry": "",
            "language": {"language_code": language, "country_code": country},
        }
    )


async def _settings(call: Call) -> web.Response:
    return ok(
        {
            "autofill_deal_expected_close_date": False,
            "beta_app": False,
            "callto_link_syntax": call.company.callto,
            "file_upload_destination": "pipedrive",
            "list_limit": 100,
            "marketplace_team": False,
            "person_duplicate_condition": "name_and_email",
            "prevent_salesphone_callto_override": False,
        }
    )


def add_activity_type(company: Company, name: str, now: datetime, **given: object) -> Object:
    """Make an activity type; its `key_string` comes from the name and never changes."""
    number = max(company.activity_types, default=0) + 1
    taken = {kind["key_string"] for kind in company.activity_types.values()}
    key = slug(name, "_") or "type"
    record: Object = {
        "id": number,
        "order_nr": number,
        "name": name,
        "key_string": key if key not in taken else f"{key}_{number}",
        "icon_key": "task",
        "active_flag": True,
        "color": None,
        "is_custom_flag": True,
        "add_time": v1_time(now),
        "update_time": v1_time(now),
        **given,
    }
    company.activity_types[number] = record
    return record


def slug(name: str, joint: str) -> str:
    """Write a name in small ASCII letters and digits, everything else being a joint; may be empty."""
    plain = unicodedata.normalize("NFKD", name.translate(str.maketrans("łŁ", "lL")))
    return re.sub(r"[^a-z0-9]+", joint, plain.encode("ascii", "ignore").decode().lower()).strip(joint)


async def _list_types(call: Call) -> web.Response:
    return ok(sorted(call.company.activity_types.values(), key=lambda kind: kind["order_nr"]))


async def _type_body(call: Call) -> Object:
    if not call.user.admin:
        raise v1_error(403, "You do not have permission to do this")
    try:
        body = as_object(await call.json())
    except ValueError as error:
        raise v1_error(400, "Bad request") from error
    if "icon_key" in body and body["icon_key"] not in ICONS:
        raise v1_error(400, "icon_key must be a known icon")
    if "name" in body and not (isinstance(body["name"], str) and body["name"].strip()):
        raise v1_error(400, "name must be provided")
    return body


async def _add_type(call: Call) -> web.Response:
    body = await _type_body(call)
    if "name" not in body or "icon_key" not in body:
        raise v1_error(400, "name and icon_key must be provided")
    now = call.world.clock.now()
    return ok(
        add_activity_type(call.company, body["name"], now, icon_key=body["icon_key"], color=body.get("color"))
    )


def _type(call: Call) -> Object:
    record = call.company.activity_types.get(call.id)
    if record is None:
        raise v1_error(404, "Activity type not found")
    return record


async def _change_type(call: Call) -> web.Response:
    record, body = _type(call), await _type_body(call)
    record.update({key: body[key] for key in ("name", "icon_key", "color", "order_nr") if key in body})
    record["update_time"] = v1_time(call.world.clock.now())
    return ok(record)


async def _delete_type(call: Call) -> web.Response:
    record = _type(call)
    if not call.user.admin:
        raise v1_error(403, "You do not have permission to do this")
    record["active_flag"] = False
    record["update_time"] = v1_time(call.world.clock.now())
    return ok(record)


_TYPES = ("activities:read", "activities:full", "admin")
OPERATIONS = [
    Operation("GET", "/v1/users", 20, ("users:read",), _list),
    Operation("GET", "/v1/users/me", 2, (), _me),
    Operation("GET", "/v1/userSettings", 2, (), _settings),
    Operation("GET", "/v1/activityTypes", 20, _TYPES, _list_types),
    Operation("POST", "/v1/activityTypes", 10, ("admin",), _add_type),
    Operation("PUT", r"/v1/activityTypes/{id:\d+}", 10, ("admin",), _change_type),
    Operation("DELETE", r"/v1/activityTypes/{id:\d+}", 6, ("admin",), _delete_type),
]
